# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a file below /etc is."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import dpkg_files

STATUS = """\
Package: haproxy
Status: install ok installed
Conffiles:
 /etc/haproxy/haproxy.cfg 2f7f0b4a9c7b2dd2fb4a4b4f3a1f6a0d
 /etc/with blank/x 00000000000000000000000000000000 obsolete
 /etc/new newconffile
Description: load balancer
 /etc/not/a/conffile of a description
"""


def test_conffiles_are_read_with_blanks_and_marks() -> None:
    assert dpkg_files.parse_status(STATUS) == {
        "/etc/haproxy/haproxy.cfg": "2f7f0b4a9c7b2dd2fb4a4b4f3a1f6a0d",
        "/etc/with blank/x": "0" * 32,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (dpkg_files.LISTS, "var/lib/ucf"):
        (tmp_path / name).mkdir(parents=True)
    shipped = dpkg_files.digest(b"as shipped")
    (tmp_path / dpkg_files.STATUS).write_text(f"Package: x\nConffiles:\n /etc/x {shipped}\n")
    (tmp_path / dpkg_files.UCF).write_text(f"{shipped}  /etc/ucf\n")
    (tmp_path / dpkg_files.LISTS / "x.list").write_text("/etc/x\n/usr/bin/x\n/etc/plain\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "content", "whose"),
    [
        ("/etc/x", b"as shipped", "package"),
        ("/etc/x", b"edited", "modified"),
        ("/etc/ucf", b"as shipped", "package"),
        ("/etc/ucf", b"edited", "modified"),
        ("/etc/plain", b"anything", "package"),
        ("/etc/other", b"anything", "foreign"),
    ],
)
def test_origin(root: Path, path: str, content: bytes, whose: str) -> None:
    assert dpkg_files.origin(path, content, dpkg_files.read(str(root))) == whose


def test_without_dpkg_nobody_knows(tmp_path: Path) -> None:
    assert dpkg_files.origin("/etc/x", b"", dpkg_files.read(str(tmp_path))) == "unknown"
