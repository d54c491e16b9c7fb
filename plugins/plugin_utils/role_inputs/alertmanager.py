# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role alertmanager, beyond their types.

Only names are shown: receivers and settings may hold secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.alerts import DURATION, DURATION_TEXT
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

ADDRESS = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)?:[0-9]{1,5}"
SECRETS = "/evenkeel-secrets/"
# The role itself says these.
TAKEN = {
    "--config.file": "the other inputs",
    "--web.listen-address": "alertmanager_listen_address and alertmanager_port",
    "--data.retention": "alertmanager_retention",
    "--cluster.listen-address": "alertmanager_cluster_listen_address",
    "--cluster.peer": "alertmanager_cluster_peers",
}


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    return [*_receivers(inputs), *_times(inputs), *_files(inputs), *_server(inputs)]


def _receivers(inputs: Mapping[str, Any]) -> list[str]:
    if "alertmanager_receivers" not in inputs:
        return []
    receivers = checks.entries(inputs["alertmanager_receivers"])
    names = [each.get("name") for each in receivers]
    if not names:
        return ["alertmanager_receivers is empty; allowed is a list with at least one receiver: nobody would be told."]
    unnamed = [number for number, name in enumerate(names) if not isinstance(name, str) or not name]
    found = [f"alertmanager_receivers[{number}] has no name; allowed is a receiver with one." for number in unnamed]
    found += checks.duplicate_problems("alertmanager_receivers: name", names)
    known = ", ".join(sorted(str(name) for name in names if name))
    for where, route in _routes(inputs):
        if route.get("receiver", names[0]) not in names:
            found.append(f"{where}.receiver is {route['receiver']!r}; allowed are the names of receivers: {known}.")
    return found


def _times(inputs: Mapping[str, Any]) -> list[str]:
    names = [each.get("name") for each in checks.entries(inputs.get("alertmanager_time_intervals"))]
    found = checks.duplicate_problems("alertmanager_time_intervals: name", names)
    known = ", ".join(sorted(map(str, names))) or "none, since alertmanager_time_intervals is empty"
    for where, route in _routes(inputs):
        for key in ("mute_time_intervals", "active_time_intervals"):
            unknown = [name for name in route.get(key) or [] if name not in names]
            found += [f"{where}.{key} has {name!r}; allowed are {known}." for name in unknown]
    return found


def _routes(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every route of the tree with its place."""
    waiting: list[tuple[str, Any]] = [("alertmanager_route", inputs.get("alertmanager_route"))]
    while waiting:
        where, route = waiting.pop(0)
        if isinstance(route, Mapping):
            yield where, route
            children = enumerate(checks.entries(route.get("routes")))
            waiting += [(f"{where}.routes[{number}]", child) for number, child in children]


def _files(inputs: Mapping[str, Any]) -> list[str]:
    secrets, templates = inputs.get("alertmanager_secrets") or {}, inputs.get("alertmanager_templates") or {}
    found = [problem for name in secrets for problem in checks.name_problems("alertmanager_secrets: name", name)]
    found += [f"alertmanager_secrets.{name} is empty; allowed is the secret." for name in secrets if not secrets[name]]
    found += [problem for name in templates for problem in checks.name_problems("alertmanager_templates: name", name)]
    known = ", ".join(sorted(map(str, secrets))) or "none, since alertmanager_secrets is empty"
    for name in ("alertmanager_receivers", "alertmanager_global"):
        asked = [path.rpartition("/")[2] for path in _file_settings(inputs.get(name)) if SECRETS in path]
        found += [
            f"{name} names the file of the secret {secret!r}; allowed are the names in alertmanager_secrets: {known}."
            for secret in dict.fromkeys(asked)
            if secret not in secrets
        ]
    return found


def _file_settings(value: Any) -> Iterator[str]:
    """The paths in settings whose names end with _file."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if str(key).endswith("_file"):
                yield str(inner)
            else:
                yield from _file_settings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _file_settings(inner)


def _server(inputs: Mapping[str, Any]) -> list[str]:
    found = []
    if "alertmanager_port" in inputs:
        found += checks.port_problems("alertmanager_port", inputs["alertmanager_port"])
    if "alertmanager_retention" in inputs:
        found += checks.pattern_problems(
            "alertmanager_retention", inputs["alertmanager_retention"], DURATION, DURATION_TEXT
        )
    return found + _cluster(inputs) + _arguments(inputs.get("alertmanager_arguments") or [])


def _cluster(inputs: Mapping[str, Any]) -> list[str]:
    listen, peers = inputs.get("alertmanager_cluster_listen_address"), inputs.get("alertmanager_cluster_peers") or []
    found = _addresses("alertmanager_cluster_listen_address", [listen] if listen else [])
    found += _addresses("alertmanager_cluster_peers", peers)
    if peers and not listen:
        found.append(
            f"alertmanager_cluster_peers has {', '.join(map(str, peers))}, but alertmanager_cluster_listen_address is "
            "empty; allowed are peers together with an address for them."
        )
    return found


def _addresses(where: str, addresses: Iterable[Any]) -> list[str]:
    found = []
    for address in addresses:
        problem = checks.pattern_problems(where, address, ADDRESS, "address:port, like 192.0.2.31:9094")
        found += problem or checks.port_problems(f"{where}: {address!r}: port", str(address).rpartition(":")[2])
    return found


def _arguments(arguments: Iterable[Any]) -> list[str]:
    name = "alertmanager_arguments"
    given = list(arguments)
    found = checks.line_problems(name, given)
    for argument in given:
        found += checks.pattern_problems(name, argument, r"--[a-z].*", "an argument that starts with '--'")
        instead = TAKEN.get(str(argument).partition("=")[0])
        if instead:
            found.append(f"{name} is {argument!r}; allowed is any other argument: use {instead}.")
    return found


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs: the web interface, and what the others of a cluster talk to."""
    found = checks.listener_of(inputs, "alertmanager")
    host, _colon, last = str(inputs.get("alertmanager_cluster_listen_address") or "").rpartition(":")
    port = checks.as_int(last)
    return found + ([] if port is None else [checks.Listener("alertmanager_cluster_listen_address", host or "*", port)])
