# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a deployment by a switch: its inputs, the pools, what the load balancers have chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, rotation

POOLS = 2
QUESTION_KEYS = (*rotation.KINDS, "within")


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """One sentence for each; what hosts and load balancers say is known only inside of the play."""
    found = [*_watch(inputs), *_questions(inputs.get("deploy_switch_checks"))]
    if "__deploy_backends_of" in inputs:
        found += _pools(inputs)
    if "__deploy_asked" in inputs and not found:
        found += _answers(inputs)
    return found


def _watch(inputs: Mapping[str, Any]) -> list[str]:
    found = []
    if "deploy_watch_seconds" in inputs:
        found += checks.range_problems("deploy_watch_seconds", inputs["deploy_watch_seconds"], 0, 3600)
    percent = inputs.get("deploy_watch_error_percent", 0)
    try:
        well = 0 <= float(percent) <= 100
    except (TypeError, ValueError):
        well = False
    return found if well else [*found, f"deploy_watch_error_percent is {percent!r}; allowed is a number from 0 to 100."]


def _questions(questions: Any) -> list[str]:
    found = []
    for number, question in enumerate(checks.entries(questions)):
        where = f"deploy_switch_checks[{number}]"
        found += rotation.health_check_problems(where, question)
        found += [
            f"{where} has {key!r}; allowed are {', '.join(QUESTION_KEYS)}."
            for key in question
            if key not in QUESTION_KEYS
        ]
    return found


def _pools(inputs: Mapping[str, Any]) -> list[str]:
    """Each host is in one pool, and all of them are behind the same load balancers."""
    found = []
    if not inputs.get("deploy_switch"):
        found.append("deploy_switch is ''; allowed is the name of a switch, one of haproxy_switches.")
    for host in inputs.get("__deploy_left_out") or []:
        found.append(f"deploy_hosts has {host}, which --limit leaves out; allowed is the whole of both pools.")
    for host, backends in inputs["__deploy_backends_of"].items():
        if len(backends) != 1:
            found.append(f"rotation_backends of {host} is {list(backends)}; allowed is one backend, which is its pool.")
    return found + _balancers(inputs["__deploy_balancers_of"])


def _balancers(balancers: Mapping[str, list[str]]) -> list[str]:
    first, wanted = next(iter(balancers.items()), ("", []))
    if not wanted:
        return [f"rotation_balancers of {first} is empty; allowed is a list of the load balancers with the switch."]
    return [
        f"rotation_balancers of {host} is {list(names)}; allowed is {list(wanted)}, that of {first}."
        for host, names in balancers.items()
        if list(names) != list(wanted)
    ]


def _answers(inputs: Mapping[str, Any]) -> list[str]:
    """Every load balancer has the switch, with the same two backends, and has chosen the same."""
    name, found, switches = inputs["deploy_switch"], [], {}
    for answer in inputs["__deploy_asked"]:
        balancer = answer["item"]
        if answer.get("unreachable"):
            found.append(f"rotation_balancers has {balancer}, which cannot be reached; no host is touched.")
            continue
        known = {switch["name"]: switch for switch in answer["switches"]}
        if name not in known:
            found.append(f"deploy_switch is {name!r}, which {balancer} does not have; allowed are {_names(known)}.")
            continue
        switches[balancer] = known[name]
    return found or _agreement(name, switches) or _members(inputs, next(iter(switches.values())))


def _agreement(name: str, switches: Mapping[str, Mapping[str, Any]]) -> list[str]:
    remedy = "turn the one that is wrong with the module evenkeel.ops.haproxy_switch"
    for balancer, switch in switches.items():
        if len(switch["backends"]) != POOLS:
            return [
                f"deploy_switch is {name!r}, which chooses from {_names(switch['backends'])} on {balancer}; "
                "allowed is a switch with two backends."
            ]
        if switch["backend"] != switch["kept"]:
            return [
                f"deploy_switch {name!r} is {switch['backend']} on {balancer}, and would be {switch['kept']} after a "
                f"reload; allowed is one backend: {remedy}."
            ]
    chosen = {balancer: switch["backend"] for balancer, switch in switches.items()}
    if len(set(chosen.values())) > 1:
        words = ", ".join(f"{balancer} has {backend}" for balancer, backend in chosen.items())
        return [f"deploy_switch {name!r}: the load balancers disagree: {words}; allowed is one for all: {remedy}."]
    if len({tuple(sorted(switch["backends"])) for switch in switches.values()}) > 1:
        words = ", ".join(f"{balancer} has {_names(switch['backends'])}" for balancer, switch in switches.items())
        return [f"deploy_switch {name!r}: the load balancers disagree: {words}; allowed are the same two for all."]
    return []


def _members(inputs: Mapping[str, Any], switch: Mapping[str, Any]) -> list[str]:
    """Every host's pool is one of the switch, and each pool has hosts."""
    pools = {host: backends[0] for host, backends in inputs["__deploy_backends_of"].items()}
    found = [
        f"rotation_backends of {host} is [{pool!r}]; allowed are the backends of switch {switch['name']!r}: "
        f"{_names(switch['backends'])}."
        for host, pool in pools.items()
        if pool not in switch["backends"]
    ]
    for backend in switch["backends"] if not found else []:
        if backend != switch["backend"] and backend not in pools.values():
            found.append(f"deploy_hosts has no host of the idle pool {backend!r}; allowed are the hosts of both pools.")
    return found


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
