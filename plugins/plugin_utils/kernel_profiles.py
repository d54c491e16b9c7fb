# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings for one machine, from a profile's rules and the machine's size; nothing else is looked at."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# A connection through a proxy with TLS takes some 64 KiB, and half of the memory is for connections.
CONNECTIONS_PER_MIB = 8
# Virtual network cards do not tell their speed.
UNKNOWN_NIC_MBITS = 10_000
# What a reservation leaves to everything else.
MOST_HUGEPAGES = 0.75
WORDS = {
    "memory_kib": "KiB of memory",
    "memory_bytes": "bytes of memory",
    "cores": "cores",
    "connections": "connections",
    "nic_mbits": "Mbit/s of the network card",
    "hugepages": "huge pages",
    "hugepages_kib": "KiB in huge pages",
    "hugepages_bytes": "bytes in huge pages",
}
# The options of a setting that say what it is about: each has exactly one.
ABOUT = ("key", "path", "module", "module_option", "limit", "disk", "governor", "parameter")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SETTINGS = Path(__file__).resolve().parents[2] / "roles/kernel/files/settings"
LIMITS_FILE = "/etc/security/limits.d/60-evenkeel-kernel.conf"
MANAGER_FILE = "/etc/systemd/system.conf.d/60-evenkeel-kernel.conf"
# Not the file of the modules that are loaded or blocked, which has another owner within the engine.
MODULE_OPTIONS_FILE = "/etc/modprobe.d/65-evenkeel-kernel.conf"
# Programs that call select() break above it; it is what systemd itself gives.
SOFT_OPEN_FILES = 1024


class KernelProfileError(Exception):
    """A setting, profile or override that cannot be used; the sentence says what is allowed."""


