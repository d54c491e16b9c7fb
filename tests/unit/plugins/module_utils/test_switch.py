# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead man's switch: arming, confirming, expiring, and who wins when two of them meet."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import switch
from ansible_collections.evenkeel.ops.plugins.module_utils.lock import HostLock
from switch_world import SwitchWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwitchWorld:
    monkeypatch.setattr(switch, "PATIENCE", 0.3)
    return SwitchWorld(tmp_path, monkeypatch)


# Arming


def test_arming_starts_an_exact_timer_that_runs_the_runs_own_zipapp(world: SwitchWorld) -> None:
    record = world.arm()
    (command,) = world.systemd.told("systemd-run")
    assert {"--on-active=30s", "--timer-property=AccuracySec=1s"} <= set(command)
    assert command[-5:] == ["revert", "--state-dir", world.state_dir, "--record", "run-1/0001"]
    zipapp = Path(world.state_dir, "runs/run-1/revert.pyz")
    assert str(zipapp) in command
    assert zipapp.samefile(Path(world.state_dir, "bin/evenkeel.pyz"))
    assert record.state == "armed"
    assert "run-1 is armed" in world.note()


def test_the_token_itself_is_nowhere_on_the_host(world: SwitchWorld) -> None:
    world.arm()
    for path in Path(world.state_dir).rglob("*"):
        assert not path.is_file() or b"the-token" not in path.read_bytes()
    assert not any("the-token" in word for words in world.systemd.asked for word in words)


def test_an_old_run_keeps_its_own_code(world: SwitchWorld) -> None:
    world.arm()
    own = Path(world.state_dir, "runs/run-1/revert.pyz").read_bytes()
    world.host.fs.write_atomic(f"{world.state_dir}/bin/evenkeel.pyz", b"another release")
    assert Path(world.state_dir, "runs/run-1/revert.pyz").read_bytes() == own


@pytest.mark.parametrize("deadline", [29, 901, 0, -1])
def test_a_deadline_out_of_range_is_refused(world: SwitchWorld, deadline: int) -> None:
    answer = world.serve("armed", deadline=deadline)
    assert str(deadline) in answer.error
    assert "30 to 900" in answer.error
    assert not Path(world.state_dir).exists()


def test_without_systemd_arming_is_refused(world: SwitchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch.boot_unit, "serves", lambda host: False)
    assert "needs root and a running systemd" in world.serve("armed").error
    assert not Path(world.state_dir).exists()


def test_a_timer_that_does_not_start_leaves_nothing_armed(world: SwitchWorld) -> None:
    world.systemd.refuses = {("systemd-run",)}
    answer = world.serve("armed")
    assert "systemd-run refused the timer" in answer.error
    assert not list(Path(world.state_dir, "runs").rglob("state"))


# Confirming


def test_the_right_token_keeps_the_change(world: SwitchWorld) -> None:
    record = world.arm()
    world.break_it()
    assert switch.confirm(world.state_dir, record.id, "the-token", world.host)
    assert record.state == "confirmed"
    assert not world.is_as_before()
    assert world.note() == ""
    assert world.systemd.told("systemctl", "stop", "--", "evenkeel-deadline-run-1-0001.timer")
    assert switch.confirm(world.state_dir, record.id, "the-token", world.host), "twice is fine"


@pytest.mark.parametrize("token", ["", "another", "the-token ", "THE-TOKEN"])
def test_another_token_confirms_nothing(world: SwitchWorld, token: str) -> None:
    record = world.arm()
    assert not switch.confirm(world.state_dir, record.id, token, world.host)
    assert record.state == "armed"


@pytest.mark.parametrize("identity", ["", "run-1", "run-1/0002", "run-2/0001", "../run-1/0001", "run-1/x"])
def test_a_record_that_is_not_there(world: SwitchWorld, identity: str) -> None:
    world.arm()
    assert not switch.confirm(world.state_dir, identity, "the-token", world.host)


def test_what_is_not_yet_applied_cannot_be_confirmed(world: SwitchWorld) -> None:
    record = world.arm()
    Path(record.path, "after.jsonl").unlink()
    assert not switch.confirm(world.state_dir, record.id, "the-token", world.host)


# Expiring


