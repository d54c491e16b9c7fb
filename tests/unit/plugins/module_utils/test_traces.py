# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine leaves on a host, found and taken away; refused where that would harm; completed when cut off."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import boot_unit, hold, motd, receipt_head, traces
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import FileLayer
from switch_world import SwitchWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwitchWorld:
    world = SwitchWorld(tmp_path, monkeypatch)
    Path(boot_unit.CONSOLE).parent.mkdir()
    monkeypatch.setattr(boot_unit, "DEFAULT_STATE_DIR", world.state_dir)
    monkeypatch.setattr(traces, "STAGES", (str(tmp_path / "stages"),))
    monkeypatch.setattr(traces, "TRANSIENT", str(tmp_path / "transient"))
    return world


def lived_in(world: SwitchWorld) -> None:
    """One run that is confirmed, a receipt's head, and what a killed validation left."""
    record = world.arm()
    world.break_it()
    assert world.serve("confirmed", record=record.id).values["confirmed"]
    receipt_head.store(world.state_dir, "run-1", "0" * 64, world.host)
    for name in ("stages/.evenkeel-stage-x1", "transient"):
        Path(world.etc.parent, name).mkdir(parents=True)
    Path(world.etc.parent, "transient/evenkeel-deadline-run-1-0001.service").touch()
    motd.write(world.host, "run-1 was put back")


def left(world: SwitchWorld) -> list[str]:
    """Everything below the test's directory that bears the name."""
    return sorted(
        str(Path(place, name))
        for place, directories, files in os.walk(world.etc.parent)
        for name in [*directories, *files]
        if "evenkeel" in name or str(Path(place, name)) == world.state_dir
    )


def test_everything_is_found_and_removed_and_configuration_stays(world: SwitchWorld) -> None:
    lived_in(world)
    found = traces.find(world.state_dir, world.host)
    assert {Path(path).name for path in found.paths} == {
        "evenkeel",
        "60-evenkeel",
        "evenkeel-revert.service",
        "evenkeel-deadline-run-1-0001.service",
        ".evenkeel-stage-x1",
        "state",
    }
    assert found.runs == 1
    assert f"path {world.etc}/app.conf" in found.standing
    reloads = len(world.systemd.told("systemctl", "daemon-reload"))
    assert traces.remove(world.state_dir, world.host, "run-2").paths == found.paths
    assert left(world) == []
    assert (world.etc / "app.conf").read_text() == "broken\n"
    assert len(world.systemd.told("systemctl", "daemon-reload")) == reloads + 1


def test_a_host_without_traces_has_none_afterwards_either(world: SwitchWorld) -> None:
    assert traces.remove(world.state_dir, world.host, "run-1").paths == []
    assert not Path(world.state_dir).exists()


def test_the_foreign_console_program_stays(world: SwitchWorld) -> None:
    Path(boot_unit.CONSOLE).write_text("#!/bin/sh\necho a ship\n")
    lived_in(world)
    traces.remove(world.state_dir, world.host, "run-2")
    assert "a ship" in Path(boot_unit.CONSOLE).read_text()


def armed(world: SwitchWorld) -> None:
    world.arm()


def unfinished(world: SwitchWorld) -> None:
    record = world.arm()
    record.move("armed", "reverting")


def on_hold(world: SwitchWorld) -> None:
    lived_in(world)
    hold.put(world.state_dir, hold.Hold("incident", "anna@console", "2026-11-24T02:00:00Z"))


def foreign(world: SwitchWorld) -> None:
    lived_in(world)
    Path(world.state_dir, "passwd").touch()


def linked(world: SwitchWorld) -> None:
    Path(world.state_dir).symlink_to(world.etc)


def a_file(world: SwitchWorld) -> None:
    Path(world.state_dir).touch()


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (armed, "Run run-1 is armed"),
        (unfinished, "run-1/0001 was killed and is unfinished"),
        (on_hold, "This host is on hold"),
        (foreign, "in which passwd is not of this engine"),
        (linked, "which is a symbolic link"),
        (a_file, "which is no directory"),
    ],
)
def test_what_speaks_against_it_is_named_and_nothing_removed(
    world: SwitchWorld, prepare: Callable[[SwitchWorld], None], says: str
) -> None:
    prepare(world)
    before = left(world)
    (obstacle,) = traces.find(world.state_dir, world.host).obstacles
    assert says in obstacle
    with pytest.raises(traces.Obstructed, match="."):
        traces.remove(world.state_dir, world.host, "run-2")
    assert left(world) == before


def test_another_call_that_works_now_is_not_disturbed(world: SwitchWorld) -> None:
    lived_in(world)
    with traces.HostLock(world.state_dir).held("run-2"), pytest.raises(traces.Obstructed, match="run-2"):
        traces.remove(world.state_dir, world.host, "run-3")


def test_boot_units_of_other_state_directories_are_told(world: SwitchWorld, tmp_path: Path) -> None:
    lived_in(world)
    boot_unit.install(world.host, str(tmp_path / "trial"), everything=True)
    (other,) = traces.find(world.state_dir, world.host).others
    traces.remove(world.state_dir, world.host, "run-2")
    assert Path(other).exists()


class CutOff(FileLayer):
    """Fails at the n-th call that removes or renames, as a power cut would."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def _count(self) -> None:
        self.calls -= 1
        if self.calls < 0:
            raise OSError(errno.EIO, "cut off")

    def unlink(self, path: str) -> None:
        self._count()
        super().unlink(path)

    def rmdir(self, path: str) -> None:
        self._count()
        super().rmdir(path)

    def rename(self, source: str, target: str) -> None:
        self._count()
        super().rename(source, target)


def test_cut_off_anywhere_it_is_completed_by_the_next_call(world: SwitchWorld) -> None:
    """At each point the journal is whole or not there, and the next removal leaves nothing."""
    for calls in range(200):
        lived_in(world)
        whole = traces.find(world.state_dir, world.host)
        world.host.fs = CutOff(calls)
        try:
            traces.remove(world.state_dir, world.host, "run-2")
            done = True
        except OSError:
            done = False
        world.host.fs = FileLayer()
        now = traces.find(world.state_dir, world.host)
        assert now.obstacles == []
        assert (now.runs, now.standing) in ((whole.runs, whole.standing), (0, []))
        traces.remove(world.state_dir, world.host, "run-3")
        assert left(world) == []
        if done:
            assert calls > 20
            return
        world.etc.joinpath("app.conf").write_text("before\n")
        for name in ("stages", "transient"):
            Path(world.etc.parent, name).rmdir()
    pytest.fail("the removal was never whole")
