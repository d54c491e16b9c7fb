# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call at a time; the holder is named; a dead one holds nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.lock import HostLock, LockHeld, descendants, start_time
from engine_driver import environment

HOLD = """
import subprocess, sys
from ansible_collections.evenkeel.ops.plugins.module_utils.lock import HostLock
lock = HostLock(sys.argv[1])
lock.acquire(sys.argv[2])
{extra}
print("held", flush=True)
sys.stdin.read(1)
lock.release()
"""


@contextmanager
def holder(state_dir: Path, run: str, extra: str = "") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is told to end."""
    code = textwrap.dedent(HOLD).format(extra=extra)
    command = [sys.executable, "-B", "-c", code, str(state_dir), run]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_runs_holder_is_named(tmp_path: Path) -> None:
    """At once: a person does not wait for another's run."""
    with holder(tmp_path, "run-a") as process, pytest.raises(LockHeld) as refused:
        HostLock(str(tmp_path)).acquire("run-b")
    assert "run run-a" in str(refused.value)
    assert f"process {process.pid}" in str(refused.value)


def test_calls_of_one_run_queue(tmp_path: Path) -> None:
    """A delegated task waits for the other one of its run, bounded."""
    with holder(tmp_path, "run-a") as process:
        with pytest.raises(LockHeld):
            HostLock(str(tmp_path)).acquire("run-a", wait=0.3)
        assert process.stdin
        process.stdin.write(".")
        process.stdin.flush()
        with HostLock(str(tmp_path)).held("run-a", wait=30):
            pass


def test_a_killed_holder_does_not_keep_it(tmp_path: Path) -> None:
    """The kernel gives the lock back; its stale name is overwritten."""
    with holder(tmp_path, "run-a") as process:
        process.kill()
        process.wait()
        lock = HostLock(str(tmp_path))
        found = lock.holder()
        assert found is not None
        assert not found.is_alive
        with lock.held("run-b", wait=5):
            now = lock.holder()
            assert now is not None
            assert (now.run, now.pid, now.start_time) == ("run-b", os.getpid(), start_time(os.getpid()))
    assert lock.holder() is None


def test_an_orphan_of_a_dead_holder_does_not_keep_it(tmp_path: Path) -> None:
    """A child that inherited the descriptor keeps the kernel's lock; the dead holder's name frees the host."""
    extra = 'child = subprocess.Popen(["sleep", "60"], pass_fds=[lock._fd]); print(child.pid, flush=True)'
    code = textwrap.dedent(HOLD).format(extra=extra)
    command = [sys.executable, "-B", "-c", code, str(tmp_path), "run-a"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout
        orphan = int(process.stdout.readline())
        process.stdout.readline()
        process.kill()
        process.wait()
    try:
        with (tmp_path / "lock").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with HostLock(str(tmp_path)).held("run-b", wait=5), pytest.raises(LockHeld):
            HostLock(str(tmp_path)).acquire("run-c", wait=0)
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_recycled_pid_is_no_holder(tmp_path: Path) -> None:
    """Pid and start time together name a process."""
    lock = HostLock(str(tmp_path))
    with lock.held("run-a"):
        content = json.loads((tmp_path / "lock").read_text())
        (tmp_path / "lock").write_text(json.dumps({**content, "start_time": content["start_time"] + 1}))
        found = lock.holder()
        assert found is not None
        assert not found.is_alive


def test_the_switch_kills_a_hung_holder_and_its_children(tmp_path: Path) -> None:
    """Also when both are stopped; nothing of it can write any more afterwards."""
    extra = 'child = subprocess.Popen(["sleep", "60"])'
    with holder(tmp_path, "run-a", extra) as process:
        children = descendants(process.pid)
        assert len(children) == 1
        process.send_signal(signal.SIGSTOP)
        lock = HostLock(str(tmp_path))
        assert lock.kill_holder()
        assert process.wait() == -signal.SIGKILL
        assert start_time(children[0]) == -1
        assert not lock.kill_holder()


def test_nobody_kills_himself(tmp_path: Path) -> None:
    """The process that asks is no hung holder."""
    lock = HostLock(str(tmp_path))
    with lock.held("run-a"):
        assert not lock.kill_holder()