def test_the_deadline_puts_everything_back(world: SwitchWorld) -> None:
    record = world.arm()
    world.break_it()
    restored = switch.expire(record, world.host)
    assert restored is not None
    assert restored.failed == []
    assert world.is_as_before()
    assert record.state == "reverted"
    assert Path(world.state_dir, "fenced/run-1").exists()
    assert "nobody confirmed it" in world.note()


def test_units_are_told_after_the_files_are_back(world: SwitchWorld) -> None:
    record = world.arm()
    world.break_it()
    switch.expire(record, world.host)
    assert world.systemd.told("systemctl", "reload-or-restart", "--", "ssh.service"), "it ran at arming"
    assert world.systemd.told("systemctl", "stop", "--", "nftables.service"), "it did not"


def test_a_unit_that_cannot_reload_is_restarted(world: SwitchWorld) -> None:
    record = world.arm()
    world.systemd.refuses = {("systemctl", "reload-or-restart")}
    switch.expire(record, world.host)
    assert world.systemd.told("systemctl", "restart", "--", "ssh.service")


def test_what_was_confirmed_does_not_expire(world: SwitchWorld) -> None:
    record = world.arm()
    world.break_it()
    assert switch.confirm(world.state_dir, record.id, "the-token", world.host)
    assert switch.expire(record, world.host) is None
    assert record.state == "confirmed"
    assert not world.is_as_before()
    assert not Path(world.state_dir, "fenced/run-1").exists()


def test_what_expired_cannot_be_confirmed(world: SwitchWorld) -> None:
    record = world.arm()
    switch.expire(record, world.host)
    assert not switch.confirm(world.state_dir, record.id, "the-token", world.host)
    assert record.state == "reverted"


def test_what_resists_is_tried_again(world: SwitchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    record = world.arm()
    world.break_it()
    with monkeypatch.context() as broken:
        broken.setattr(type(world.host.fs), "rename", _no_rename)
        with pytest.raises(OSError, match="full"):
            switch.expire(record, world.host)
    assert record.state in ("armed", "reverting")
    switch.expire(record, world.host)
    assert world.is_as_before()
    assert record.state == "reverted"


def _no_rename(self: object, source: str, target: str) -> None:
    raise OSError(28, "full", target)


def test_the_version_of_others_is_saved(world: SwitchWorld) -> None:
    record = world.arm()
    world.break_it()
    switch.expire(record, world.host)
    kept = [path.read_bytes() for path in Path(record.path, "foreign").iterdir()]
    assert b"broken\n" in kept


# Processes


def in_the_background(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(7 if work() else 0)
        finally:
            os._exit(1)
    return pid


def hold_for_ever(world: SwitchWorld, ready: int) -> None:
    with HostLock(world.state_dir, world.host.fs).held("run-1"):
        os.write(ready, b"x")
        time.sleep(60)


def test_a_holder_that_hangs_is_killed(world: SwitchWorld) -> None:
    record = world.arm()
    world.break_it()
    reading, writing = os.pipe()
    pid = in_the_background(lambda: hold_for_ever(world, writing))
    os.read(reading, 1)
    switch.expire(record, world.host)
    _pid, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert world.is_as_before()
    os.close(reading)
    os.close(writing)


def test_confirming_and_expiring_at_once_have_one_winner(world: SwitchWorld) -> None:
    winners: Counter[str] = Counter()
    for number in range(1, 13):
        run = f"run-{number}"
        record = world.arm(run=run)
        world.break_it()
        confirming = in_the_background(partial(switch.confirm, world.state_dir, record.id, "the-token", world.host))
        expiring = in_the_background(partial(switch.expire, record, world.host))
        confirmed, expired = (os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 7 for pid in (confirming, expiring))
        assert (confirmed, expired) in ((True, False), (False, True))
        assert record.state == ("confirmed" if confirmed else "reverted")
        assert world.is_as_before() is expired
        winners["confirmed" if confirmed else "expired"] += 1
        (world.etc / "app.conf").write_text("before\n")
        (world.etc / "new.conf").unlink(missing_ok=True)
    print(dict(winners))


def test_remaining_seconds(world: SwitchWorld) -> None:
    guard = switch.load(world.arm())
    assert guard is not None
    assert 0 < guard.remaining <= 30
    assert json.loads(json.dumps(guard.units)) == {"ssh.service": True, "nftables.service": False}
    other_boot = switch.Guard(guard.token_sha256, 30, guard.expires, "another boot")
    assert other_boot.remaining == 0
