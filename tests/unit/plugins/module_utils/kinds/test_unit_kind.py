# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units: what systemd says is read, and what was there comes back, links and all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import ChangeFailed
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.unit import (
    UnitKind,
    parse_show,
    read_units,
    unit_links,
)

SYSV = "Id=old.service\nLoadState=loaded\nActiveState=active\nUnitFileState=generated\nSourcePath=/etc/init.d/old\n"


class Systemctl(Runner):
    """Answers by verb, and remembers what was done."""

    def __init__(self, **answers: str | tuple[int, str, str]) -> None:
        self.answers, self.done = answers, []  # type: ignore[var-annotated]  # texts

    def run(self, argv: Sequence[str], *_args: object, **_options: object) -> Result:
        words = [word for word in argv[1:] if word != "--"]
        verb = next((word for word in words if not word.startswith("-")), "")
        if verb not in ("show", "is-enabled", "is-system-running"):
            self.done.append(" ".join(words))
        said = self.answers.get(verb.replace("-", "_"), "")
        return Result(tuple(argv), 0, said, "") if isinstance(said, str) else Result(tuple(argv), *said)


def host_at(root: Path, **answers: str | tuple[int, str, str]) -> tuple[Host, Systemctl]:
    for directory in ("run/systemd/system", "etc/systemd/system"):
        (root / directory).mkdir(parents=True)
    runner = Systemctl(**answers)
    return Host(str(root), runner=runner), runner


def test_blocks_of_show() -> None:
    assert parse_show("Id=a\nX=1=2\n\nId=b\n") == [{"Id": "a", "X": "1=2"}, {"Id": "b"}]


def test_an_init_script_is_asked_for_by_its_own_tool(tmp_path: Path) -> None:
    host, _rest = host_at(tmp_path, show=SYSV, is_enabled="enabled\n")
    unit = read_units(host, ["old.service"])["old.service"]
    assert (unit.file_state, unit.active) == ("enabled", True)


def test_links_that_enable_mask_or_rename(tmp_path: Path) -> None:
    host, _rest = host_at(tmp_path)
    top = tmp_path / "etc/systemd/system"
    for place, to in (
        ("multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service"),
        ("sshd.service", "/lib/systemd/system/ssh.service"),
        ("multi-user.target.wants/cron.service", "/lib/systemd/system/cron.service"),
        ("other.service", "/dev/null"),
    ):
        (top / place).parent.mkdir(parents=True, exist_ok=True)
        (top / place).symlink_to(to)
    assert unit_links(host, "ssh.service") == {
        "/etc/systemd/system/multi-user.target.wants/ssh.service": "/lib/systemd/system/ssh.service",
        "/etc/systemd/system/sshd.service": "/lib/systemd/system/ssh.service",
    }
    assert unit_links(host, "other.service") == {"/etc/systemd/system/other.service": "/dev/null"}


def test_links_come_back_as_they_were_with_one_reload(tmp_path: Path) -> None:
    host, systemctl = host_at(tmp_path, show="Id=a.service\nLoadState=loaded\nActiveState=inactive\n")
    state = UnitKind().capture("a.service", host, MemoryBlobs())
    links = {
        "/etc/systemd/system/x.target.wants/a.service": "../a.service",
        "/etc/systemd/system/b.service": "a.service",
    }
    for _again in range(2):
        UnitKind().put("a.service", {**state, "links": links}, host, MemoryBlobs())
        assert unit_links(host, "a.service") == links
    assert systemctl.done == ["daemon-reload"]
    UnitKind().put("a.service", state, host, MemoryBlobs())
    assert list((tmp_path / "etc/systemd/system").iterdir()) == []


def test_while_the_host_boots_nobody_waits_for_a_job(tmp_path: Path) -> None:
    shown = "Id=a.service\nLoadState=loaded\nActiveState=inactive\n"
    host, systemctl = host_at(tmp_path, show=shown, is_system_running=(1, "starting\n", ""))
    UnitKind().put("a.service", {"active": True}, host, MemoryBlobs())
    assert systemctl.done == ["--no-block start a.service"]


def test_a_unit_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    shown = "Id=a.service\nLoadState=loaded\nActiveState=failed\n"
    host, _rest = host_at(tmp_path, show=shown, start=(1, "", "Job failed."))
    with pytest.raises(ChangeFailed, match="a.service does not start: Job failed."):
        UnitKind().put("a.service", {"active": True}, host, MemoryBlobs())


def test_an_absent_unit_needs_no_disabling(tmp_path: Path) -> None:
    host, systemctl = host_at(tmp_path, show="Id=a.service\nLoadState=not-found\nActiveState=inactive\n")
    UnitKind().put("a.service", {"enabled": "disabled", "active": False}, host, MemoryBlobs())
    assert systemctl.done == []


@pytest.mark.parametrize(
    ("before", "back"),
    [
        ({}, True),
        ({"enabled": "static"}, True),
        ({"enabled": "enabled", "links": {"/etc/systemd/system/x.target.wants/a.path": "../a.path"}}, False),
        ({"active": True}, False),
        ({"masked": True}, False),
    ],
)
def test_a_unit_that_is_gone_is_back_where_nothing_started_it(before: dict[str, object], back: bool) -> None:
    idle = {"exists": True, "enabled": "disabled", "masked": False, "active": False, "sysv": False, "links": {}}
    gone = {**idle, "exists": False, "enabled": ""}
    assert UnitKind().is_back(gone, {**idle, **before}) is back
    assert UnitKind().is_back({**idle, "active": True}, idle) is False
