# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role haproxy, beyond their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, haproxy_switches

DURATION = r"[0-9]+(us|ms|s|m|h|d)?"
DURATION_TEXT = "a number with the unit us, ms, s, m, h or d, like 30s"
PATH = r"/[!-~]*"
PATH_TEXT = "a path that starts with '/' and has no blank"
SECTION_LINES = ("options", "lines")
GLOBAL_LINES = ("haproxy_log_targets", "haproxy_global_lines", "haproxy_defaults_lines")


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    frontends = checks.entries(inputs.get("haproxy_frontends"))
    backends = checks.entries(inputs.get("haproxy_backends"))
    return [
        *_metrics(inputs),
        *(problem for name in GLOBAL_LINES for problem in checks.line_problems(name, inputs.get(name) or [])),
        *_timeouts(inputs.get("haproxy_timeouts")),
        *checks.duplicate_problems("haproxy_frontends", (item.get("name") for item in frontends)),
        *checks.duplicate_problems("haproxy_backends", (item.get("name") for item in backends)),
        *(problem for item in frontends for problem in _frontend(item, backends)),
        *(problem for item in backends for problem in _backend(item)),
        *haproxy_switches.problems(inputs),
        *checks.clash_problems(_listeners(inputs, frontends)),
    ]


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
        problem
        for name, value in timeouts.items()
        for problem in checks.pattern_problems(f"haproxy_timeouts.{name}", value, DURATION, DURATION_TEXT)
    ]


def _frontend(frontend: Mapping[str, Any], backends: list[Mapping[str, Any]]) -> list[str]:
    name = frontend.get("name")
    where = f"haproxy_frontends: frontend {name!r}"
    binds = checks.entries(frontend.get("bind"))
    found = [*checks.name_problems("haproxy_frontends: name", name), *_lines(where, frontend)]
    if not binds:
        found.append(f"{where}: bind is empty; allowed is a list with at least one address and port.")
    for bind in binds:
        found += checks.port_problems(f"{where}: bind port", bind.get("port"))
        found += checks.line_problems(f"{where}: bind address", [bind.get("address", "*")])
        found += checks.line_problems(f"{where}: bind options", bind.get("options") or [])
    return found + _default_backend(where, frontend, backends)


def _default_backend(where: str, frontend: Mapping[str, Any], backends: list[Mapping[str, Any]]) -> list[str]:
    known = {str(backend.get("name")): backend for backend in backends}
    wanted = frontend.get("default_backend")
    if wanted is None:
        if frontend.get("lines") or frontend.get("switch"):
            return []
        return [
            f"{where}: default_backend is not given; allowed are {_names(known)}, or lines that route the requests."
        ]
    if str(wanted) not in known:
        return [f"{where}: default_backend is {wanted!r}; allowed are the names in haproxy_backends: {_names(known)}."]
    mode, other = frontend.get("mode", "http"), known[str(wanted)].get("mode", "http")
    if mode != other:
        return [f"{where}: mode is {mode!r}; allowed is {other!r}, the mode of its default_backend {wanted!r}."]
    return []


def _names(known: Mapping[str, Any]) -> str:
    return ", ".join(repr(name) for name in sorted(known)) or "none (haproxy_backends is empty)"


def _backend(backend: Mapping[str, Any]) -> list[str]:
    name = backend.get("name")
    where = f"haproxy_backends: backend {name!r}"
    servers = checks.entries(backend.get("servers"))
    found = [*checks.name_problems("haproxy_backends: name", name), *_lines(where, backend)]
    if not servers:
        found.append(f"{where}: servers is empty; allowed is a list with at least one server.")
    found += checks.duplicate_problems(f"{where}: servers", (server.get("name") for server in servers))
    found += checks.duplicate_problems(
        f"{where}: servers", (f"{server.get('address')}:{server.get('port')}" for server in servers)
    )
    for server in servers:
        found += _server(where, server)
    return found + _check(where, backend) + _http_check(where, backend.get("http_check"))


def _server(backend: str, server: Mapping[str, Any]) -> list[str]:
    where = f"{backend}: server {server.get('name')!r}"
    found = [
        *checks.name_problems(f"{backend}: server name", server.get("name")),
        *checks.port_problems(f"{where}: port", server.get("port")),
        *checks.line_problems(f"{where}: options", server.get("options") or []),
    ]
    if not str(server.get("address") or "").strip():
        found.append(f"{where}: address is {server.get('address')!r}; allowed is an IP address or a host name.")
    if server.get("weight") is not None:
        found += checks.range_problems(f"{where}: weight", server["weight"], 0, 256)
    return found


def _check(where: str, backend: Mapping[str, Any]) -> list[str]:
    found = checks.line_problems(f"{where}: balance", [backend.get("balance", "roundrobin")])
    found += checks.pattern_problems(
        f"{where}: check_interval", backend.get("check_interval", "2s"), DURATION, DURATION_TEXT
    )
    for name in ("check_fall", "check_rise"):
        found += checks.range_problems(f"{where}: {name}", backend.get(name, 1), 1, 1000)
    return found


def _http_check(where: str, check: Any) -> list[str]:
    if not isinstance(check, Mapping):
        return []
    found = checks.pattern_problems(f"{where}: http_check.path", check.get("path", "/"), PATH, PATH_TEXT)
    if check.get("expect_status") is not None:
        found += checks.range_problems(f"{where}: http_check.expect_status", check["expect_status"], 100, 599)
    return found


def _lines(where: str, section: Mapping[str, Any]) -> list[str]:
    return [
        problem for key in SECTION_LINES for problem in checks.line_problems(f"{where}: {key}", section.get(key) or [])
    ]


def _listeners(inputs: Mapping[str, Any], frontends: list[Mapping[str, Any]]) -> Iterator[checks.Listener]:
    metrics = checks.as_int(inputs.get("haproxy_metrics_port"))
    if checks.as_bool(inputs.get("haproxy_metrics_enabled", True)) and metrics is not None:
        yield checks.Listener("haproxy_metrics_port", str(inputs.get("haproxy_metrics_address", "*")), metrics)
    for frontend in frontends:
        for bind in checks.entries(frontend.get("bind")):
            port = checks.as_int(bind.get("port"))
            if port is not None:
                where = f"haproxy_frontends: frontend {frontend.get('name')!r}: bind"
                yield checks.Listener(where, str(bind.get("address", "*")), port)


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    return list(_listeners(inputs, checks.entries(inputs.get("haproxy_frontends"))))
