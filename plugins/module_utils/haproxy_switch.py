# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A switch of HAProxy: a map with one entry that says which of some backends answers, and that is turned at run time.

The map file is what lasts: HAProxy reads it at each start and reload. It is changed through the journal, whose reload
tells HAProxy, so that an undo, and the putting back of a killed call, tell it as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import haproxy_states
from .changes import Reload, Step
from .changes_basic import SetState
from .haproxy_runtime import Runtime, RuntimeRefused
from .host import Host
from .module_args import problems, transaction
from .transaction import Outcome, Refused

MODULE = "haproxy_switch"
DIRECTORY = "/etc/haproxy/switches"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
MAP, BACKENDS = ".map", ".backends"


@dataclass(frozen=True)
class Switch:
    """One switch as it is now."""

    name: str
    map_file: str
    # What HAProxy does, and what it will do after a reload. Empty: HAProxy does not have the map.
    backend: str
    kept: str
    # What may be chosen; empty where nobody wrote that down.
    backends: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "name": self.name,
            "backend": self.backend,
            "backends": list(self.backends),
            "kept": self.kept,
            "map_file": self.map_file,
        }


def map_file_of(name: str, directory: str = DIRECTORY) -> str:
    """Where the map of a switch is."""
    return os.path.join(directory, name + MAP)


def find(runtime: Runtime, name: str, map_file: str) -> Switch:
    """Ask for one switch."""
    kept = haproxy_states.parse_map(haproxy_states.read(map_file)).get(name, "")
    backends = haproxy_states.read(map_file[: -len(MAP)] + BACKENDS).split() if map_file.endswith(MAP) else []
    return Switch(name, map_file, runtime.map_entries(map_file).get(name, ""), kept, tuple(backends))


def find_all(runtime: Runtime, directory: str = DIRECTORY) -> list[Switch]:
    """The switches that have a map in the directory."""
    try:
        files = sorted(name for name in os.listdir(directory) if name.endswith(MAP))
    except FileNotFoundError:
        return []
    names = [file[: -len(MAP)] for file in files]
    return [find(runtime, name, map_file_of(name, directory)) for name in names]


def replace_entry(content: str, key: str, value: str) -> str:
    """The map file with another value for one key; everything else stays."""
    lines = content.splitlines()
    if key not in haproxy_states.parse_map(content):
        return "".join(f"{line}\n" for line in [*lines, f"{key} {value}"])
    return "".join(f"{key} {value}\n" if line.split()[:1] == [key] else f"{line}\n" for line in lines)


def _name_problems(name: str) -> list[str]:
    """Refuse what would be another file."""
    if NAME.fullmatch(name):
        return []
    return [f"name is {name!r}; allowed are letters, digits, '_', '.' and '-', the first a letter or digit."]


@dataclass
class Answer:
    """What was found, and what became of it."""

    before: Switch
    after: str
    changed: bool = False
    error: str = ""
    run: str = ""
    record: str = ""
    warnings: list[str] = field(default_factory=list)


class Shows:
    """HAProxy has to have the new value after the reload."""

    def __init__(self, runtime: Runtime, switch: Switch, wanted: str) -> None:
        self.runtime, self.switch, self.wanted = runtime, switch, wanted

    def failure(self, _host: Host) -> str:
        """One sentence where it has another."""
        shown = self.runtime.map_entries(self.switch.map_file).get(self.switch.name, "")
        if shown == self.wanted:
            return ""
        return f"HAProxy at {self.runtime.socket} has {shown or 'nothing'} for {self.switch.name}, not {self.wanted}."


class Turn:
    """One call of the module."""

    def __init__(
        self, options: Mapping[str, Any], runtime: Runtime, check_mode: bool, host: Host | None = None
    ) -> None:
        self.options, self.runtime, self.check_mode = options, runtime, check_mode
        self.host = host or Host()
        self.name, self.wanted = options["name"], options["to"]

    def serve(self) -> Answer:
        """Find, refuse, turn. Raises RuntimeRefused or Refused before anything is touched."""
        wrong = [*problems(self.options), *_name_problems(self.name)]
        if wrong:
            raise RuntimeRefused(" ".join(wrong))
        found = find(self.runtime, self.name, self.options["map_file"] or map_file_of(self.name))
        self._refuse(found)
        answer = Answer(found, self.wanted, changed={found.backend, found.kept} != {self.wanted})
        if not answer.changed:
            return answer
        outcome = self._transact(found)
        answer.run, answer.record, answer.warnings = outcome.run, outcome.record, list(outcome.warnings)
        answer.error = next((step.error for step in outcome.steps if not step.ok), "")
        if not answer.error and not outcome.changed and not self.check_mode:
            # The file was right already: somebody set only the running map.
            answer.error = haproxy_states.tell_switch(self.runtime.socket, self.runtime.master_socket, found.map_file)
        answer.changed = not answer.error
        return answer

    # --- before ---

    def _refuse(self, found: Switch) -> None:
        if not found.backend or not found.kept:
            missing = f"HAProxy at {self.runtime.socket}" if found.kept else f"The file {found.map_file}"
            names = [each.name for each in find_all(self.runtime, os.path.dirname(found.map_file))]
            known = ", ".join(names) or "none: the role haproxy makes them of haproxy_switches"
            raise RuntimeRefused(f"{missing} has no switch {self.name!r}; allowed are {known}.")
        servers = self.runtime.servers()
        there = {server.backend for server in servers}
        allowed = sorted(found.backends or there)
        if self.wanted not in allowed or self.wanted not in there:
            raise RuntimeRefused(
                f"to is {self.wanted!r}, which switch {self.name!r} of HAProxy at {self.runtime.socket} cannot choose; "
                f"allowed are {', '.join(sorted(there.intersection(allowed))) or 'none'}."
            )
        down = [f"{server.name} is {server.status}" for server in servers if server.backend == self.wanted]
        up = [server for server in servers if server.backend == self.wanted and server.is_up]
        if self.options["require_up"] and not up:
            raise RuntimeRefused(
                f"Switch {self.name!r} stays at {found.backend}: no server of {self.wanted} is up "
                f"({', '.join(down)}); require_up: false would switch all the same."
            )

    # --- now ---

    def _transact(self, found: Switch) -> Outcome:
        program = self.options["program"]
        if not self.check_mode and not os.path.exists(program):
            raise Refused(f"program is {program!r}, which is not there; the role evenkeel.ops.haproxy puts it there.")
        argv = ["/usr/bin/python3", "-I", program, haproxy_states.SWITCH]
        reload = Reload((*argv, self.runtime.socket, self.runtime.master_socket, found.map_file))

        def steps() -> list[Step]:
            content = replace_entry(haproxy_states.read(found.map_file), self.name, self.wanted)
            change = SetState.file(found.map_file, content.encode())
            return [Step(f"switch {self.name} to {self.wanted}", [change], reloads=[reload])]

        probe = Shows(self.runtime, found, self.wanted)
        return transaction(self.options, MODULE, self.check_mode, self.host).run(steps, atomic=True, probes=[probe])
