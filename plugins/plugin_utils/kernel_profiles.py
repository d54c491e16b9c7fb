# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings for one machine, from a profile's rules and the machine's size; nothing else is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A connection through a proxy with TLS takes some 64 KiB, and half of the memory is for connections.
CONNECTIONS_PER_MIB = 8
WORDS = {
    "memory_kib": "KiB of memory",
    "memory_bytes": "bytes of memory",
    "cores": "cores",
    "connections": "connections",
}


class KernelProfileError(Exception):
    """A setting, profile or override that cannot be used; the sentence says what is allowed."""


@dataclass(frozen=True)
class Machine:
    """The size of a machine. `connections`: how many it serves at once; 0 derives them from the memory."""

    memory_mib: int
    cores: int
    connections: int = 0

    def size(self, name: str) -> int:
        """One of the sizes that rules speak of."""
        sizes = {
            "memory_kib": self.memory_mib * 1024,
            "memory_bytes": self.memory_mib * 1024 * 1024,
            "cores": self.cores,
            "connections": self.connections or self.memory_mib * CONNECTIONS_PER_MIB,
        }
        if name not in sizes:
            raise KernelProfileError(f"of is {name!r}; allowed are {', '.join(sizes)}")
        return sizes[name]


def profile_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The profiles that these settings have values for."""
    return sorted({str(name) for setting in settings for name in setting.get("profiles") or {}})


def controls(
    settings: Sequence[Mapping[str, Any]],
    profile: str,
    machine: Machine,
    overrides: Mapping[str, Any] | None = None,
    persist_only: bool = False,
) -> list[dict[str, Any]]:
    """The controls that bring a machine to a profile."""
    if profile not in profile_names(settings):
        raise KernelProfileError(f"profile is {profile!r}; allowed are {', '.join(profile_names(settings))}")
    chosen = [setting for setting in settings if profile in setting["profiles"]]
    unknown = sorted(set(overrides or {}) - {setting["id"] for setting in chosen})
    if unknown:
        ids = ", ".join(setting["id"] for setting in chosen)
        raise KernelProfileError(f"overrides names {unknown[0]!r}; allowed in profile {profile} are {ids}")
    return [_control(setting, profile, machine, overrides or {}, persist_only) for setting in chosen]


def compute(rule: Any, machine: Machine) -> tuple[Any, str]:
    """The value of a rule and, where it was computed, how."""
    if isinstance(rule, (list, tuple)):
        parts = [compute(each, machine) for each in rule]
        return [value for value, _how in parts], "; ".join(how for _value, how in parts if how)
    if not isinstance(rule, Mapping):
        return rule, ""
    if "per_cent_of_memory_for_mib" in rule:
        share = rule["per_cent_of_memory_for_mib"]
        value = _bounded(math.floor(100 * share / max(machine.memory_mib, 1)), rule)
        return value, f"{share} MiB of {machine.memory_mib} MiB in per cent{_bounds(rule)}"
    size = machine.size(rule["of"])
    value = math.floor(size * rule["times"])
    if rule.get("power_of_two"):
        value = 1 << max(value - 1, 0).bit_length()
    rounded = ", rounded up to a power of two" if rule.get("power_of_two") else ""
    return _bounded(value, rule), f"{rule['times']} x {size} {WORDS[rule['of']]}{rounded}{_bounds(rule)}"


def _bounded(value: int, rule: Mapping[str, Any]) -> int:
    return int(min(max(value, rule["floor"]), rule["ceiling"]))


def _bounds(rule: Mapping[str, Any]) -> str:
    return f", from {rule['floor']} to {rule['ceiling']}"


def _control(
    setting: Mapping[str, Any], profile: str, machine: Machine, overrides: Mapping[str, Any], persist_only: bool
) -> dict[str, Any]:
    value, how = compute(setting["profiles"][profile], machine)
    raise_only = bool(setting.get("raise_only"))
    if setting["id"] in overrides:
        value, how, raise_only = overrides[setting["id"]], "set by kernel_overrides", False
    reasons = [setting["why"], f"Computed: {how}." if how else "", f"Source: {setting['source']}"]
    state = {"value": value, "persist_only": persist_only, "comment": "\n".join(filter(None, reasons))}
    told = {key: setting[key] for key in ("id", "title", "why")}
    common = {**told, "refs": {"source": [setting["source"]]}, "risk": setting.get("risk", "none")}
    if "path" in setting:
        return {**common, "sysfs": {"path": setting["path"], **state}}
    return {**common, "sysctl": {"key": setting["key"], "raise_only": raise_only, **state}}
