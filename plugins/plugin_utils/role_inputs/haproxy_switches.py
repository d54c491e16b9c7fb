# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the switches of the role haproxy, and with the frontends that they turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    switches = checks.entries(inputs.get("haproxy_switches"))
    modes = {str(item.get("name")): item.get("mode", "http") for item in checks.entries(inputs.get("haproxy_backends"))}
    known = {str(item.get("name")): item for item in switches}
    return [
        *checks.duplicate_problems("haproxy_switches", (item.get("name") for item in switches)),
        *(problem for item in switches for problem in _switch(item, modes)),
        *(
            problem
            for item in checks.entries(inputs.get("haproxy_frontends"))
            if item.get("switch") is not None
            for problem in _frontend(item, known, modes)
        ),
    ]


def _switch(switch: Mapping[str, Any], modes: Mapping[str, str]) -> list[str]:
    name, backends = switch.get("name"), [str(each) for each in switch.get("backends") or []]
    where = f"haproxy_switches: switch {name!r}"
    found = [
        *checks.name_problems("haproxy_switches: name", name),
        *checks.duplicate_problems(f"{where}: backends", backends),
    ]
    if len(set(backends)) < 2:
        found.append(f"{where}: backends is {backends}; allowed are at least two names in haproxy_backends.")
    found += [
        f"{where}: backends has {backend!r}; allowed are the names in haproxy_backends: {_names(modes)}."
        for backend in backends
        if backend not in modes
    ]
    initial = switch.get("initial")
    if initial is not None and str(initial) not in backends:
        found.append(f"{where}: initial is {initial!r}; allowed are its backends: {_names(backends)}.")
    return found


def _frontend(
    frontend: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], modes: Mapping[str, str]
) -> list[str]:
    where, wanted = f"haproxy_frontends: frontend {frontend.get('name')!r}", str(frontend["switch"])
    if wanted not in known:
        return [f"{where}: switch is {wanted!r}; allowed are the names in haproxy_switches: {_names(known)}."]
    mode = frontend.get("mode", "http")
    others = {str(each): modes[str(each)] for each in known[wanted].get("backends") or [] if str(each) in modes}
    return [
        f"{where}: mode is {mode!r}; allowed is {other!r}, the mode of backend {backend!r} of its switch {wanted!r}."
        for backend, other in others.items()
        if other != mode
    ]


def _names(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names)) or "none"
