#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: haproxy_info
short_description: Read HAProxy's servers and statistics as data
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Asks HAProxy's runtime socket which servers it has, how they are, and what it counted.
  - Changes nothing.
options:
  sections:
    description:
      - V(servers) lists the servers with state and health; V(stats) every row of C(show stat), by HAProxy's own
        names; V(process) what C(show info) says; V(switches) which backend each switch has chosen.
    type: list
    elements: str
    choices: [servers, stats, process, switches]
    default: [servers]
  socket:
    description: HAProxy's runtime socket.
    type: path
    default: /run/haproxy/admin.sock
  master_socket:
    description: Socket of HAProxy's master, which knows the workers of former generations. Optional.
    type: path
    default: /run/haproxy-master.sock
attributes:
  check_mode:
    description: Can run in check mode, where it does the same.
    support: full
  diff_mode:
    description: There is no difference to show, as nothing changes.
    support: none
seealso:
  - module: evenkeel.ops.haproxy_server
  - module: evenkeel.ops.haproxy_switch
"""

EXAMPLES = r"""
- name: Look at the servers
  evenkeel.ops.haproxy_info:
  register: balancer

- name: Refuse to go on while a server is drained
  ansible.builtin.assert:
    that: balancer.servers | selectattr('state', 'ne', 'ready') | length == 0
    fail_msg: "{{ balancer.servers | rejectattr('state', 'eq', 'ready') | map(attribute='server') | join(', ') }}"
"""

RETURN = r"""
servers:
  description: Every server of every backend.
  type: list
  elements: dict
  returned: O(sections) has V(servers)
  sample:
    - {backend: web, server: web1, address: "192.0.2.21:80", state: ready, status: UP, up: true, weight: 1,
       configured_weight: 1, sessions: 3, check: L7OK, backup: false}
stats:
  description: Every row of C(show stat); numbers are numbers, empty fields are left out.
  type: list
  elements: dict
  returned: O(sections) has V(stats)
  sample: [{pxname: web, svname: web1, scur: 3, status: UP}]
process:
  description: What C(show info) says; numbers are numbers.
  type: dict
  returned: O(sections) has V(process)
  sample: {Name: HAProxy, Version: 3.0.11, CurrConns: 12}
switches:
  description:
    - Every switch. C(backend) is what HAProxy does, C(kept) what it will do after a reload.
  type: list
  elements: dict
  returned: O(sections) has V(switches)
  sample:
    - {name: shop, backend: shop-blue, kept: shop-blue, backends: [shop-blue, shop-green],
       map_file: /etc/haproxy/switches/shop.map}
old_workers:
  description: Pids of the workers of former generations that still serve what they had.
  type: list
  elements: int
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_switch
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_runtime import (
    Runtime,
    RuntimeRefused,
    read_process,
    read_values,
)

SECTIONS = ["servers", "stats", "process", "switches"]


def main() -> None:
    """Ask, and hand the answers back."""
    module = AnsibleModule(
        argument_spec={
            "sections": {"type": "list", "elements": "str", "choices": SECTIONS, "default": ["servers"]},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
            "master_socket": {"type": "path", "default": "/run/haproxy-master.sock"},
        },
        supports_check_mode=True,
    )
    runtime = Runtime(module.params["socket"], module.params["master_socket"])
    wanted = module.params["sections"]
    result: dict = {"changed": False}
    try:
        if "servers" in wanted:
            result["servers"] = [server.as_data() for server in runtime.servers()]
        if "stats" in wanted:
            result["stats"] = [read_values(row) for row in runtime.stats()]
        if "process" in wanted:
            result["process"] = read_process(runtime.ask("show info"))
        if "switches" in wanted:
            result["switches"] = [switch.as_data() for switch in haproxy_switch.find_all(runtime)]
    except RuntimeRefused as error:
        module.fail_json(msg=str(error))
    module.exit_json(old_workers=runtime.old_workers(), **result)


if __name__ == "__main__":
    main()
