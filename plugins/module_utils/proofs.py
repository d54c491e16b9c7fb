# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that a reload was more than an exit code: a new generation of the program serves the new configuration.

A proof looks before the reload (`before`) and waits, bounded, after it (`failure`). Where the program did not run
before and does not run now, there is nothing to prove.
"""

from __future__ import annotations

import os
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from .host import Host
from .probes import BadProbe, seconds, until_well
from .unit_log import UnitLog

SOCKET_SECONDS = 5.0
LOG_BYTES = 4000


class Proof(ABC):
    """One program whose new generation has to be seen within `within` seconds of the reload."""

    def __init__(self, unit: str, within: float) -> None:
        self.unit = unit
        self.within = within
        self.log = UnitLog(unit)

    @abstractmethod
    def before(self, host: Host) -> None:
        """Remember the present generation."""

    @abstractmethod
    def ask(self, host: Host) -> str:
        """Empty where a new generation serves; else a sentence. Begins with `rejected:` where waiting is useless."""

    def failure(self, host: Host) -> str:
        """Wait for the new generation; return "" or a sentence with the program's own words since the reload."""
        words = until_well(lambda: self.ask(host), self.within, stop=lambda said: said.startswith("rejected:"))
        if not words:
            return ""
        own = self.own_words(host)
        return f"{words}\n{own}" if own else words

    def own_words(self, host: Host) -> str:
        """What the program logged since `before`."""
        return self.log.since(host)

    def _runs(self, host: Host) -> bool:
        return host.has_systemd and host.run(["systemctl", "is-active", "--quiet", self.unit]).ok


class HaproxyMaster(Proof):
    """HAProxy's master knows its workers: a new one has to stand where the old one stood."""

    def __init__(self, path: str, unit: str, within: float) -> None:
        super().__init__(unit, within)
        self.path = path
        self.workers: set[int] | None = None
        self.failed = 0

    def before(self, host: Host) -> None:
        self.log.mark(host)
        state = self._state(host)
        if state:
            self.workers, self.failed = state

    def ask(self, host: Host) -> str:
        state = self._state(host)
        if state is None:
            if self.workers is None and not self._runs(host):
                return ""
            return f"HAProxy does not answer on its master socket {self.path}; it has to run with -W -S {self.path}"
        workers, failed = state
        if failed > self.failed:
            return "rejected: HAProxy's master says that the reload failed, the old workers go on"
        if workers - (self.workers or set()):
            return ""
        return f"HAProxy's master shows no new worker within {self.within:g} s of the reload"

    def own_words(self, host: Host) -> str:
        startup = (master_cli(host.path(self.path), "show startup-logs") or "").strip()
        known = startup and "unknown command" not in startup.lower()
        return startup[-LOG_BYTES:] if known else super().own_words(host)

    def _state(self, host: Host) -> tuple[set[int], int] | None:
        answer = master_cli(host.path(self.path), "show proc")
        return None if answer is None else parse_show_proc(answer)


