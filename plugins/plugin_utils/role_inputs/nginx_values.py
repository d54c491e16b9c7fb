# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How NGINX writes sizes, durations, networks and words, and what of that the role nginx takes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

SIZE = r"[0-9]+[kKmMgG]?"
DURATION = r"[0-9]+(ms|[smhdwMy])?"
WORD = r"""[^\s;{}"'\\]+"""
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"

SIZE_ALLOWED = "a size, like 512k, 10m or 2g"
DURATION_ALLOWED = "a duration, like 500ms, 30s, 10m or 1d"
WORD_ALLOWED = "one word without blanks, quotes, braces and ';'"


def size_problems(where: str, entry: Mapping[str, Any], *keys: str) -> list[str]:
    """Refuse sizes that NGINX cannot read."""
    return _each(where, entry, keys, SIZE, SIZE_ALLOWED)


def duration_problems(where: str, entry: Mapping[str, Any], *keys: str) -> list[str]:
    """Refuse durations that NGINX cannot read."""
    return _each(where, entry, keys, DURATION, DURATION_ALLOWED)


def word_problems(where: str, entry: Mapping[str, Any], *keys: str) -> list[str]:
    """Refuse values that would end the directive they stand in."""
    return _each(where, entry, keys, WORD, WORD_ALLOWED)


def path_problems(where: str, entry: Mapping[str, Any], *keys: str) -> list[str]:
    """Refuse paths that are not absolute."""
    return _each(where, entry, keys, f"/({WORD})?", "an absolute path without blanks")


def count_problems(where: str, entry: Mapping[str, Any], low: int, high: int, *keys: str) -> list[str]:
    """Refuse numbers that are out of range, where they are given."""
    given = [key for key in keys if entry.get(key) is not None]
    return [problem for key in given for problem in checks.range_problems(f"{where}: {key}", entry[key], low, high)]


def choice_problems(where: str, value: Any, allowed: Iterable[str]) -> list[str]:
    """Refuse a value that is not among those allowed."""
    choices = list(allowed)
    if value is None or str(value) in choices:
        return []
    return [f"{where} is {value!r}; allowed is {', '.join(choices) or 'none, as none is given'}."]


def missing_problems(where: str, entry: Mapping[str, Any], *keys: str) -> list[str]:
    """Refuse an entry that lacks what it cannot do without."""
    missing = [key for key in keys if entry.get(key) in (None, "")]
    return [f"{where}: {key} is missing; allowed is an entry that has it." for key in missing]


def network_problems(where: str, values: Iterable[Any]) -> list[str]:
    """Refuse what is neither an address nor a network."""
    return [
        f"{where} is {value!r}; allowed is an address or a network, like 192.0.2.1 or 192.0.2.0/24."
        for value in values
        if not _is_network(value)
    ]


def items(value: Any) -> list[Any]:
    """A list as it is; nothing where none is given."""
    return list(value) if isinstance(value, (list, tuple)) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping as it is; an empty one where none is given."""
    return value if isinstance(value, Mapping) else {}


def _is_network(value: Any) -> bool:
    try:
        ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        return str(value) == "unix:"
    return True


def _each(where: str, entry: Mapping[str, Any], keys: Iterable[str], pattern: str, allowed: str) -> list[str]:
    given = [key for key in keys if entry.get(key) not in (None, "")]
    return [
        problem for key in given for problem in checks.pattern_problems(f"{where}: {key}", entry[key], pattern, allowed)
    ]
