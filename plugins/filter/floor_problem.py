# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: floor_problem
short_description: Say when a wave would cross the floor of a pool
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Counts the hosts of a pool that would still serve while a wave is out, from what its load balancers see now. A host
    that one of them sends nothing to does not serve; a host that none of them has counts as serving.
  - Returns a sentence when they are fewer than the floor, and an empty string otherwise.
positional: wave, seen, hostvars
options:
  _input:
    description: The pool, with C(name), C(hosts) and C(floor) (a number or a percentage, which is rounded up).
    type: dict
    required: true
  wave:
    description: The hosts that are about to be taken out.
    type: list
    elements: str
    required: true
  seen:
    description: Of each load balancer the RV(evenkeel.ops.haproxy_info#module:servers).
    type: list
    elements: list
    required: true
  hostvars:
    description: Ansible's C(hostvars), for C(rotation_server) and C(rotation_backends) of the hosts.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse a wave while too few others serve
  ansible.builtin.assert:
    that: problem | length == 0
    fail_msg: "{{ problem }}"
  vars:
    pool: {name: web, hosts: "{{ groups['web_servers'] }}", floor: 50%}
    problem: "{{ pool | evenkeel.ops.floor_problem(['web1', 'web2'], [lb1_info.servers], hostvars) }}"
"""

RETURN = r"""
_value:
  description: The sentence, or an empty string.
  type: str
  sample: "pool 'web': the floor '50%' keeps 2 of 4 hosts in service, and 1 would be left without web1, web2; out of
    service now: web3."
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import waves


def floor_problem(pool: Any, wave: Any, seen: Any, hostvars: Any) -> str:
    """Return the sentence, or an empty string."""
    try:
        return waves.floor_problem(pool, wave, waves.out_of_service(pool["hosts"], seen, hostvars))
    except waves.WaveError as error:
        raise AnsibleFilterError(f"floor_problem: {error}") from error


class FilterModule:
    """Offers floor_problem to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"floor_problem": floor_problem}
