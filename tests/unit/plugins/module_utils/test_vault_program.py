# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's program: out of file or archive, whole, executable, and only root's; another digest is refused before."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import DigestOnly
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import ChangeFailed
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import temporary_name
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_program import PutProgram, is_installed, sha256_of

PROGRAM = b"\x7fELF the program"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the program is given to root")


def plain(path: Path, _name: str) -> None:
    path.write_bytes(PROGRAM)


def zipped(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("LICENSE.txt", "terms")
        bundle.writestr(name, PROGRAM)


def tarred(path: Path, name: str) -> None:
    with tarfile.open(path, "w:gz") as ball:
        for each, content in (("README.md", b"read"), (name, PROGRAM)):
            member = tarfile.TarInfo(each)
            member.size = len(content)
            ball.addfile(member, io.BytesIO(content))


@AS_ROOT
@pytest.mark.parametrize("pack", [plain, zipped, tarred])
@pytest.mark.parametrize("name", ["vault", "openbao/bao"])
def test_the_program_comes_out(tmp_path: Path, pack: Callable[[Path, str], None], name: str) -> None:
    host, source = Host(str(tmp_path)), tmp_path / "source"
    pack(source, name)
    assert not is_installed("/program", host)
    Path(temporary_name(str(tmp_path / "program"))).write_text("of a killed copy", encoding="ascii")
    PutProgram(str(source), "/program").apply(host, DigestOnly())
    assert (tmp_path / "program").read_bytes() == PROGRAM
    assert is_installed("/program", host)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program", "source"]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_without_it_is_refused(tmp_path: Path, pack: Callable[[Path, str], None]) -> None:
    pack(tmp_path / "source.zip", "consul")
    with pytest.raises(ChangeFailed, match=r"The archive source.zip holds no file that is named vault or bao"):
        PutProgram(str(tmp_path / "source.zip"), "/program").apply(Host(str(tmp_path)), DigestOnly())
    assert not (tmp_path / "program").exists()


@AS_ROOT
def test_a_program_that_others_may_write_is_not_taken_for_installed(tmp_path: Path) -> None:
    place = tmp_path / "program"
    place.write_bytes(PROGRAM)
    place.chmod(0o755)
    assert is_installed("/program", Host(str(tmp_path)))
    place.chmod(0o775)
    assert not is_installed("/program", Host(str(tmp_path)))
    place.chmod(0o755)
    os.chown(place, 65534, 0)
    assert not is_installed("/program", Host(str(tmp_path)))


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"test")
    assert sha256_of(str(tmp_path / "file")) == "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
