# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_behind
short_description: Find the hosts that are reached through a jump host
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Looks for C(ProxyJump) and C(ProxyCommand) in C(ansible_ssh_common_args), C(ansible_ssh_extra_args) and
    C(ansible_ssh_args) of all hosts of the inventory.
  - What the C(ssh_config) of whoever runs Ansible says is not seen.
  - The inventory is looked through once per run.
positional: names
options:
  _input:
    description: The variables of all hosts, C(hostvars).
    type: dict
    required: true
  names:
    description: The names and addresses of the jump host.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show who is reached through this host
  ansible.builtin.debug:
    msg: "{{ hostvars | evenkeel.ops.hosts_behind([inventory_hostname, ansible_host]) }}"
"""

RETURN = r"""
_value:
  description: Names of the hosts, sorted.
  type: list
  elements: str
  sample: [db1, db2]
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible import constants
from ansible_collections.evenkeel.ops.plugins.plugin_utils import jump_hosts


def hosts_behind(hostvars: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> list[str]:
    """Return the hosts that are reached through the host of these names."""
    return jump_hosts.hosts_behind(hostvars, set(names), constants.DEFAULT_LOCAL_TMP)


class FilterModule:
    """Offers hosts_behind to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hosts_behind": hosts_behind}
