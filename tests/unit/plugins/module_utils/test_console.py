# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console command: what a person reads, what a program reads, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import console, revert_main
from switch_world import SwitchWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwitchWorld:
    world = SwitchWorld(tmp_path, monkeypatch)
    monkeypatch.setattr(console, "Host", lambda: world.host)
    return world


def ask(world: SwitchWorld, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = revert_main.main(["console", "--state-dir", world.state_dir, *words])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def data(world: SwitchWorld, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code, text = ask(world, capsys, *words, "--json")
    assert code == 0, text
    return json.loads(text)


def test_a_host_that_was_never_touched(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(world, capsys, "runs") == (0, "No run changed this host.\n")
    assert ask(world, capsys, "status") == (0, "Nothing is armed, unfinished or on hold.\n")
    assert ask(world, capsys, "revert")[0] == 3
    assert ask(world, capsys, "confirm") == (3, "evenkeel: nothing is not armed; see `evenkeel status`\n")
    assert not Path(world.state_dir).exists()


def test_runs_and_status_while_armed(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    world.arm()
    (run,) = data(world, capsys, "runs")["runs"]
    assert (run["run"], run["who"], run["state"], run["targets"]) == ("run-1", "ops@controller", "armed", 5)
    header, line = ask(world, capsys, "runs")[1].splitlines()
    assert header.split() == ["RUN", "STARTED", "BY", "SCOPES", "STATE", "TARGETS"]
    assert line.split()[0] == "run-1"
    status = data(world, capsys, "status")
    assert status["armed"]["record"] == "run-1/0001"
    assert 0 < status["armed"]["remaining"] <= 30
    assert "puts itself back in" in ask(world, capsys, "status")[1]


def test_confirm_needs_no_token(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    record = world.arm()
    world.break_it()
    assert ask(world, capsys, "confirm", "another-run")[0] == 3
    assert ask(world, capsys, "confirm") == (0, "run-1 is confirmed and stays.\n")
    assert record.state == "confirmed"
    assert not world.is_as_before()


def test_revert_takes_the_armed_run_first(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    record = world.arm()
    world.break_it()
    code, text = ask(world, capsys, "revert")
    assert code == 0, text
    assert "run-1 was put back" in text
    assert record.state == "reverted"
    assert world.is_as_before()


def test_revert_of_a_finished_run_is_careful(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    world.arm()
    (world.etc / "app.conf").write_text("changed\n")
    ask(world, capsys, "confirm")
    (world.etc / "app.conf").write_text("changed by somebody else\n")
    code, text = ask(world, capsys, "revert", "run-1")
    assert code == 3
    assert "Somebody else changed" in text
    assert data(world, capsys, "revert", "run-1", "--force")["undone"] == ["run-1"]
    assert world.is_as_before()


def test_hold_and_release(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    held = data(world, capsys, "hold", "incident", "4711")["hold"]
    assert held["reason"] == "incident 4711"
    assert "incident 4711" in world.serve("armed").error
    assert "incident 4711" in ask(world, capsys, "status")[1]
    assert ask(world, capsys, "release") == (0, "Released.\n")
    assert ask(world, capsys, "release") == (0, "This host was not on hold.\n")
    assert world.serve("armed").error == ""


@pytest.mark.parametrize("words", [[], ["sink"], ["runs", "extra"], ["status", "--yaml"]])
def test_wrong_usage_is_2(world: SwitchWorld, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert ask(world, capsys, *words)[0] == 2


def test_without_root_it_refuses_politely(
    world: SwitchWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(console.os, "access", lambda path, mode: False)
    code, text = ask(world, capsys, "runs")
    assert (code, text) == (4, "evenkeel: needs root: sudo evenkeel ...\n")


def test_a_fault_is_one_sentence(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    record = world.arm()
    Path(record.path, "meta.json").write_text("{")
    code, text = ask(world, capsys, "runs")
    assert code == 1
    assert len(text.splitlines()) == 1