@dataclass(frozen=True)
class Machine:
    """The size of a machine; 0 is unknown: connections come from the memory then, and a card counts as a fast one."""

    memory_mib: int
    cores: int
    connections: int = 0
    nic_mbits: int = 0
    hugepages_mib: int = 0
    hugepage_kib: int = 2048

    def size(self, name: str) -> int:
        """One of the sizes that rules speak of."""
        pages = -(-self.hugepages_mib * 1024 // self.hugepage_kib)
        sizes = {
            "memory_kib": self.memory_mib * 1024,
            "memory_bytes": self.memory_mib * 1024 * 1024,
            "cores": self.cores,
            "connections": self.connections or self.memory_mib * CONNECTIONS_PER_MIB,
            "nic_mbits": self.nic_mbits or UNKNOWN_NIC_MBITS,
            "hugepages": pages,
            "hugepages_kib": pages * self.hugepage_kib,
            "hugepages_bytes": pages * self.hugepage_kib * 1024,
        }
        if name not in sizes:
            raise KernelProfileError(f"of is {name!r}; allowed are {', '.join(sizes)}")
        return sizes[name]


@dataclass(frozen=True)
class Wishes:
    """What a user says on top of a profile."""

    overrides: Mapping[str, Any]
    persist_only: bool = False


@functools.cache
def own_settings() -> Sequence[Mapping[str, Any]]:
    """The settings that the role brings; read once, however many hosts are checked."""
    files = sorted(SETTINGS.glob("*.yml"))
    return [setting for file in files for setting in yaml.load(file.read_bytes(), Loader=LOADER)]  # noqa: S506 - a safe loader


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
    most = math.floor(machine.memory_mib * MOST_HUGEPAGES)
    if not 0 <= machine.hugepages_mib <= most:
        raise KernelProfileError(
            f"hugepages_mib is {machine.hugepages_mib}; allowed is a number from 0 to {most}, three quarters of the"
            f" {machine.memory_mib} MiB that this machine has"
        )
    chosen = [setting for setting in settings if profile in setting["profiles"]]
    unknown = sorted(set(overrides or {}) - {setting["id"] for setting in chosen})
    if unknown:
        ids = ", ".join(setting["id"] for setting in chosen)
        raise KernelProfileError(f"overrides names {unknown[0]!r}; allowed in profile {profile} are {ids}")
    wishes = Wishes(overrides or {}, persist_only)
    return [
        _control(setting, profile, machine, wishes)
        for setting in chosen
        if "only_with" not in setting or machine.size(setting["only_with"])
    ]


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
    value, how = _share(rule, machine)
    if "at_most" in rule:
        most, words = _share(rule["at_most"], machine)
        value, how = min(value, most), f"{how}, at most {words}"
    if rule.get("power_of_two"):
        value = 1 << max(value - 1, 0).bit_length()
        how = f"{how}, rounded up to a power of two"
    return _bounded(value, rule), f"{how}{_bounds(rule)}"


def bounds(rule: Any) -> tuple[Any, Any]:
    """The least and the greatest value of a rule, whatever the machine; for a fixed value both are that."""
    if isinstance(rule, (list, tuple)):
        parts = [bounds(each) for each in rule]
        return [low for low, _high in parts], [high for _low, high in parts]
    return (rule["floor"], rule["ceiling"]) if isinstance(rule, Mapping) else (rule, rule)


def state_of(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """What the engine is asked for: one state key with its options."""
    about = [name for name in ABOUT if name in setting]
    if len(about) != 1:
        raise KernelProfileError(
            f"{setting['id']} has {' and '.join(about) or 'none'} of {', '.join(ABOUT)}; needed is one"
        )
    return STATES[about[0]](setting, value)


def _share(rule: Mapping[str, Any], machine: Machine) -> tuple[int, str]:
    size = machine.size(rule["of"])
    return math.floor(size * rule["times"]), f"{rule['times']} x {size} {WORDS[rule['of']]}"


def _bounded(value: int, rule: Mapping[str, Any]) -> int:
    return int(min(max(value, rule["floor"]), rule["ceiling"]))


def _bounds(rule: Mapping[str, Any]) -> str:
    return f", from {rule['floor']} to {rule['ceiling']}"


def _control(setting: Mapping[str, Any], profile: str, machine: Machine, wishes: Wishes) -> dict[str, Any]:
    value, how = compute(setting["profiles"][profile], machine)
    overridden = setting["id"] in wishes.overrides
    if overridden:
        value, how = wishes.overrides[setting["id"]], "set by kernel_overrides"
    reasons = [setting["why"], f"Computed: {how}." if how else "", f"Source: {setting['source']}"]
    (kind, state), *_none = state_of(setting, value).items()
    state["comment"] = "\n".join(filter(None, reasons))
    if overridden and "raise_only" in state:
        state["raise_only"] = False
    if wishes.persist_only:
        _persist(kind, state)
    told = {key: setting[key] for key in ("id", "title", "why")}
    return {**told, "refs": {"source": [setting["source"]]}, "risk": setting.get("risk", "none"), kind: state}


def _persist(kind: str, state: dict[str, Any]) -> None:
    """Nothing of the running system is touched."""
    if kind == "setting":
        state["reload"] = ""
    elif kind != "cmdline":
        state["persist_only"] = True


def _sysctl(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    return {"sysctl": {"key": setting["key"], "value": value, "raise_only": bool(setting.get("raise_only"))}}


def _sysfs(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    return {"sysfs": {"path": setting["path"], "value": value}}


def _module(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    return {"kernel_module": {"name": setting["module"], "state": value}}


def _module_option(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    of = setting["module_option"]
    line = f"options {of['module']} {of['option']}={value}"
    return {"setting": {"file": MODULE_OPTIONS_FILE, "format": "lines", "value": line}}


def _limit(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    limit = setting["limit"]
    if "pam" in limit:
        return {"setting": {"file": LIMITS_FILE, "format": "limits", "key": limit["pam"], "value": value}}
    both = f"{SOFT_OPEN_FILES}:{value}" if limit["systemd"] == "DefaultLimitNOFILE" else value
    manager = {"file": MANAGER_FILE, "format": "ini", "section": "Manager", "reload": ["systemctl", "daemon-reload"]}
    return {"setting": {**manager, "key": limit["systemd"], "value": both}}


def _disk(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    before = {"instead_of": setting["instead_of"]} if "instead_of" in setting else {}
    return {"device_attribute": {"subsystem": "block", "attribute": setting["disk"], "value": value, **before}}


def _governor(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    return {"device_attribute": {"subsystem": "cpufreq", "attribute": setting["governor"], "value": value}}


def _parameter(setting: Mapping[str, Any], value: Any) -> dict[str, Any]:
    return {"cmdline": {"parameter": setting["parameter"], "value": str(value)}}


STATES: dict[str, Callable[[Mapping[str, Any], Any], dict[str, Any]]] = {
    "key": _sysctl,
    "path": _sysfs,
    "module": _module,
    "module_option": _module_option,
    "limit": _limit,
    "disk": _disk,
    "governor": _governor,
    "parameter": _parameter,
}
