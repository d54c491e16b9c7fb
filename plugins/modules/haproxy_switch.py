#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: haproxy_switch
short_description: Turn a switch of HAProxy, so that another backend answers from the next request on
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - A switch is a map with one entry, which says which of some backends answers. The role P(evenkeel.ops.haproxy#role)
    makes it of C(haproxy_switches).
  - Turns it in the running HAProxy, without a reload, and in the map file, so that it outlives reloads and restarts.
    The next request of every client goes to the other backend, also on a connection that is kept; requests in flight
    are answered where they are. Workers that a reload left behind are told, too.
  - Journalled; M(evenkeel.ops.undo) turns it back, in the file and in the running HAProxy.
options:
  name:
    description: Name of the switch.
    type: str
    required: true
  to:
    description: The backend that shall answer.
    type: str
    required: true
  require_up:
    description: Refuse a backend of which HAProxy sees no server up.
    type: bool
    default: true
  map_file:
    description: The map of the switch. By default C(/etc/haproxy/switches/<name>.map).
    type: path
  socket:
    description: HAProxy's runtime socket, with level admin.
    type: path
    default: /run/haproxy/admin.sock
  master_socket:
    description: Socket of HAProxy's master, which knows the workers of former generations. Optional.
    type: path
    default: /run/haproxy-master.sock
  program:
    description: The program that tells HAProxy what stands in the map file.
    type: path
    default: /usr/local/lib/evenkeel/haproxy_states.py
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description: Says what would be turned, and refuses what a real run would refuse.
    support: full
  diff_mode:
    description: One line, the switch and its backend.
    support: full
seealso:
  - module: evenkeel.ops.haproxy_info
  - module: evenkeel.ops.haproxy_watch
"""

EXAMPLES = r"""
- name: Let the green servers answer
  evenkeel.ops.haproxy_switch:
    name: shop
    to: shop-green
  delegate_to: lb1
"""

RETURN = r"""
before:
  description: The backend that answered before.
  type: str
  returned: success
  sample: shop-blue
after:
  description: The backend that answers now, or would in check mode.
  type: str
  returned: success
  sample: shop-green
backends:
  description: What the switch may choose.
  type: list
  elements: str
  returned: success
  sample: [shop-blue, shop-green]
run:
  description: The run that M(evenkeel.ops.undo) can take back; empty where nothing was written.
  type: str
  returned: success
record:
  description: The record in the journal; empty where nothing was written.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_runtime import Runtime, RuntimeRefused
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_switch import Answer, Turn
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Refused


def argument_spec() -> dict:
    """The module's options."""
    return {
        **ENGINE_ARGS,
        "name": {"type": "str", "required": True},
        "to": {"type": "str", "required": True},
        "require_up": {"type": "bool", "default": True},
        "map_file": {"type": "path"},
        "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
        "master_socket": {"type": "path", "default": "/run/haproxy-master.sock"},
        "program": {"type": "path", "default": "/usr/local/lib/evenkeel/haproxy_states.py"},
    }


def finish(module: AnsibleModule, answer: Answer) -> None:
    """Say what became of it."""
    for warning in answer.warnings:
        module.warn(warning)
    if answer.error:
        module.fail_json(msg=f"The switch is as it was before: {answer.error}", before=answer.before.backend)
    name, before = answer.before.name, answer.before.backend
    module.exit_json(
        changed=answer.changed,
        before=before,
        after=answer.after,
        backends=list(answer.before.backends),
        run=answer.run,
        record=answer.record,
        diff={"before": f"{name} {before}\n", "after": f"{name} {answer.after}\n"},
    )


def main() -> None:
    """Read the options, turn, answer."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    runtime = Runtime(module.params["socket"], module.params["master_socket"])
    try:
        finish(module, Turn(module.params, runtime, module.check_mode).serve())
    except (RuntimeRefused, Refused) as refusal:
        module.fail_json(msg=str(refusal))


if __name__ == "__main__":
    main()
