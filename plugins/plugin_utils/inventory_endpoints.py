# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derive endpoints (servers to balance, targets to scrape) from the hosts of an inventory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import exporters, given_roles

HostVars = Mapping[str, Mapping[str, Any]]


class NoAddress(ValueError):
    """A host of the inventory has no address under which others reach it."""


def address_of(host: str, hostvars: HostVars, variable: str = "ansible_host") -> str:
    """Return the host's address, or refuse the host by name."""
    if host not in hostvars:
        raise NoAddress(f"host {host!r} is unknown to the inventory; allowed are its hosts")
    address = str(hostvars[host].get(variable) or "").strip()
    if not address:
        raise NoAddress(f"host {host!r} has no address: set {variable} for it in the inventory")
    return address


def haproxy_servers(hosts: Iterable[str], hostvars: HostVars, port: int, variable: str) -> list[dict[str, Any]]:
    """Return one server of a HAProxy backend for each host."""
    return [{"name": host, "address": address_of(host, hostvars, variable), "port": port} for host in sorted(hosts)]


def prometheus_targets(hosts: Iterable[str], hostvars: HostVars, variable: str) -> list[dict[str, Any]]:
    """Return one target for each exporter of each host, and for HAProxy's and Alertmanager's own."""
    targets = []
    for host in sorted(hosts):
        address = address_of(host, hostvars, variable)
        bracketed = f"[{address}]" if ":" in address else address
        for endpoint in _endpoints_of(host, hostvars[host]):
            targets.append(
                {
                    "job": endpoint.name,
                    "targets": [f"{bracketed}:{endpoint.port}"],
                    "labels": {"instance": host},
                }
            )
    return sorted(targets, key=lambda target: str(target["job"]))


def _endpoints_of(host: str, variables: Mapping[str, Any]) -> list[exporters.Endpoint]:
    enabled = variables.get("exporters_enabled", exporters.ENABLED_BY_DEFAULT)
    try:
        found = exporters.endpoints(enabled, variables.get("exporters_ports"))
    except exporters.UnknownExporter as error:
        raise exporters.UnknownExporter(f"exporters_enabled of host {host!r}: {error}") from error
    if given_roles.has("haproxy", variables) and variables.get("haproxy_metrics_enabled", True):
        port = int(variables.get("haproxy_metrics_port", exporters.HAPROXY_METRICS_PORT))
        found.append(exporters.Endpoint("haproxy", port))
    if given_roles.has("alertmanager", variables):
        port = int(variables.get("alertmanager_port", exporters.ALERTMANAGER_PORT))
        found.append(exporters.Endpoint("alertmanager", port))
    return found
