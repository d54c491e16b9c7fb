# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall rules that name a service of this collection in the place of its ports: its role's inputs have those."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import given_roles
from .role_inputs.checks import Listener, module_of
from .role_specs import load_entry_points

ROLES = Path(__file__).resolve().parents[2] / "roles"
INSTEAD = ("ports", "protocol", "chain")


class Service(NamedTuple):
    """Who listens: a role, by inputs whose names begin so, on hosts that are given it."""

    role: str
    listens: tuple[str, ...]
    question: str = "listeners"
    protocols: tuple[str, ...] = ("tcp",)

    @property
    def on_tcp(self) -> bool:
        """Whether its role's plain listeners are the service."""
        return bool(self.listens) and self.question == "listeners"


SERVICES: Mapping[str, Sequence[Service]] = {
    "alertmanager": [Service("alertmanager", ("alertmanager_port",))],
    "alertmanager_cluster": [Service("alertmanager", ("alertmanager_cluster",), protocols=("tcp", "udp"))],
    "backup_server": [Service("backup_server", ("backup_server_port",))],
    "exporters": [Service("exporters", ("exporters_ports",))],
    "haproxy": [Service("haproxy", ("haproxy_frontends", "haproxy_listens"))],
    "haproxy_metrics": [Service("haproxy", ("haproxy_metrics_port",))],
    "haproxy_peers": [Service("haproxy", ("haproxy_peers",))],
    "keepalived": [Service("keepalived", (), protocols=("vrrp",))],
    "nginx": [
        Service("nginx", ("nginx_sites",)),
        Service("nginx", ("nginx_sites",), question="quic_listeners", protocols=("udp",)),
    ],
    "prometheus": [Service("prometheus", ("prometheus_port",))],
}


def expand(allow: Iterable[Mapping[str, Any]], variables: Mapping[str, Any], cache: str | None) -> list[dict[str, Any]]:
    """The rules, with this host's ports in the place of services; a service that it does not have opens nothing."""
    # Looked up once for each role, however many rules and services are about it.
    inputs = functools.lru_cache(maxsize=None)(lambda role: inputs_of(role, variables, cache))
    rules = []
    for rule in allow:
        if rule.get("service") is None:
            rules.append(dict(rule))
        else:
            rules += _rules_of(rule, variables, inputs)
    return rules


def problems(where: str, rule: Mapping[str, Any]) -> list[str]:
    """What is wrong with a rule that names a service."""
    name = rule.get("service")
    if name is None:
        return []
    if name not in SERVICES:
        return [f"{where}.service is {name!r}; allowed are {', '.join(SERVICES)}."]
    both = [key for key in INSTEAD if rule.get(key)]
    return [f"{where} has service and {both[0]}; allowed is one of them."] if both else []


def ports(service: Service, listeners: Iterable[Listener]) -> list[int]:
    """Where others reach the service, by its role's listeners."""
    ours = (each for each in listeners if each.where.startswith(service.listens))
    return sorted({each.port for each in ours if not _is_local(each.address)})


def _rules_of(
    rule: Mapping[str, Any], variables: Mapping[str, Any], inputs: Callable[[str], Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    rest = {key: value for key, value in rule.items() if key not in ("service", *INSTEAD)}
    rest.setdefault("comment", rule["service"])
    for service in SERVICES.get(rule["service"], ()):
        if not given_roles.has(service.role, variables):
            continue
        opened = ports(service, _ask(service, inputs(service.role))) if service.listens else []
        if opened or not service.listens:
            for protocol in service.protocols:
                yield {**rest, "protocol": protocol, **({"ports": opened} if opened else {})}


def inputs_of(role: str, variables: Mapping[str, Any], cache: str | None) -> dict[str, Any]:
    """A role's inputs: what the host's variables say, else the role's defaults."""
    options = (load_entry_points(str(ROLES / role), cache) or {}).get("main", {})
    found = {name: option.get("default") for name, option in options.items()}
    found.update({name: variables[name] for name in options if name in variables})
    if "haproxy_local_peer" in found and "haproxy_local_peer" not in variables:
        found["haproxy_local_peer"] = variables.get("inventory_hostname")
    return found


def _ask(service: Service, inputs: Mapping[str, Any]) -> list[Listener]:
    found: list[Listener] = getattr(module_of(service.role), service.question)(inputs)
    return found


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"
