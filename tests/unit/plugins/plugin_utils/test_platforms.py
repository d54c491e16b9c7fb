"""The most specific file wins; a release that nobody wrote the role for is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.platforms import platform_file

RELEASES = {"debian": {"Debian": ["12", "13"], "Ubuntu": ["24"]}, "redhat": {"Rocky": ["9"]}}


def find(role: Path, distribution: str, release: str, family: str) -> str:
    facts = {"distribution": distribution, "distribution_major_version": release, "os_family": family}
    return platform_file(role, RELEASES, facts, "web1").name


@pytest.fixture
def role(tmp_path: Path) -> Path:
    (tmp_path / "shop/vars").mkdir(parents=True)
    for name in ("main", "debian", "debian-13"):
        (tmp_path / "shop/vars" / f"{name}.yml").write_text("---\n")
    return tmp_path / "shop"


@pytest.mark.parametrize(
    ("distribution", "release", "name"),
    [("Debian", "13", "debian-13.yml"), ("Debian", "12", "debian.yml"), ("Ubuntu", "24", "debian.yml")],
)
def test_the_most_specific_file(role: Path, distribution: str, release: str, name: str) -> None:
    assert find(role, distribution, release, "Debian") == name


@pytest.mark.parametrize(("distribution", "release", "family"), [("Debian", "11", "Debian"), ("Rocky", "9", "RedHat")])
def test_what_the_role_is_not_written_for(role: Path, distribution: str, release: str, family: str) -> None:
    words = (
        f"Host web1 runs {distribution} {release}, which the role shop does not support; "
        "supported are Debian 12, Debian 13, Ubuntu 24."
    )
    with pytest.raises(ValueError, match=words):
        find(role, distribution, release, family)
