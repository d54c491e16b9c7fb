# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timer and the boot unit call."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import revert_main
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Result, Runner
from switch_world import SwitchWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwitchWorld:
    return SwitchWorld(tmp_path, monkeypatch)


def test_the_timer_puts_one_record_back(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    record = world.arm()
    world.break_it()
    assert revert_main.revert(world.state_dir, record.id, world.host) == 0
    assert world.is_as_before()
    assert "run-1/0001 is reverted: put back" in capsys.readouterr().out


def test_a_late_timer_finds_nothing(world: SwitchWorld, capsys: pytest.CaptureFixture[str]) -> None:
    record = world.arm()
    world.serve("confirmed")
    assert revert_main.revert(world.state_dir, record.id, world.host) == 0
    assert "nothing to put back" in capsys.readouterr().out
    assert revert_main.revert(world.state_dir, "run-9/0001", world.host) == 1


@pytest.mark.parametrize("state", ["armed", "open", "reverting"])
def test_boot_puts_back_what_was_left(world: SwitchWorld, state: str) -> None:
    record = world.arm()
    world.break_it()
    record.write_state(state)
    assert revert_main.boot(world.state_dir, world.host) == 0
    assert record.state == "reverted"
    assert world.is_as_before()
    # Only an armed run has a controller that may still be waiting.
    assert Path(world.state_dir, "fenced/run-1").exists() is (state == "armed")


@pytest.mark.parametrize("state", ["confirmed", "committed", "reverted"])
def test_boot_leaves_alone_what_has_ended(world: SwitchWorld, state: str) -> None:
    record = world.arm()
    world.break_it()
    record.write_state(state)
    assert revert_main.boot(world.state_dir, world.host) == 0
    assert not world.is_as_before()
    assert record.state == state


def test_one_record_that_resists_does_not_keep_the_others(world: SwitchWorld) -> None:
    first = world.arm()
    world.break_it()
    first.write_state("committed")
    second = world.arm(run="run-2")
    (world.etc / "app.conf").write_text("broken again\n")
    first.write_state("open")
    Path(second.path, "entries.jsonl").write_text("{broken")
    assert revert_main.boot(world.state_dir, world.host) == 1
    assert first.state == "reverted"
    assert world.is_as_before()


def test_at_boot_jobs_are_queued_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(self: Runner, argv: list[str], **_options: object) -> Result:
        asked.append(list(argv))
        return Result(tuple(argv), 0, "", "")

    monkeypatch.setattr(Runner, "run", run)
    runner = revert_main.BootRunner()
    for words in (["systemctl", "start", "--", "ssh.service"], ["systemctl", "is-active", "x"], ["nft", "-f", "-"]):
        runner.run(words)
    assert asked == [
        ["systemctl", "--no-block", "start", "--", "ssh.service"],
        ["systemctl", "is-active", "x"],
        ["nft", "-f", "-"],
    ]


def test_main_reads_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert revert_main.main(["boot", "--state-dir", str(tmp_path)]) == 0
    assert revert_main.main(["revert", "--state-dir", str(tmp_path), "--record", "run/0001"]) == 1
    assert "no record run/0001" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        revert_main.main(["sink"])
