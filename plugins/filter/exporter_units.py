# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: exporter_units
short_description: Tell how the unit of each enabled exporter is to run, and how that is tried
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Joins the inputs of the role P(evenkeel.ops.exporters#role) with what its vars know of the distribution.
positional: registry
options:
  _input:
    description: Names of exporters.
    type: list
    elements: str
    required: true
  registry:
    description: By name of the exporter, a dictionary with C(unit), C(program) and C(drop_in).
    type: dict
    required: true
  ports:
    description: Ports that differ from the exporters' usual ones, by name of the exporter.
    type: dict
    default: {}
  address:
    description: Address on which all of them listen; empty means every address.
    type: str
    default: ""
  arguments:
    description: Further command line arguments, by name of the exporter.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Tell how the exporters are to run
  vars:
    registry:
      node:
        unit: prometheus-node-exporter.service
        program: /usr/bin/prometheus-node-exporter
        drop_in: /etc/systemd/system/prometheus-node-exporter.service.d/10-evenkeel.conf
  ansible.builtin.debug:
    msg: "{{ ['node'] | evenkeel.ops.exporter_units(registry, address='192.0.2.10') }}"
"""

RETURN = r"""
_value:
  description:
    - For each exporter its registry entry, the C(command) that runs it, the command that tries (C(trial)) whether the
      program takes these arguments, and the C(probe) that tells whether it serves.
  type: list
  elements: dict
  sample:
    - unit: prometheus-node-exporter.service
      program: /usr/bin/prometheus-node-exporter
      drop_in: /etc/systemd/system/prometheus-node-exporter.service.d/10-evenkeel.conf
      command: [/usr/bin/prometheus-node-exporter, "--web.listen-address=192.0.2.10:9100"]
      trial: [/usr/bin/prometheus-node-exporter, "--web.listen-address=192.0.2.10:9100", --version]
      probe: {tcp: {host: 192.0.2.10, port: 9100}}
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import exporters


def exporter_units(
    enabled: Iterable[str],
    registry: Mapping[str, Mapping[str, Any]],
    ports: Mapping[str, Any] | None = None,
    address: str = "",
    arguments: Mapping[str, Iterable[str]] | None = None,
) -> list[dict[str, Any]]:
    """Return how each enabled exporter runs, is tried and is probed."""
    try:
        found = exporters.endpoints(enabled, ports)
    except ValueError as error:
        raise AnsibleFilterError(f"exporter_units: {error}") from error
    return [_unit(each, registry[each.name], address, (arguments or {}).get(each.name, ())) for each in found]


def _unit(
    endpoint: exporters.Endpoint, entry: Mapping[str, Any], address: str, arguments: Iterable[str]
) -> dict[str, Any]:
    listen = f"[{address}]" if ":" in address else address
    command = [entry["program"], f"--web.listen-address={listen}:{endpoint.port}", *arguments]
    probe = {"tcp": {"host": address or "127.0.0.1", "port": endpoint.port}}
    return {**entry, "command": command, "trial": [*command, "--version"], "probe": probe}


class FilterModule:
    """Offers exporter_units to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"exporter_units": exporter_units}
