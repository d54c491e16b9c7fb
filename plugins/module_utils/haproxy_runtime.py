# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy as it runs: which servers it has, how they are, and how they are taken out of rotation and put back.

After a reload the workers of the former generation go on serving the connections that they have. A drain that means it
reaches them too, through the master's socket, and waits for their sessions.
"""

from __future__ import annotations

import csv
import errno
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

from . import haproxy_states

INTERVAL = 0.25
# A server's number in column `type`, and its bit in the filter of `show stat`.
SERVER_TYPE, SERVER_FILTER = "2", "4"
# What can be set at run time, as bits of srv_admin_state.
FORCED = {"maint": haproxy_states.FORCED_MAINT, "drain": haproxy_states.FORCED_DRAIN}
REASONS = {
    errno.ENOENT: "there is no such socket",
    errno.ECONNREFUSED: "nobody listens there; is HAProxy running?",
    errno.EACCES: "permission is denied; become root or a member of its group",
}


class RuntimeRefused(Exception):
    """What was asked cannot be done; the message says what, where, why, and what there is."""


@dataclass(frozen=True)
class Server:
    """One server of one backend, as HAProxy sees it now."""

    backend: str
    name: str
    address: str
    # ready, drain or maint: what was set. HAProxy's own opinion is `status`.
    state: str
    status: str
    weight: int
    configured_weight: int
    # Requests that it serves and that wait for it, in all workers.
    sessions: int
    # Result of the last health check, empty where there is none.
    check: str
    backup: bool

    @property
    def place(self) -> str:
        """Its name as HAProxy writes it."""
        return f"{self.backend}/{self.name}"

    @property
    def is_up(self) -> bool:
        """Whether new requests may go to it."""
        return self.status.startswith("UP") or self.status == "no check"

    @property
    def check_failed(self) -> bool:
        """Whether the last health check was not passed."""
        return bool(self.check) and not self.check.endswith("OK")

    def as_data(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "backend": self.backend,
            "server": self.name,
            "address": self.address,
            "state": self.state,
            "status": self.status,
            "up": self.is_up,
            "weight": self.weight,
            "configured_weight": self.configured_weight,
            "sessions": self.sessions,
            "check": self.check,
            "backup": self.backup,
        }


def parse_stats(answer: str) -> list[dict[str, str]]:
    """The rows of the answer to `show stat`."""
    return list(csv.DictReader(answer.lstrip("# ").splitlines()))


def read_values(row: dict[str, str]) -> dict[str, int | str]:
    """A row with numbers as numbers, and without empty fields."""
    return {name: int(text) if text.isdecimal() else text for name, text in row.items() if name and text}


def read_process(answer: str) -> dict[str, int | str]:
    """The lines of the answer to `show info`."""
    pairs = (line.partition(":") for line in answer.splitlines() if ":" in line)
    return read_values({name.strip(): value.strip() for name, _colon, value in pairs})


def forced_state(admin: int) -> str:
    """What was set at run time."""
    if admin & FORCED["maint"]:
        return "maint"
    return "drain" if admin & FORCED["drain"] else "ready"


class Runtime:
    """HAProxy behind its runtime socket, with the workers of former generations behind the master's."""

    def __init__(self, socket: str, master_socket: str = "") -> None:
        self.socket, self.master_socket = socket, master_socket

    def ask(self, command: str) -> str:
        """The answer of the worker that takes new connections."""
        try:
            return haproxy_states.query(self.socket, command)
        except OSError as error:
            reason = REASONS.get(error.errno or 0, str(error))
            raise RuntimeRefused(f"HAProxy does not answer on socket {self.socket}: {reason}.") from error

    def old_workers(self) -> list[int]:
        """Workers that only finish what they have."""
        return haproxy_states.old_workers(self.master_socket)

    def ask_old(self, command: str) -> list[str]:
        """The answers of the old workers; one that ends meanwhile does not answer."""
        return haproxy_states.ask_old(self.master_socket, command)

    def stats(self) -> list[dict[str, str]]:
        """Every row of `show stat`."""
        return parse_stats(self.ask("show stat"))

    def servers(self) -> list[Server]:
        """Every server of every backend."""
        rows = {(row["pxname"], row["svname"]): row for row in self.stats() if row.get("type") == SERVER_TYPE}
        lingering = [parse_stats(answer) for answer in self.ask_old(f"show stat -1 {SERVER_FILTER} -1")]
        found = []
        for state in haproxy_states.parse_states(self.ask("show servers state")):
            key = (state["be_name"], state["srv_name"])
            row = rows.get(key)
            if row is None:  # made or taken out while we asked
                continue
            old = sum(_sessions(each) for rest in lingering for each in rest if (each["pxname"], each["svname"]) == key)
            found.append(
                Server(
                    backend=key[0],
                    name=key[1],
                    address=f"{state['srv_addr']}:{state['srv_port']}",
                    state=forced_state(int(state["srv_admin_state"])),
                    status=row["status"],
                    weight=int(state["srv_uweight"]),
                    configured_weight=int(state["srv_iweight"]),
                    sessions=_sessions(row) + old,
                    check=row.get("check_status", "").lstrip("* "),
                    backup=row.get("bck") == "1",
                )
            )
        return found

    def map_entries(self, path: str) -> dict[str, str]:
        """The entries of a map as HAProxy has them now; none where it has no such map."""
        lines = [line.split() for line in self.ask(f"show map {path}").splitlines()]
        return {fields[1]: fields[2] for fields in lines if len(fields) == 3 and fields[0].startswith("0x")}

    def find(self, name: str, backends: Sequence[str]) -> list[Server]:
        """The servers of that name, in the named backends or in all that have it."""
        every = self.servers()
        known = sorted({server.backend for server in every})
        for backend in backends:
            if backend not in known:
                raise RuntimeRefused(
                    f"backends has {backend!r}, which HAProxy at {self.socket} does not have; "
                    f"allowed are {', '.join(known) or 'none: it has no backend with servers'}."
                )
            names = sorted(server.name for server in every if server.backend == backend)
            if name not in names:
                raise RuntimeRefused(
                    f"server is {name!r}, which backend {backend!r} of HAProxy at {self.socket} does not have; "
                    f"allowed are {', '.join(names)}."
                )
        found = [server for server in every if server.name == name and (not backends or server.backend in backends)]
        if not found:
            names = sorted({server.place for server in every})
            raise RuntimeRefused(
                f"server is {name!r}, which no backend of HAProxy at {self.socket} has; "
                f"allowed are {', '.join(names) or 'none: it has no servers'}."
            )
        return found

    def set(self, server: Server, what: str) -> None:
        """Change one server in every worker. `what` is like `state drain`."""
        command = f"set server {server.place} {what}"
        answer = self.ask(command).strip()
        if answer:
            raise RuntimeRefused(f"HAProxy at {self.socket} refused `{command}`: {answer}")
        self.ask_old(command)


