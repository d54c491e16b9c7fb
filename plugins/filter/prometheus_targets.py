# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: prometheus_targets
short_description: Derive Prometheus targets from the hosts of the inventory
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Returns one target for each exporter of each host, and one for HAProxy's own endpoint on hosts whose inventory
    variables have C(haproxy_frontends) or C(haproxy_listens), unless C(haproxy_metrics_enabled) is false; likewise one
    for Alertmanager on hosts that have C(alertmanager_receivers).
  - Reads the hosts' inputs C(exporters_enabled), C(exporters_ports), C(haproxy_metrics_enabled),
    C(haproxy_metrics_port) and C(alertmanager_port); no facts are needed.
  - A host without an address is refused by name.
positional: hostvars
options:
  _input:
    description: Names of hosts, mostly C(groups['all']).
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  address_from:
    description: The host variable that holds the address.
    type: str
    default: ansible_host
"""

EXAMPLES = r"""
prometheus_targets: "{{ groups['all'] | evenkeel.ops.prometheus_targets(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The targets, ordered by job and host; the label C(instance) is the host's name in the inventory.
  type: list
  elements: dict
  sample: [{"job": "node", "targets": ["192.0.2.21:9100"], "labels": {"instance": "web1"}}]
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import inventory_endpoints


def prometheus_targets(
    hosts: Iterable[str], hostvars: inventory_endpoints.HostVars, address_from: str = "ansible_host"
) -> list[dict[str, Any]]:
    """Return the targets of the hosts."""
    try:
        return inventory_endpoints.prometheus_targets(hosts, hostvars, address_from)
    except ValueError as error:
        raise AnsibleFilterError(f"prometheus_targets: {error}") from error


class FilterModule:
    """Offers prometheus_targets to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"prometheus_targets": prometheus_targets}
