# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role haproxy, beyond their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_limits
from ansible_collections.evenkeel.ops.plugins.plugin_utils.haproxy_inputs import entry, extras, pool, rules
from ansible_collections.evenkeel.ops.plugins.plugin_utils.haproxy_inputs.model import (
    PATH,
    PATH_TEXT,
    RESERVED,
    Model,
    Section,
    duration_problems,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, haproxy_switches

SECTION_LINES = ("options", "lines")
GLOBAL_LINES = ("haproxy_log_targets", "haproxy_global_lines", "haproxy_defaults_lines")
# As the program takes them that is not told its threads; more processors than that are rare.
UNKNOWN_THREADS = 64
# Each kind of section, and the other kinds with which it shares its names.
SHARED_NAMES: dict[str, tuple[str, ...]] = {
    "haproxy_frontends": (),
    "haproxy_backends": (),
    "haproxy_listens": ("frontends", "backends"),
}
MAX_THREADS, MAX_NUMBER, MIN_FILES = 64, 2_000_000_000, 1024
SECTION_TIMEOUTS = (
    *("check", "client", "client-fin", "connect", "http-keep-alive", "http-request", "queue", "server"),
    *("server-fin", "tarpit", "tunnel"),
)


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    model = Model.read(inputs)
    return [
        *_metrics(inputs),
        *(problem for name in GLOBAL_LINES for problem in checks.line_problems(name, inputs.get(name) or [])),
        *_timeouts(inputs.get("haproxy_timeouts")),
        *_names(model),
        *(problem for where, section in model.sections() for problem in _section(where, section, model)),
        *(problem for where, section in model.entries() for problem in entry.problems(where, section, model)),
        *_routes(model),
        *(problem for where, section in model.pools() for problem in pool.problems(where, section, model)),
        *extras.problems(inputs, model),
        *haproxy_switches.problems(inputs),
        *_limits(inputs, model),
        *checks.clash_problems(_listeners(inputs, model)),
    ]


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    return list(_listeners(inputs, Model.read(inputs)))


def _metrics(inputs: Mapping[str, Any]) -> list[str]:
    found = []
    if "haproxy_metrics_port" in inputs:
        found += checks.port_problems("haproxy_metrics_port", inputs["haproxy_metrics_port"])
    if "haproxy_metrics_path" in inputs:
        found += checks.pattern_problems("haproxy_metrics_path", inputs["haproxy_metrics_path"], PATH, PATH_TEXT)
    return found


def _timeouts(timeouts: Any) -> list[str]:
    if not isinstance(timeouts, Mapping):
        return []
    return [
        problem for name, value in timeouts.items() for problem in duration_problems(f"haproxy_timeouts.{name}", value)
    ]


def _names(model: Model) -> list[str]:
    """Backends and listens share their names, as requests can be sent to both; frontends and listens likewise."""
    found = []
    for variable, others in SHARED_NAMES.items():
        sections: list[Section] = getattr(model, variable.removeprefix("haproxy_"))
        names = [section.get("name") for section in sections]
        found += checks.duplicate_problems(variable, names)
        for name in names:
            found += checks.name_problems(f"{variable}: name", name)
            if str(name).startswith(RESERVED):
                found.append(f"{variable}: name is {name!r}; allowed is what does not begin with '{RESERVED}'.")
            found += [
                f"{variable} has {name!r}, which haproxy_{other} has too; allowed is a name of its own."
                for other in others
                if name in [section.get("name") for section in getattr(model, other)]
            ]
    return found


def _section(where: str, section: Section, model: Model) -> list[str]:
    found = rules.problems(where, section, model)
    found += extras.times_problems(f"{where}: timeouts", section.get("timeouts"), SECTION_TIMEOUTS)
    for key in SECTION_LINES:
        found += checks.line_problems(f"{where}: {key}", section.get(key) or [])
    return found


def _routes(model: Model) -> Iterator[str]:
    own = {id(section) for section in model.listens}
    for where, section in model.entries():
        yield from entry.route_problems(where, section, model, needed=id(section) not in own)


def _limits(inputs: Mapping[str, Any], model: Model) -> list[str]:
    """The process's own numbers, and whether the file limit is enough for the connections."""
    ranges = {"haproxy_threads": (1, MAX_THREADS), "haproxy_maxconn": (1, MAX_NUMBER)}
    ranges["haproxy_file_limit"] = (MIN_FILES, MAX_NUMBER)
    numbers = {name: checks.as_int(inputs.get(name, 0)) for name in ranges}
    found = [
        f"{name} is {inputs[name]!r}; allowed is 0, or an integer from {low} to {high}."
        for name, (low, high) in ranges.items()
        if numbers[name] != 0 and checks.range_problems(name, inputs[name], low, high)
    ]
    maxconn, limit = numbers["haproxy_maxconn"] or 0, numbers["haproxy_file_limit"] or 0
    if found or not maxconn or not limit:
        return found
    threads, sockets = numbers["haproxy_threads"] or UNKNOWN_THREADS, _sockets(model)
    if haproxy_limits.needed(maxconn, threads, sockets) <= limit:
        return []
    most = haproxy_limits.allowed(limit, threads, sockets)
    return [f"haproxy_maxconn is {maxconn}; allowed is at most {most} with haproxy_file_limit {limit}."]


def _sockets(model: Model) -> int:
    """Listeners, and at most two checks for each server."""
    servers = sum(len(checks.entries(section.get("servers"))) for _where, section in model.pools())
    return 1 + sum(len(checks.entries(section.get("bind"))) for _where, section in model.entries()) + 2 * servers


def _listeners(inputs: Mapping[str, Any], model: Model) -> Iterator[checks.Listener]:
    metrics = checks.as_int(inputs.get("haproxy_metrics_port"))
    if checks.as_bool(inputs.get("haproxy_metrics_enabled", True)) and metrics is not None:
        yield checks.Listener("haproxy_metrics_port", str(inputs.get("haproxy_metrics_address", "*")), metrics)
    for where, section in model.entries():
        for bind in checks.entries(section.get("bind")):
            port = checks.as_int(bind.get("port"))
            if port is not None:
                v6only = "v6only" in (bind.get("options") or [])
                yield checks.Listener(f"{where}: bind", str(bind.get("address", "*")), port, v6only)
    local = str(inputs.get("haproxy_local_peer"))
    for group in model.peers:
        for peer in checks.entries(group.get("peers")):
            port = checks.as_int(peer.get("port"))
            if str(peer.get("name")) == local and port is not None:
                yield checks.Listener(f"haproxy_peers: group {group.get('name')!r}", str(peer.get("address")), port)
