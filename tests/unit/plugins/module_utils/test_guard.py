# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""commit_confirm: what it answers, what it refuses, and that it changes nothing by itself."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import hold, snapshot, switch, undo
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import transaction
from switch_world import SwitchWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwitchWorld:
    return SwitchWorld(tmp_path, monkeypatch)


def test_arm_change_confirm(world: SwitchWorld) -> None:
    armed = world.serve("armed")
    assert armed.values == {"record": "run-1/0001", "deadline": 30, "targets": 5}
    assert not armed.changed
    world.break_it()
    confirmed = world.serve("confirmed")
    assert confirmed.values == {"confirmed": True, "record": "run-1/0001"}
    assert not confirmed.changed
    assert not world.is_as_before()


def test_arm_change_revert(world: SwitchWorld) -> None:
    world.serve("armed")
    world.break_it()
    reverted = world.serve("reverted")
    assert reverted.changed
    assert f"path {world.etc / 'app.conf'}" in reverted.values["restored"]
    assert world.is_as_before()
    assert world.record().state == "reverted"
    assert not Path(world.state_dir, "fenced/run-1").exists(), "the run asked for it and may go on"
    assert world.serve("reverted").values == {"restored": []}


def test_a_confirmed_run_can_be_undone(world: SwitchWorld) -> None:
    world.serve("armed")
    (world.etc / "app.conf").write_text("changed by the user's task\n")
    world.serve("confirmed")
    call = transaction({"state_dir": world.state_dir, "run": "undoing", "run_by": "x"}, "undo", False, world.host)
    done = undo.undo(call, undo.Request("run-1"))
    assert done.overwritten == []
    assert world.is_as_before()


@pytest.mark.parametrize("change", ["directory", "file over directory", "directory over file", "link"])
def test_whatever_tasks_do_below_the_paths(world: SwitchWorld, change: str) -> None:
    deep = world.etc / "tree" / "deep"
    deep.mkdir(parents=True)
    (deep / "leaf").write_text("leaf\n")
    (world.etc / "link").symlink_to("app.conf")
    world.serve("armed", paths=[str(world.etc), str(world.etc.parent / "later")])
    (world.etc.parent / "later" / "below").mkdir(parents=True)
    if change == "directory":
        (deep / "leaf").unlink()
        deep.rmdir()
    elif change == "file over directory":
        (deep / "leaf").unlink()
        deep.rmdir()
        deep.write_text("now a file")
    elif change == "directory over file":
        (deep / "leaf").unlink()
        (deep / "leaf" / "more").mkdir(parents=True)
    else:
        (world.etc / "link").unlink()
        (world.etc / "link").symlink_to("/nowhere")
    answer = world.serve("reverted")
    assert answer.error == ""
    assert (deep / "leaf").read_text() == "leaf\n"
    assert (world.etc / "link").readlink() == Path("app.conf")
    assert not (world.etc.parent / "later").exists()


def test_check_mode_touches_nothing(world: SwitchWorld) -> None:
    assert world.serve("armed", check_mode=True).values == {"targets": 5, "deadline": 30}
    assert world.serve("confirmed", check_mode=True).values == {"confirmed": False}
    assert not Path(world.state_dir).exists()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"paths": ["etc/ssh"]}, "paths: 'etc/ssh' is not absolute"),
    ({"paths": ["/"]}, "paths: '/' cannot be snapshotted"),
    ({"paths": ["/proc/sys/net"]}, "paths: '/proc/sys/net' cannot be snapshotted"),
    ({"paths": ["/sys"]}, "paths: '/sys' cannot be snapshotted"),
    ({"paths": ["/run/../dev"]}, "cannot be snapshotted"),
    ({"units": ["ssh"]}, "units: 'ssh' has no suffix"),
    ({"paths": [], "units": []}, "paths and units are both empty"),
    ({"deadline": 10}, "deadline is 10; allowed: 30 to 900"),
    ({"deadline": 86400}, "deadline is 86400; allowed: 30 to 900"),
    ({"state_dir": "/var/lib/even keel"}, "state_dir is '/var/lib/even keel'"),
    ({"run": "a/b"}, "run is 'a/b'"),
]


@pytest.mark.parametrize(("options", "words"), BAD)
def test_bad_input_names_the_option_and_touches_nothing(
    world: SwitchWorld, options: dict[str, Any], words: str
) -> None:
    answer = world.serve("armed", **options)
    assert words in answer.error
    assert not list(Path(world.state_dir).rglob("state"))


def test_the_journal_is_not_below_a_path(world: SwitchWorld) -> None:
    assert "holds the journal" in world.serve("armed", paths=[str(world.etc.parent)]).error


def test_too_many_files_are_refused(world: SwitchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MAX_TARGETS", 3)
    for number in range(5):
        (world.etc / str(number)).write_text("x")
    assert "more than 3 files" in world.serve("armed").error


def test_sockets_and_pipes_are_left_alone(world: SwitchWorld) -> None:
    os.mkfifo(world.etc / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(world.etc / "socket"))
        world.serve("armed")
        assert world.serve("reverted").error == ""
        assert (world.etc / "pipe").is_fifo()
        assert (world.etc / "socket").is_socket()


def test_a_host_on_hold_is_not_armed(world: SwitchWorld) -> None:
    Path(world.state_dir).mkdir()
    hold.put(world.state_dir, hold.Hold("incident", "anna", "today"))
    assert "on hold since today (anna: incident)" in world.serve("armed").error


def test_a_host_armed_by_another_run_is_not_armed(world: SwitchWorld) -> None:
    world.serve("armed")
    assert "armed by run run-1" in world.serve("armed", run="run-2").error


def test_a_fenced_run_is_not_armed_again(world: SwitchWorld) -> None:
    switch.expire(world.arm(), world.host)
    assert "put run run-1 back" in world.serve("armed").error


def test_confirming_what_was_put_back_says_so(world: SwitchWorld) -> None:
    record = world.arm()
    switch.expire(record, world.host)
    for identity in ("", record.id):
        assert "The deadline is over: run-1/0001 was put back" in world.serve("confirmed", record=identity).error


def test_confirming_nothing_says_so(world: SwitchWorld) -> None:
    assert "armed nothing on this host" in world.serve("confirmed").error


def test_confirming_anothers_arming_says_so(world: SwitchWorld) -> None:
    world.arm()
    assert "Run run-1 armed this host" in world.serve("confirmed", run="run-2").error
    assert "the token is another's" in world.serve("confirmed", **{"token": "stolen"}).error
    assert world.record().state == "armed"


def test_confirming_twice_says_so(world: SwitchWorld) -> None:
    world.arm()
    world.serve("confirmed")
    assert "is confirmed already" in world.serve("confirmed").error
