# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel profile and the hardening catalogue want in two ways, found before any host is touched."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils import controls_input
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import Control
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.boot_sysctl import normal_key
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.kernel_values import numbers
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from ansible_collections.evenkeel.ops.plugins.plugin_utils.kernel_profiles import bounds, state_of

# The options that say what a control wants. Limits and the like are in files of the role's own.
WANTS = {"sysctl": "value", "sysfs": "value", "kernel_module": "state", "cmdline": "value"}
# Keys that let packets through the host, and those that the kernel sets with them (ip-sysctl.rst, ip_forward).
PASSES_ON = {
    "net/ipv4/ip_forward": ("net/ipv4/conf/all/forwarding", "net/ipv4/conf/default/forwarding"),
    "net/ipv6/conf/all/forwarding": ("net/ipv6/conf/default/forwarding",),
}
KERNEL_FILE, HARDENING_FILE = "98-evenkeel-kernel.conf", "98-evenkeel-hardening.conf"


def sentences(
    settings: Sequence[Mapping[str, Any]],
    profile: str,
    overrides: Mapping[str, Any],
    disabled: Sequence[str],
    hardening: Sequence[Mapping[str, Any]],
    hardening_profile: str,
) -> list[str]:
    """One sentence for each conflict: the key, both values, which one wins, and what to do."""
    others = {PROVIDERS[c.key].subject(c): c for c in map(_control, hardening) if c is not None}
    found = []
    for setting in settings:
        if profile not in setting["profiles"] or setting["id"] in disabled:
            continue
        rule = overrides.get(setting["id"], setting["profiles"][profile])
        low, high = bounds(rule)
        mine = _control({"id": setting["id"], **state_of(setting, low)})
        other = others.get(PROVIDERS[mine.key].subject(mine)) if mine is not None else None
        only_raises = bool(setting.get("raise_only")) and setting["id"] not in overrides
        if mine is not None and other is not None and _differ(low, high, wanted(other), only_raises):
            found.append(_sentence(mine, _shown(low, high), other, profile, hardening_profile))
        if mine is not None and mine.key == "sysctl" and low == high == 1:
            found += _shut_ways(mine, profile, hardening, hardening_profile)
    return found


def _shut_ways(
    mine: Control, profile: str, hardening: Sequence[Mapping[str, Any]], hardening_profile: str
) -> list[str]:
    """What keeps a host that shall pass packets on from doing so, by another key or in the firewall."""
    along = PASSES_ON.get(normal_key(mine.state["key"]))
    if along is None:
        return []
    return [
        f"kernel_profile {profile} wants the host to pass packets on ({mine.id}), hardening_profile {hardening_profile}"
        f" keeps it from that ({other['id']}). {_way_out(mine.id, other['id'])}"
        for other in hardening
        if _keeps_packets(other, along)
    ]


def _keeps_packets(control: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether a control drops what would be passed on, or sets one of these keys to 0."""
    if "firewall" in control:
        return (control["firewall"].get("policy") or {}).get("forward") == "drop"
    sysctl = control.get("sysctl")
    return sysctl is not None and normal_key(sysctl["key"]) in keys and str(sysctl["value"]) == "0"


def _way_out(mine: str, other: str) -> str:
    return (
        f"Allowed is one of the two: put {other} into hardening_controls_disabled or waive it, or put {mine} into"
        " kernel_settings_disabled."
    )


def wanted(control: Control) -> Any:
    """What a control wants of its subject."""
    return control.state.get(WANTS[control.key])


def _control(raw: Mapping[str, Any]) -> Control | None:
    """A control of a kind that both roles may have; None for others."""
    if not any(key in raw for key in WANTS):
        return None
    control, faults = controls_input.read_one(raw)
    if control is None:
        raise ValueError("; ".join(faults))
    return control


def _differ(low: Any, high: Any, other: Any, only_raises: bool) -> bool:
    """Whether there is a machine on which the two are not the same. A value that only rises leaves a higher one."""
    if only_raises:
        least, most = numbers(other), numbers(high)
        return len(least) != len(most) or any(have < want for have, want in zip(least, most))
    return low != high or _text(low) != _text(other)


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else " ".join(str(value).split())


def _shown(low: Any, high: Any) -> str:
    return _text(low) if low == high else f"a number from {_text(low)} to {_text(high)}"


def _sentence(mine: Control, value: str, other: Control, profile: str, hardening_profile: str) -> str:
    subject = PROVIDERS[mine.key].subject(mine).replace("kernel_module ", "kernel module ")
    return (
        f"kernel_profile {profile} wants {subject} to be {value} ({mine.id}), hardening_profile {hardening_profile}"
        f" wants it to be {_text(wanted(other))} ({other.id}). {_winner(mine, other)}"
        f" {_way_out(mine.id, other.id)}"
    )


def _winner(mine: Control, other: Control) -> str:
    if mine.key == "kernel_module":
        return "The blocked one wins: modprobe runs /bin/false in its place, and the role kernel fails."
    if mine.key == "cmdline":
        return "The one that is configured first wins, and the other role fails."
    theirs = posixpath.basename(str(other.state.get("file") or HARDENING_FILE))
    if theirs < KERNEL_FILE:
        return f"At boot {KERNEL_FILE} is read after {theirs} and wins, and the next run of the hardening fails."
    return f"At boot {theirs} is read after {KERNEL_FILE} and wins, and the role kernel fails."
