# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: keepalived_peers
short_description: List the addresses of the other hosts that share a floating address
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Returns the address of each host but one, for use in C(keepalived_instances) of the role
    P(evenkeel.ops.keepalived#role).
  - A host without an address, or with a name in place of one, is refused by name.
positional: hostvars, own
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
  own:
    description: The host that is left out, C(inventory_hostname).
    type: str
    required: true
  address_from:
    description: The host variable that holds the IP address.
    type: str
    default: ansible_host
"""

EXAMPLES = r"""
keepalived_instances:
  - name: web
    router_id: 51
    addresses: [{address: 192.0.2.10/24}]
    unicast_peers: "{{ groups['load_balancers'] | evenkeel.ops.keepalived_peers(hostvars, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The addresses, ordered by the hosts' names.
  type: list
  elements: str
  sample: ["192.0.2.12"]
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import inventory_endpoints, virtual_routers


def keepalived_peers(
    hosts: Iterable[str], hostvars: inventory_endpoints.HostVars, own: str, address_from: str = "ansible_host"
) -> list[str]:
    """Return the address of each host but `own`."""
    found = []
    for host in sorted(set(hosts) - {own}):
        try:
            address = inventory_endpoints.address_of(host, hostvars, address_from)
        except ValueError as error:
            raise AnsibleFilterError(f"keepalived_peers: {error}") from error
        if virtual_routers.ip(address) is None:
            raise AnsibleFilterError(
                f"keepalived_peers: {address_from} of host {host!r} is {address!r}; allowed is an IP address"
            )
        found.append(address)
    return found


class FilterModule:
    """Offers keepalived_peers to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"keepalived_peers": keepalived_peers}
