# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that the journal notes without their contents: fetched files, a program's own files, a service's user."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import DigestOnly
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import ChangeFailed
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import temporary_name
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.fetched_file import FetchedFileKind
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.kept_files import KeptFilesKind
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.system_user import SystemUserKind

BLOBS = DigestOnly()
ABSENT = {"present": False}


def test_they_are_registered() -> None:
    assert {"fetched_file", "kept_files", "system_user"} <= KINDS.keys()


def test_a_fetched_file_goes_with_what_a_killed_copy_left(tmp_path: Path) -> None:
    kind, host, place = FetchedFileKind(), Host(str(tmp_path)), tmp_path / "program"
    assert kind.capture("/program", host, BLOBS) == ABSENT
    place.write_text("program", encoding="ascii")
    Path(temporary_name(str(place))).write_text("half", encoding="ascii")
    assert kind.capture("/program", host, BLOBS) == {"present": True}
    for _time in range(2):
        kind.put("/program", ABSENT, host, BLOBS)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(ChangeFailed, match="/program is not kept in the journal: run the role that fetched it again"):
        kind.put("/program", {"present": True}, host, BLOBS)


def kept(root: Path, **listed: object) -> Host:
    (root / "state").mkdir()
    (root / "etc").mkdir()
    (root / "etc/env").write_text("secret", encoding="ascii")
    text = json.dumps({"files": ["/etc/env", "/etc/gone"], "directories": ["/state", "/etc"], **listed})
    (root / "state/files.json").write_text(text, encoding="ascii")
    return Host(str(root))


def test_kept_files_go_with_their_list_and_empty_directories(tmp_path: Path) -> None:
    host = kept(tmp_path)
    (tmp_path / "etc/other").write_text("theirs", encoding="ascii")
    for _time in range(2):
        KeptFilesKind().put("/state/files.json", ABSENT, host, BLOBS)
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["etc", "other"]


def test_kept_files_stay_where_the_list_was_there_before(tmp_path: Path) -> None:
    host = kept(tmp_path)
    KeptFilesKind().put("/state/files.json", KeptFilesKind().capture("/state/files.json", host, BLOBS), host, BLOBS)
    assert (tmp_path / "etc/env").exists()


@pytest.mark.parametrize("listed", [{"files": "all"}, {"files": ["relative"]}, {"directories": None}])
def test_a_list_that_cannot_be_understood_removes_nothing(tmp_path: Path, listed: dict[str, object]) -> None:
    host = kept(tmp_path, **listed)
    with pytest.raises(ChangeFailed, match="cannot be understood, so its files stay"):
        KeptFilesKind().put("/state/files.json", ABSENT, host, BLOBS)
    assert (tmp_path / "etc/env").exists()


class Shadow(Runner):
    """useradd, userdel and groupdel on a directory's passwd and group; `keeps` is USERGROUPS_ENAB no."""

    def __init__(self, root: Path, keeps: bool = False) -> None:
        self.root, self.keeps, self.done = root, keeps, []  # type: ignore[var-annotated]  # texts

    def run(self, argv: Sequence[str], *_args: object, **_options: object) -> Result:
        self.done.append(list(argv))
        passwd, group = self.root / "etc/passwd", self.root / "etc/group"
        if argv[0] == "useradd":
            passwd.write_text(passwd.read_text() + f"{argv[-1]}:x:999:999::{argv[-3]}:/usr/sbin/nologin\n")
            group.write_text(group.read_text() + f"{argv[-1]}:x:999:\n")
        if argv[0] == "userdel":
            passwd.write_text("root:x:0:0:root:/root:/bin/sh\n")
        if argv[0] == "groupdel" or (argv[0] == "userdel" and not self.keeps):
            group.write_text("root:x:0:\n")
        return Result(tuple(argv), 0, "", "")


@pytest.mark.parametrize("keeps", [False, True])
def test_a_system_user_is_made_once_and_goes_with_its_group(tmp_path: Path, keeps: bool) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n", encoding="ascii")
    (tmp_path / "etc/group").write_text("root:x:0:\n", encoding="ascii")
    kind, runner = SystemUserKind(), Shadow(tmp_path, keeps)
    host = Host(str(tmp_path), runner=runner)
    before = kind.capture("agent", host, BLOBS)
    wanted = {"present": True, "home": "/var/lib/agent"}
    for _time in range(2):
        kind.put("agent", wanted, host, BLOBS)
    assert kind.same(kind.capture("agent", host, BLOBS), wanted)
    assert runner.done == [
        ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        + ["--home-dir", "/var/lib/agent", "--", "agent"]
    ]
    for _time in range(2):
        kind.put("agent", before, host, BLOBS)
    assert "agent" not in (tmp_path / "etc/passwd").read_text() + (tmp_path / "etc/group").read_text()
