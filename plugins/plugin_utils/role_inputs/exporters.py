# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role exporters, beyond their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import exporters
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    enabled = [str(name) for name in inputs.get("exporters_enabled") or []]
    ports = inputs.get("exporters_ports") or {}
    arguments = inputs.get("exporters_arguments") or {}
    found = [
        *_unknown("exporters_enabled", enabled),
        *checks.duplicate_problems("exporters_enabled", enabled),
        *_unknown("exporters_ports", ports),
        *_unknown("exporters_arguments", arguments),
    ]
    for name, port in ports.items():
        found += checks.port_problems(f"exporters_ports.{name}", port)
    for name, values in arguments.items():
        found += _arguments(f"exporters_arguments.{name}", values)
    return found or checks.clash_problems(_listeners(inputs, enabled, ports))


def _unknown(where: str, names: Any) -> list[str]:
    known = ", ".join(sorted(exporters.PORTS))
    return [f"{where} has {name!r}; allowed are {known}." for name in names if name not in exporters.PORTS]


def _arguments(where: str, values: Any) -> list[str]:
    found = checks.line_problems(where, values)
    for value in values:
        found += checks.pattern_problems(where, value, r"--[a-z].*", "an argument that starts with '--'")
        if str(value).startswith("--web.listen-address"):
            found.append(f"{where} is {value!r}; allowed is any other argument: use exporters_listen_address.")
    return found


def _listeners(inputs: Mapping[str, Any], enabled: list[str], ports: Mapping[str, Any]) -> list[checks.Listener]:
    address = str(inputs.get("exporters_listen_address", ""))
    return [
        checks.Listener(f"exporters_ports.{endpoint.name}", address, endpoint.port)
        for endpoint in exporters.endpoints(enabled, ports)
    ]


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    return _listeners(inputs, list(inputs.get("exporters_enabled") or []), inputs.get("exporters_ports") or {})
