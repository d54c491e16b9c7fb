# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of several roles have in common. A problem is one sentence: variable, value, what is allowed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.evenkeel.ops.plugins.module_utils.switch import MAX_DEADLINE, MIN_DEADLINE

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
WILDCARDS = frozenset({"", "*", "0.0.0.0", "::", "[::]"})  # noqa: S104 - compared with, never bound to


class Listener(NamedTuple):
    """One address and port that a role wants to listen on, and the input that asks for it."""

    where: str
    address: str
    port: int
    # Whether it is bound for IPv6 alone, where :: would take the port of IPv4, too.
    v6only: bool = False

    def clashes(self, other: Listener) -> bool:
        """Whether both cannot have the same port."""
        if self._is_apart_from(other) or other._is_apart_from(self):
            return False
        return self.address == other.address or bool({self.address, other.address} & WILDCARDS)

    def _is_apart_from(self, other: Listener) -> bool:
        return self.v6only and bool(other.address) and ":" not in other.address

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address or "*"
        return f"{address}:{self.port}"


def module_of(role: str) -> Any:
    """The module of this package that knows a role's inputs; None where there is none."""
    name = f"{__package__}.{role}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def listener_of(inputs: Mapping[str, Any], role: str) -> list[Listener]:
    """Where a role listens that has one address and one port, by the inputs <role>_listen_address and <role>_port."""
    port = as_int(inputs.get(f"{role}_port"))
    address = str(inputs.get(f"{role}_listen_address") or "*")
    return [] if port is None else [Listener(f"{role}_port", address, port)]


def entries(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; wrong types are refused elsewhere, by the argument specs."""
    if not isinstance(value, (list, tuple)):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def as_int(value: Any) -> int | None:
    """Return the value as an integer, or nothing where it is none."""
    try:
        return None if isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        return None


def as_bool(value: Any) -> bool:
    """Return the value as the argument specs would read it."""
    return str(value).strip().lower() in {"true", "yes", "on", "y", "t", "1", "1.0"}


def range_problems(where: str, value: Any, low: int, high: int) -> list[str]:
    """Refuse what is no integer from low to high."""
    number = as_int(value)
    if number is not None and low <= number <= high:
        return []
    return [f"{where} is {value!r}; allowed is an integer from {low} to {high}."]


def port_problems(where: str, value: Any) -> list[str]:
    """Refuse what is no TCP port."""
    return range_problems(where, value, 1, 65535)


def name_problems(where: str, value: Any) -> list[str]:
    """Refuse a name that would break a configuration file or a file name."""
    if isinstance(value, str) and NAME.fullmatch(value):
        return []
    return [f"{where} is {value!r}; allowed are letters, digits, '_', '.' and '-', the first a letter or digit."]


def pattern_problems(where: str, value: Any, pattern: str, allowed: str) -> list[str]:
    """Refuse a value that a regular expression does not match as a whole."""
    if re.fullmatch(pattern, str(value)):
        return []
    return [f"{where} is {value!r}; allowed is {allowed}."]


def engine_problems(role: str, inputs: Mapping[str, Any]) -> list[str]:
    """The inputs that a role hands to the engine: <role>_confirm_deadline in seconds, <role>_state_dir."""
    deadline, state_dir = f"{role}_confirm_deadline", f"{role}_state_dir"
    found = []
    if deadline in inputs:
        found += range_problems(deadline, inputs[deadline], MIN_DEADLINE, MAX_DEADLINE)
    if state_dir in inputs:
        found += pattern_problems(state_dir, inputs[state_dir], r"/[!-~]+", "an absolute path without blanks")
    return found


def line_problems(where: str, values: Iterable[Any]) -> list[str]:
    """Refuse values that would spill into a second line of the configuration."""
    return [
        f"{where} is {value!r}; allowed is a single line without control characters."
        for value in values
        if any(ord(character) < 32 for character in str(value))
    ]


def duplicate_problems(where: str, names: Iterable[Any]) -> list[str]:
    """Refuse names that are given more than once."""
    given = [str(name) for name in names]
    repeated = sorted({name for name in given if given.count(name) > 1})
    return [f"{where} has {name!r} {given.count(name)} times; allowed is once." for name in repeated]


def clash_problems(listeners: Iterable[Listener]) -> list[str]:
    """Refuse two listeners that cannot both have their port on one host."""
    problems = []
    by_port: dict[int, list[Listener]] = {}
    for listener in listeners:
        for other in by_port.setdefault(listener.port, []):
            if listener.clashes(other):
                problems.append(
                    f"{listener.where} is {listener}, which {other.where} ({other}) already takes; "
                    "allowed is one listener for each address and port of a host."
                )
        by_port[listener.port].append(listener)
    return problems