def master_cli(path: str, command: str) -> str | None:
    """What HAProxy's master answers, or None where nobody does."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SOCKET_SECONDS)
            connection.connect(path)
            connection.sendall(command.encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            chunks = []
            while chunk := connection.recv(65536):
                chunks.append(chunk)
    except OSError:
        return None
    return b"".join(chunks).decode("utf-8", "replace")


def parse_show_proc(answer: str) -> tuple[set[int], int]:
    """The pids of the current workers, and how many reloads of the master failed."""
    workers: set[int] = set()
    failed, section = 0, ""
    for line in answer.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ").strip().lower()
            continue
        found = re.search(r"\[failed: *([0-9]+)\]", line)
        failed = int(found.group(1)) if found else failed
        fields = line.split()
        if section == "workers" and len(fields) > 1 and fields[0].isdigit() and fields[1] == "worker":
            workers.add(int(fields[0]))
    return workers, failed


class NginxWorkers(Proof):
    """NGINX under the same master: new workers, old ones leaving, nothing new at level emerg."""

    def __init__(self, pid_file: str, error_log: str, unit: str, within: float) -> None:
        super().__init__(unit, within)
        self.pid_file, self.error_log = pid_file, error_log
        self.master = 0
        self.workers: set[tuple[int, int]] = set()
        self.log_end = (0, 0)

    def before(self, host: Host) -> None:
        self.log.mark(host)
        self.master = self._master(host)
        self.workers = {worker for worker, leaving in self._workers(host, self.master) if not leaving}
        self.log_end = self._log_end(host)

    def ask(self, host: Host) -> str:
        emerg = [line for line in self._new_log(host).splitlines() if "[emerg]" in line]
        if emerg:
            return "rejected: NGINX did not take the configuration over: " + "\n".join(dict.fromkeys(emerg))
        master = self._master(host)
        if not master:
            return (
                f"NGINX is not running: no process has the pid in {self.pid_file}"
                if self.master
                else self._absent(host)
            )
        if self.master and master != self.master:
            return f"NGINX was restarted (master {self.master} became {master}), which cuts connections, not reloaded"
        serving = {worker for worker, leaving in self._workers(host, master) if not leaving}
        if serving - self.workers and not serving & self.workers:
            return ""
        return f"NGINX shows no new workers within {self.within:g} s of the reload"

    def own_words(self, host: Host) -> str:
        lines = [line for line in self._new_log(host).splitlines() if re.search(r"\[(emerg|alert|crit|error)\]", line)]
        return (
            "" if any("[emerg]" in line for line in lines) else "\n".join(lines)[-LOG_BYTES:] or super().own_words(host)
        )

    def _absent(self, host: Host) -> str:
        return f"{self.unit} is active, but {self.pid_file} names no process" if self._runs(host) else ""

    def _master(self, host: Host) -> int:
        try:
            pid = int(host.fs.read(host.path(self.pid_file)).split()[0])
            return pid if os.path.isdir(f"/proc/{pid}") else 0
        except (OSError, ValueError, IndexError):
            return 0

    @staticmethod
    def _workers(host: Host, master: int) -> list[tuple[tuple[int, int], bool]]:
        """((pid, start time), whether it is shutting down) of every worker of `master`."""
        found = []
        for name in os.listdir("/proc") if master else []:
            if not name.isdigit():
                continue
            try:
                fields = host.fs.read(f"/proc/{name}/stat").rpartition(b")")[2].split()
                title = host.fs.read(f"/proc/{name}/cmdline").replace(b"\0", b" ")
            except OSError:  # it ended while we looked
                continue
            if int(fields[1]) == master and title.startswith(b"nginx: worker process"):
                found.append(((int(name), int(fields[19])), b"shutting down" in title))
        return found

    def _log_end(self, host: Host) -> tuple[int, int]:
        try:
            status = os.stat(host.path(self.error_log))
        except OSError:
            return (0, 0)
        return (status.st_ino, status.st_size)

    def _new_log(self, host: Host) -> str:
        """The error log since `before`; all of it where it was rotated."""
        inode, size = self._log_end(host)
        start = self.log_end[1] if inode == self.log_end[0] and size >= self.log_end[1] else 0
        try:
            with open(host.path(self.error_log), "rb") as stream:
                stream.seek(max(start, size - 100_000))
                return stream.read(100_000).decode("utf-8", "replace")
        except OSError:
            return ""


class Restarted(Proof):
    """A unit that is restarted instead of reloaded: a new invocation of it has to be active."""

    def __init__(self, unit: str, within: float) -> None:
        super().__init__(unit, within)
        self.invocation = ""

    def before(self, host: Host) -> None:
        self.log.mark(host)
        self.invocation = self._show(host).get("InvocationID", "") if self._runs(host) else ""

    def ask(self, host: Host) -> str:
        shown = self._show(host)
        state = shown.get("ActiveState", "unknown")
        if state == "active" and shown.get("InvocationID") != self.invocation:
            return ""
        if not self.invocation and state == "inactive":
            return ""
        same = ", still the old invocation" if shown.get("InvocationID") == self.invocation else ""
        return (
            f"{'rejected: ' if state == 'failed' else ''}unit {self.unit} is {state}{same}; expected a new, active one"
        )

    def _show(self, host: Host) -> dict[str, str]:
        answer = host.run(["systemctl", "show", "--property=ActiveState,InvocationID", self.unit])
        return dict(line.partition("=")[::2] for line in answer.out.splitlines())


def proof(option: Mapping[str, Any]) -> Proof:
    """The proof that an element of option `proof` describes."""
    within = seconds("proof", option.get("within"), 10)
    kinds = [kind for kind in ("haproxy_master", "nginx", "restarted") if option.get(kind)]
    if len(kinds) != 1:
        given = {key: value for key, value in option.items() if value is not None}
        raise BadProbe(f"proof is {given!r}; allowed is exactly one of haproxy_master, nginx, restarted.")
    asked = option[kinds[0]]
    if kinds == ["haproxy_master"]:
        return HaproxyMaster(asked["socket"], asked.get("unit") or "haproxy.service", within)
    if kinds == ["nginx"]:
        return NginxWorkers(asked["pid_file"], asked["error_log"], asked.get("unit") or "nginx.service", within)
    return Restarted(asked, within)
