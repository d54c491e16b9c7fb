# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: haproxy_servers
short_description: Turn hosts of the inventory into the servers of a HAProxy backend
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Returns one server for each host, for use in C(haproxy_backends) of the role P(evenkeel.ops.haproxy#role).
  - A host without an address is refused by name.
positional: hostvars
options:
  _input:
    description: Names of hosts, mostly a group of the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  port:
    description: TCP port on which every host serves, from 1 to 65535.
    type: int
    required: true
  address_from:
    description: The host variable that holds the address.
    type: str
    default: ansible_host
"""

EXAMPLES = r"""
haproxy_backends:
  - name: web
    servers: "{{ groups['web_servers'] | evenkeel.ops.haproxy_servers(hostvars, port=80) }}"
"""

RETURN = r"""
_value:
  description: The servers, ordered by name.
  type: list
  elements: dict
  sample: [{"name": "web1", "address": "192.0.2.21", "port": 80}]
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import inventory_endpoints


def haproxy_servers(
    hosts: Iterable[str], hostvars: inventory_endpoints.HostVars, port: int, address_from: str = "ansible_host"
) -> list[dict[str, Any]]:
    """Return one server for each host."""
    try:
        return inventory_endpoints.haproxy_servers(hosts, hostvars, port, address_from)
    except ValueError as error:
        raise AnsibleFilterError(f"haproxy_servers: {error}") from error


class FilterModule:
    """Offers haproxy_servers to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"haproxy_servers": haproxy_servers}