def _sessions(row: dict[str, str]) -> int:
    return int(row.get("scur") or 0) + int(row.get("qcur") or 0)


@dataclass(frozen=True)
class Request:
    """What shall be, and how long to wait for it."""

    name: str
    backends: tuple[str, ...] = ()
    state: str = ""
    weight: int | None = None
    # Seconds to wait until it is so; none at all where it is 0.
    timeout: float = 0.0
    # So many other servers of a backend have to be up before this one is taken out.
    min_up: int = 0
    # A server that somebody put into maint is left in it.
    leave_maint: bool = False


@dataclass
class Answer:
    """What was found, what became of it."""

    before: list[Server]
    after: list[Server]
    changed: bool = False
    left_in_maint: tuple[str, ...] = ()
    waited: float = 0.0
    # What was waited for and did not come; empty where all is as wanted.
    missing: str = ""

    @property
    def sessions_left(self) -> int:
        """Requests that are still served."""
        return sum(server.sessions for server in self.after)


class Rotation:
    """Takes one server out of rotation, puts it back, or gives it another share."""

    def __init__(
        self, runtime: Runtime, request: Request, keep: Callable[[], None] = lambda: None, check_mode: bool = False
    ) -> None:
        self.runtime, self.request, self.check_mode = runtime, request, check_mode
        # Called when something was set, so that it outlives a reload.
        self.keep = keep

    def serve(self) -> Answer:
        """Find, refuse, set, wait."""
        before = self.runtime.find(self.request.name, self.request.backends)
        left = self._left_in_maint(before)
        due = [server for server in before if server.place not in left]
        self._refuse(due)
        answer = Answer(before, self._predicted(before, left), left_in_maint=left)
        if self.check_mode:
            answer.changed = answer.before != answer.after
            return answer
        started = time.monotonic()
        if self.request.state == "ready":
            answer.missing = self._wait(started, due, _unhealthy)
        if not answer.missing:
            answer.changed = self._set(self._now(due) if self.request.state == "ready" else due)
            answer.missing = self._wait(started, due, self._unfinished)
        answer.after = self._now(before)
        answer.waited = round(time.monotonic() - started, 1)
        return answer

    # --- before ---

    def _left_in_maint(self, servers: Sequence[Server]) -> tuple[str, ...]:
        if not self.request.leave_maint or not self.request.state:
            return ()
        return tuple(server.place for server in servers if server.state == "maint")

    def _refuse(self, servers: Sequence[Server]) -> None:
        """Refuse to take out what the others cannot do without."""
        if self.request.state not in FORCED or not self.request.min_up:
            return
        every = self.runtime.servers()
        for server in servers:
            if not server.is_up:
                continue
            others = [each for each in every if each.backend == server.backend and each.name != server.name]
            up = sorted(each.name for each in others if each.is_up)
            if len(up) < self.request.min_up:
                raise RuntimeRefused(
                    f"{server.place} is not taken out: min_up is {self.request.min_up}, but only {len(up)} other "
                    f"servers of backend {server.backend!r} would stay up ({', '.join(up) or 'none'})."
                )

    def _predicted(self, servers: Sequence[Server], left: Sequence[str]) -> list[Server]:
        return [server if server.place in left else self._wanted(server) for server in servers]

    def _wanted(self, server: Server) -> Server:
        weight = server.weight if self.request.weight is None else self.request.weight
        return replace(server, state=self.request.state or server.state, weight=weight)

    # --- now ---

    def _set(self, servers: Sequence[Server]) -> bool:
        done = False
        for server in servers:
            if self.request.weight not in (None, server.weight):
                self.runtime.set(server, f"weight {self.request.weight}")
                done = True
            if self.request.state and self.request.state != server.state:
                for state in self._steps(server):
                    self.runtime.set(server, f"state {state}")
                done = True
        if done:
            self.keep()
        return done

    def _steps(self, server: Server) -> tuple[str, ...]:
        """HAProxy gives a slow start to a server that leaves maint, not to one that leaves drain.

        One that is down would be up before its next check, and one with sessions might lose them: they go straight.
        """
        drained = server.state == "drain" and server.status.startswith("DRAIN")
        idle = not server.check_failed and not server.sessions
        return ("maint", "ready") if self.request.state == "ready" and drained and idle else (self.request.state,)

    def _now(self, servers: Sequence[Server]) -> list[Server]:
        places = {server.place for server in servers}
        return [server for server in self.runtime.servers() if server.place in places]

    # --- afterwards ---

    def _wait(self, started: float, servers: Sequence[Server], question: Callable[[Server], str]) -> str:
        """Ask until nothing is missing, or the time is over; without a time, do not ask at all."""
        if not self.request.timeout or not self.request.state:
            return ""
        while True:
            words = "; ".join(filter(None, map(question, self._now(servers))))
            if not words or time.monotonic() - started + INTERVAL > self.request.timeout:
                return words
            time.sleep(INTERVAL)

    def _unfinished(self, server: Server) -> str:
        if server.state != self.request.state:
            return f"{server.place} is {server.state}, not {self.request.state}: somebody else set it meanwhile"
        if self.request.state == "ready":
            return "" if server.is_up else f"{server.place} is {server.status}{_check(server)}; expected UP"
        return f"{server.place} still serves {server.sessions} sessions" if server.sessions else ""


def _unhealthy(server: Server) -> str:
    """Why a server is not to be put back; in maint HAProxy does not check."""
    if server.state == "maint" or not server.check_failed:
        return ""
    return f"the last health check of {server.place} failed ({server.check}); it is left in {server.state}"


def _check(server: Server) -> str:
    return f" (last check {server.check})" if server.check else ""
