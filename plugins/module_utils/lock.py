# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One changing call at a time per host: a lock that names its holder, and that a dead holder does not keep."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from .fs import FileLayer
from .record import now

POLL_SECONDS = 0.2
# How long a call waits for another one of the same run (delegated tasks queue here).
SAME_RUN_SECONDS = 600.0
KILL_SECONDS = 10.0


class LockHeld(Exception):
    """Another call changes this host; the message names it."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock. Pid, start time (clock ticks since boot) and boot together mean one process only."""

    pid: int
    start_time: int
    boot_id: str
    run: str
    since: str

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        return self.boot_id == boot_id() and start_time(self.pid) == self.start_time

    @property
    def words(self) -> str:
        """For a refusal."""
        return f"run {self.run} (process {self.pid}, since {self.since})"


def boot_id() -> str:
    """The id of this boot of the kernel; empty where there is no /proc."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def start_time(pid: int) -> int:
    """Field 22 of /proc/<pid>/stat; -1 where there is no such process or it is a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            # The name, in parentheses, may hold blanks and parentheses itself.
            fields = stream.read().rpartition(b")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in (b"Z", b"X") else int(fields[19])


def descendants(pid: int) -> list[int]:
    """Every process that `pid` started, directly or not, nearest first."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:
                    parents.setdefault(int(stream.read().rpartition(b")")[2].split()[1]), []).append(int(name))
            except OSError:  # it ended while we looked
                continue
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(0), [])
        found += children
        waiting += children
    return found


class HostLock:
    """The file <state_dir>/lock: a kernel lock for exclusion, and JSON in it for the holder's name."""

    def __init__(self, state_dir: str, fs: FileLayer | None = None) -> None:
        self.state_dir = os.path.abspath(state_dir)
        self.path = os.path.join(self.state_dir, "lock")
        self.fs = fs or FileLayer()
        self._fd: int | None = None

    @contextmanager
    def held(self, run: str, wait: float = SAME_RUN_SECONDS) -> Iterator[None]:
        """Hold the lock for a while."""
        self.acquire(run, wait)
        try:
            yield
        finally:
            self.release()

    def acquire(self, run: str, wait: float = SAME_RUN_SECONDS) -> None:
        """Take the lock. A holder of the same run is waited for, `wait` seconds at most; LockHeld for another."""
        self.fs.make_dirs(self.state_dir)
        end = time.monotonic() + wait
        while not self._try(run):
            holder = self.holder()
            another = holder is not None and holder.is_alive and holder.run != run
            if another or time.monotonic() > end:
                raise LockHeld(
                    f"This host is being changed by {holder.words if holder else 'another call'}; wait for it to end, "
                    "or end that process: the next run then puts back what it left."
                )
            time.sleep(POLL_SECONDS)

    def _try(self, run: str) -> bool:
        with self._guard():
            fd = self.fs.open_lock(self.path)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.fs.close(fd)
                holder = self.holder()
                if holder is None or not holder.is_alive:
                    # The holder is dead and a child of it keeps the file open: a new file makes a new lock.
                    self.fs.unlink(self.path)
                return False
            self._fd = fd
            try:
                self._write(fd, Holder(os.getpid(), start_time(os.getpid()), boot_id(), run, now()))
            except BaseException:
                self.release()
                raise
            return True

    def _write(self, fd: int, holder: Holder) -> None:
        self.fs.truncate(fd, 0)
        self.fs.write_all(fd, json.dumps(asdict(holder)).encode() + b"\n")

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Held for a moment only, while lock and name are changed together."""
        directory = os.open(self.state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)

    def holder(self) -> Holder | None:
        """Who holds the lock, or held it when it died; None where nobody says so."""
        try:
            return Holder(**json.loads(self.fs.read(self.path)))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def release(self) -> None:
        """Give the lock back."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            self.fs.truncate(fd, 0)
        finally:
            self.fs.close(fd)

    def kill_holder(self) -> bool:
        """Kill the holder and all that it started, and see them dead; False where there is none to kill."""
        holder = self.holder()
        if holder is None or not holder.is_alive or holder.pid == os.getpid():
            return False
        family = [(pid, start_time(pid)) for pid in [holder.pid, *descendants(holder.pid)]]
        for pid, started in family:
            # A stopped parent cannot start more children while they are killed.
            _signal(pid, started, signal.SIGSTOP)
        late = [(pid, start_time(pid)) for pid in descendants(holder.pid)]
        family += [member for member in late if member not in family]
        for pid, started in family:
            _signal(pid, started, signal.SIGKILL)
        end = time.monotonic() + KILL_SECONDS
        while any(start_time(pid) == started for pid, started in family) and time.monotonic() < end:
            time.sleep(POLL_SECONDS / 4)
        return True


def _signal(pid: int, started: int, number: int) -> None:
    """Signal a process unless it has ended or its pid belongs to another by now."""
    if started == -1 or pid == os.getpid():
        return
    try:
        if start_time(pid) == started:
            os.kill(pid, number)
    except ProcessLookupError:
        return
