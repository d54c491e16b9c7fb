# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role kernel, beyond their types, and where the hardening wants it otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import kernel_conflicts, kernel_profiles
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, hardening

MOST_CONNECTIONS = 10_000_000
MOST_NIC_MBITS = 1_000_000
MOST_HUGEPAGES_MIB = 16 * 1024 * 1024
RANGES = {
    "kernel_connections": MOST_CONNECTIONS,
    "kernel_nic_mbits": MOST_NIC_MBITS,
    "kernel_hugepages_mib": MOST_HUGEPAGES_MIB,
}
# Greatest and least values that the kernel takes, where they are not any number.
MOST = {
    "vm.swappiness": 200,
    "vm.dirty_ratio": 100,
    "vm.dirty_background_ratio": 100,
    "vm.overcommit_memory": 2,
    "net.ipv4.ip_forward": 1,
    "net.ipv4.tcp_tw_reuse": 2,
    "net.ipv4.tcp_mtu_probing": 2,
    "net.ipv4.tcp_slow_start_after_idle": 1,
}
PORTS = "net.ipv4.ip_local_port_range"


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    found = []
    for name, most in RANGES.items():
        if name in inputs:
            found += checks.range_problems(name, inputs[name], 0, most)
    return found + checks.engine_problems("kernel", inputs) + _settings(inputs)


def conflicts(inputs: Mapping[str, Any], roles: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Settings that the hardening of the same play wants otherwise; `roles` are the inputs of its roles."""
    if "hardening" not in roles:
        return []
    extra = [str(path) for path in roles["hardening"].get("hardening_catalogue_extra") or ()]
    if any(not path.startswith("/") for path in extra):
        # Only a task knows what such a path is relative to: the role's own catalogue is compared.
        extra = []
    return kernel_conflicts.sentences(
        kernel_profiles.own_settings(),
        str(inputs.get("kernel_profile", "balanced")),
        inputs.get("kernel_overrides") or {},
        inputs.get("kernel_settings_disabled") or (),
        hardening.wanted_controls(roles["hardening"], extra),
        str(roles["hardening"].get("hardening_profile", "baseline")),
    )


def _settings(inputs: Mapping[str, Any]) -> list[str]:
    settings = {setting["id"]: setting for setting in kernel_profiles.own_settings()}
    profile = inputs.get("kernel_profile", "balanced")
    overrides = inputs.get("kernel_overrides") or {}
    known = [name for name, setting in settings.items() if profile in setting["profiles"]]
    found = [
        f"kernel_overrides names {name!r}; allowed in profile {profile} are {', '.join(known)}."
        for name in overrides
        if name not in known
    ]
    found += [
        f"kernel_settings_disabled has {name!r}; allowed are {', '.join(settings)}."
        for name in inputs.get("kernel_settings_disabled") or ()
        if name not in settings
    ]
    return found + [
        problem
        for name, value in overrides.items()
        if name in known
        for problem in _override(f"kernel_overrides.{name}", value, settings[name], settings[name]["profiles"][profile])
    ]


def _override(where: str, value: Any, setting: Mapping[str, Any], rule: Any) -> list[str]:
    if "module" in setting:
        return [
            f"{where} is {value!r}; a module is loaded or not, allowed is its name in kernel_settings_disabled instead."
        ]
    return _value(where, value, rule, MOST.get(setting.get("key", ""))) or _ports(where, value, setting)


def _value(where: str, value: Any, rule: Any, most: int | None) -> list[str]:
    """Numbers stay numbers, as many as the parameter has; texts stay texts."""
    if isinstance(rule, str) and not rule.isdigit():
        return checks.pattern_problems(where, value, r"[a-z_+-]+", f"a word such as {rule}")
    wanted = len(rule) if isinstance(rule, list) else 1
    given = list(value) if isinstance(value, (list, tuple)) else str(value).split()
    numbers = [checks.as_int(each) for each in given]
    if len(given) == wanted and all(number is not None and 0 <= number <= (most or number) for number in numbers):
        return []
    words = f"a list of {wanted} whole numbers from 0" if wanted > 1 else "a whole number from 0"
    return [f"{where} is {value!r}; allowed is {words}{f' to {most}' if most else ''}."]


def _ports(where: str, value: Any, setting: Mapping[str, Any]) -> list[str]:
    """The kernel takes a range of ports that begins after its end, or next to the well-known ones, without a word."""
    if setting.get("key") != PORTS:
        return []
    low, high = (int(each) for each in (value if isinstance(value, (list, tuple)) else str(value).split()))
    if 1024 <= low < high <= 65535:
        return []
    return [f"{where} is {value!r}; allowed are a first and a greater last port, from 1024 to 65535."]
