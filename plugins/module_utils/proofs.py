# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that a reload was more than an exit code: a new generation of the program serves the new configuration.

A proof looks before the reload (`before`) and waits, bounded, after it (`failure`). Where the program did not run
before and does not run now, there is nothing to prove.
"""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from . import haproxy_master
from .execution import StepFailed
from .haproxy_master import Processes
from .host import Host
from .probes import BadProbe, Probe, get, seconds, until_well
from .unit_log import UnitLog

LOG_BYTES = 4000
# Begins an answer after which waiting is useless.
REJECTED = "rejected: "


class Proof(ABC):
    """One program whose new generation has to be seen within `within` seconds of the reload."""

    def __init__(self, unit: str, within: float) -> None:
        self.unit = unit
        self.within = within
        self.log = UnitLog(unit)

    def before(self, host: Host) -> None:
        """Remember the present generation; raises StepFailed where a reload would do harm."""
        self.remember(host)
        self.refuse(host)

    @abstractmethod
    def remember(self, host: Host) -> None:
        """Remember the present generation, and where its log ends."""

    def refuse(self, host: Host) -> None:  # noqa: B027 - most programs survive every reload
        """Raise StepFailed where the program would not survive the reload."""

    @abstractmethod
    def ask(self, host: Host) -> str:
        """Empty where a new generation serves; else a sentence. Begins with REJECTED where waiting is useless."""

    def failure(self, host: Host) -> str:
        """Wait for the new generation; return "" or a sentence with the program's own words since the reload."""
        words = until_well(lambda: self.ask(host), self.within, stop=lambda said: said.startswith(REJECTED))
        if not words:
            return ""
        own = self.own_words(host)
        said = words[len(REJECTED) :] if words.startswith(REJECTED) else words
        return f"{said}\n{own}" if own else said

    def own_words(self, host: Host) -> str:
        """What the program logged since `before`."""
        return self.log.since(host)

    def _runs(self, host: Host) -> bool:
        return host.has_systemd and host.run(["systemctl", "is-active", "--quiet", self.unit]).ok


class HaproxyMaster(Proof):
    """HAProxy's master knows its workers: a new one has to stand where the old one stood.

    A reload that cannot bind a port makes HAProxy pause its old listeners for seconds while it tries again; so ports
    that belong to others are refused before the reload.
    """

    def __init__(self, path: str, configuration: str, unit: str, within: float) -> None:
        super().__init__(unit, within)
        self.path, self.configuration = path, configuration
        self.known: Processes | None = None

    def remember(self, host: Host) -> None:
        self.log.mark(host)
        self.known = self._processes(host)

    def refuse(self, host: Host) -> None:
        if self.known is None:
            return
        try:
            wanted = host.fs.read(host.path(self.configuration)).decode("utf-8", "replace")
        except OSError:
            return
        clashes = haproxy_master.taken(wanted, self.known.everyone)
        if clashes:
            raise StepFailed("reload", f"cannot bind: {'; '.join(clashes)}. HAProxy was not reloaded")

    def ask(self, host: Host) -> str:
        now = self._processes(host)
        if now is None:
            if self.known is None and not self._runs(host):
                return ""
            return f"HAProxy does not answer on its master socket {self.path}; it has to run with -W -S {self.path}"
        if self.known and now.failed > self.known.failed:
            return "rejected: HAProxy's master says that the reload failed, the old workers go on"
        if now.workers - (self.known.workers if self.known else frozenset()):
            return ""
        return f"HAProxy's master shows no new worker within {self.within:g} s of the reload"

    def own_words(self, host: Host) -> str:
        startup = (haproxy_master.ask(host.path(self.path), "show startup-logs") or "").strip()
        known = startup and "unknown command" not in startup.lower()
        return startup[-LOG_BYTES:] if known else super().own_words(host)

    def _processes(self, host: Host) -> Processes | None:
        answer = haproxy_master.ask(host.path(self.path), "show proc")
        return None if answer is None else haproxy_master.parse_processes(answer)


class NginxWorkers(Proof):
    """NGINX under the same master: new workers, old ones leaving, nothing new at level emerg."""

    def __init__(self, pid_file: str, error_log: str, unit: str, within: float) -> None:
        super().__init__(unit, within)
        self.pid_file, self.error_log = pid_file, error_log
        self.master = 0
        self.workers: set[tuple[int, int]] = set()
        self.log_end = (0, 0)

    def remember(self, host: Host) -> None:
        self.log.mark(host)
        self.master = self._master(host)
        self.workers = {worker for worker, leaving in self._workers(host, self.master) if not leaving}
        self.log_end = self._log_end(host)

    def ask(self, host: Host) -> str:
        emerg = [line for line in self._new_log(host).splitlines() if "[emerg]" in line]
        if emerg:
            words = "NGINX did not take the configuration over: " + "\n".join(dict.fromkeys(emerg))
            # It tries a port that is taken five times; only then it is done with this configuration.
            trying = all(" bind() to " in line for line in emerg)
            return words if trying else f"rejected: {words}"
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

    def remember(self, host: Host) -> None:
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


