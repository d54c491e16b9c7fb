# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_waves
short_description: Plan in which waves hosts are taken out of service
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Returns the hosts wave by wave. The canary comes first, then so many as O(waves) says. No wave takes out more than
    O(floor), O(pools), O(spread) and O(apart) allow; what does not fit into one makes a further one.
  - The same input always gives the same plan; hosts keep their order.
  - Data that cannot be used is refused with the variable, the value and what is allowed; so is a floor that cannot be
    kept.
positional: canary, waves
options:
  _input:
    description: Names of hosts, each once.
    type: list
    elements: str
    required: true
  canary:
    description: How many hosts go first, by themselves; V(0) for no canary. Counted in the sizes of O(waves).
    type: int
    default: 1
  waves:
    description:
      - How many hosts are done when each wave ends, as numbers or percentages of the hosts. The sizes are cumulative,
        ascend, and the last one reaches all hosts.
      - Percentages are rounded down, but to no less than one host. Sizes beyond the number of hosts mean all hosts.
    type: list
    elements: raw
    default: ["25%", "100%"]
  floor:
    description: How many of the hosts stay in service at any time, as a number or a percentage, which is rounded up.
    type: raw
    default: 0
  spread:
    description:
      - Host variables, such as V(rack). Two hosts with the same value are never in one wave. Every host needs a value.
    type: list
    elements: str
    default: []
  hostvars:
    description: Ansible's C(hostvars); needed with O(spread).
    type: dict
  apart:
    description: Groups of hosts, of which no two are in one wave, such as both load balancers.
    type: list
    elements: list
    default: []
  pools:
    description:
      - Sets of hosts with a floor of their own, each with C(name), C(hosts) and C(floor) (a number or a percentage).
      - Members that are not among the hosts count as in service.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show the waves of the web servers, of which two keep serving, never two of a rack at a time
  ansible.builtin.debug:
    msg: "{{ groups['web_servers'] | evenkeel.ops.plan_waves(canary=1, waves=['25%', '100%'], floor=2,
      spread=['rack'], hostvars=hostvars) }}"

- name: Show the waves of a fleet, with floors by pool
  vars:
    pools:
      - {name: web, hosts: "{{ groups['web_servers'] }}", floor: 50%}
  ansible.builtin.debug:
    msg: "{{ groups['all'] | evenkeel.ops.plan_waves(apart=[groups['load_balancers']], pools=pools) }}"
"""

RETURN = r"""
_value:
  description: The waves, each a list of hosts.
  type: list
  elements: list
  sample: [[web1], [web2, web3]]
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import waves


def plan_waves(hosts: Any, *args: Any, **kwargs: Any) -> list[list[str]]:
    """Return the hosts wave by wave."""
    try:
        return waves.plan_waves(hosts, *args, **kwargs)
    except waves.WaveError as error:
        raise AnsibleFilterError(f"plan_waves: {error}") from error


class FilterModule:
    """Offers plan_waves to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_waves": plan_waves}
