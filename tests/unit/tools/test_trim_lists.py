"""The lists of the lab's image hold what it can install, in apt's own form."""

from __future__ import annotations

import runpy

from tools.lab import image

trimmed = runpy.run_path(str(image.RECIPE / "trim_lists.py"))["trimmed"]

LISTS = b"""Package: nginx
Version: 1.22.1-9
Depends: nginx-common, iproute2

Package: nginx-core
Version: 1.22.1-9

Package: nginx
Version: 1.22.1-9+deb12u2
"""


def test_all_versions_of_a_kept_name_stay_and_no_longer_name_does() -> None:
    assert trimmed(LISTS, {"nginx"}).decode().splitlines() == [
        "Package: nginx",
        "Version: 1.22.1-9",
        "Depends: nginx-common, iproute2",
        "",
        "Package: nginx",
        "Version: 1.22.1-9+deb12u2",
        "",
    ]


def test_nothing_is_left_of_a_list_without_kept_names() -> None:
    assert trimmed(LISTS, {"haproxy"}) == b""