class Reloaded(Proof):
    """A program that tells in its own metrics whether and when it last took its configuration over.

    Prometheus and Alertmanager go on with the old one when they refuse the new, and a signal sent says nothing.
    """

    def __init__(self, url: str, metrics: str, configuration: str, unit: str, within: float) -> None:
        super().__init__(unit, within)
        self.url, self.metrics, self.configuration = url, metrics, configuration
        self.known: dict[str, float] | None = None

    def remember(self, host: Host) -> None:
        self.log.mark(host)
        self.known = self._read(host)

    def ask(self, host: Host) -> str:
        now = self._read(host)
        if now is None:
            if self.known is None and not self._runs(host):
                return ""
            return f"GET {self.url} does not tell {self.metrics}_last_reload_success_timestamp_seconds"
        known = self.known or {}
        if now.get("successful") == 0:
            # It was so before: then only a new success tells anything.
            stale = known.get("successful") == 0
            return f"{'' if stale else REJECTED}{self.unit} refused the new configuration and goes on with the old one"
        if now["success"] <= known.get("success", 0):
            return f"{self.unit} has not taken the configuration over within {self.within:g} s of the reload"
        return self._other_content(host, now)

    def _other_content(self, host: Host, now: Mapping[str, float]) -> str:
        """The hash, where the program tells one, is that of the file."""
        if not self.configuration or "hash" not in now:
            return ""
        digest = hashlib.md5(host.fs.read(host.path(self.configuration)), usedforsecurity=False)
        wanted = float(int.from_bytes(digest.digest()[:6], "little"))
        return "" if now["hash"] == wanted else f"{self.unit} serves another configuration than {self.configuration}"

    def _read(self, host: Host) -> dict[str, float] | None:
        """What the program tells of its configuration; nothing where it does not answer, or does not tell."""
        names = {
            f"{self.metrics}_last_reload_successful": "successful",
            f"{self.metrics}_last_reload_success_timestamp_seconds": "success",
            f"{self.metrics}_hash": "hash",
        }
        try:
            _status, body = get(self.url, {}, True, 5.0)
        except (OSError, ValueError):
            return None
        pairs = (line.rpartition(" ")[::2] for line in body.splitlines() if line.startswith(self.metrics))
        found = {names[name]: float(value) for name, value in pairs if name in names}
        return found if "success" in found else None


class Rewinding:
    """A proof or probe that, when it fails, makes the proofs remember: what they see next is the tree put back."""

    def __init__(self, inner: Proof | Probe, proofs: Sequence[Proof]) -> None:
        self.inner = inner
        self.proofs = proofs
        self.failed = False

    def before(self, host: Host) -> None:
        """As the inner one."""
        if isinstance(self.inner, Proof):
            self.inner.before(host)

    def failure(self, host: Host) -> str:
        """As the inner one."""
        words = self.inner.failure(host)
        if words:
            self.failed = True
            for each in self.proofs:
                each.remember(host)
        return words


def proof(option: Mapping[str, Any]) -> Proof:
    """The proof that an element of option `proof` describes."""
    within = seconds("proof", option.get("within"), 10)
    kinds = [kind for kind in ("haproxy_master", "nginx", "reloaded", "restarted") if option.get(kind)]
    if len(kinds) != 1:
        given = {key: value for key, value in option.items() if value is not None}
        raise BadProbe(f"proof is {given!r}; allowed is exactly one of haproxy_master, nginx, reloaded, restarted.")
    asked = option[kinds[0]]
    if kinds == ["haproxy_master"]:
        return HaproxyMaster(asked["socket"], asked["configuration"], asked.get("unit") or "haproxy.service", within)
    if kinds == ["nginx"]:
        return NginxWorkers(asked["pid_file"], asked["error_log"], asked.get("unit") or "nginx.service", within)
    if kinds == ["reloaded"]:
        if not str(asked["url"]).startswith(("http://", "https://")):
            raise BadProbe(f"proof: url is {asked['url']!r}; allowed is one that begins with http:// or https://.")
        return Reloaded(asked["url"], asked["metrics"], asked.get("configuration") or "", asked["unit"], within)
    return Restarted(asked, within)
