#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: haproxy_server
short_description: Take a server out of HAProxy's rotation, put it back, or change its weight
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Sets the state and the weight of a server over HAProxy's runtime socket, in one or in all backends that have it.
  - Waits until a drained server has no session left, and a ready one is up. Workers that a reload left behind, and
    that still serve, are told and waited for, too.
  - What is set outlives reloads and restarts where HAProxy was set up by the role P(evenkeel.ops.haproxy#role).
options:
  server:
    description: Name of the server, as HAProxy's configuration has it.
    type: str
    required: true
  backends:
    description: Names of the backends. By default every backend that has the server.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(drain) lets no new request in, except from clients that a cookie or a stick table binds to the server. Health
        checks go on.
      - V(maint) lets no request in. Health checks stop.
      - V(ready) puts it back. A server whose last health check failed is not put back within O(timeout).
      - A drained server that is up and has no sessions passes V(maint) for an instant on its way to V(ready). HAProxy
        gives a C(slowstart) only to a server that leaves V(maint), or that was down.
      - At least one of O(state) and O(weight) is given.
    type: str
    choices: [drain, ready, maint]
  weight:
    description: Share of the requests, from 0 to 256, relative to the other servers.
    type: int
  wait:
    description: Wait until sessions are gone (V(drain), V(maint)) or the server is up (V(ready)).
    type: bool
    default: true
  timeout:
    description: Seconds to wait, from 1 to 86400.
    type: int
    default: 300
  on_sessions_left:
    description:
      - What to do when sessions remain at the end of O(timeout); RV(sessions_left) says how many. The server stays as
        it was set.
    type: str
    choices: [fail, continue]
    default: fail
  min_up:
    description:
      - Refuse to take the server out unless so many other servers of the backend are up; V(0) does not ask.
      - A server that is not up itself is taken out in any case.
    type: int
    default: 0
  leave_maint:
    description: Leave a server alone that is in V(maint), because a person put it there.
    type: bool
    default: false
  socket:
    description: HAProxy's runtime socket, with level admin.
    type: path
    default: /run/haproxy/admin.sock
  master_socket:
    description: Socket of HAProxy's master, which knows the workers of former generations. Optional.
    type: path
    default: /run/haproxy-master.sock
  state_file:
    description: The file that keeps what is set over reloads. Written where it exists.
    type: path
    default: /var/lib/haproxy/server-states
  configuration:
    description: HAProxy's configuration, whose ports win over those in O(state_file).
    type: path
    default: /etc/haproxy/haproxy.cfg
attributes:
  check_mode:
    description: Says what would be set, and refuses what a real run would refuse. Does not wait.
    support: full
  diff_mode:
    description: One line for each backend.
    support: full
seealso:
  - module: evenkeel.ops.haproxy_info
notes:
  - The journal of M(evenkeel.ops.undo) does not hold what is set at run time; V(ready) takes it back.
"""

EXAMPLES = r"""
- name: Take a web server out, and wait until its last request is answered
  evenkeel.ops.haproxy_server:
    server: web1
    state: drain
    timeout: 120
    min_up: 1
  delegate_to: lb1

- name: Put it back, and wait until HAProxy says that it is up
  evenkeel.ops.haproxy_server:
    server: web1
    state: ready
  delegate_to: lb1

- name: Give a new server a tenth of the requests of one backend
  evenkeel.ops.haproxy_server:
    server: web4
    backends: [web]
    weight: 10
  delegate_to: lb1
"""

RETURN = r"""
servers:
  description: The server in each backend, as it is now, or would be in check mode.
  type: list
  elements: dict
  returned: success
  sample:
    - {backend: web, server: web1, address: "192.0.2.21:80", state: drain, status: DRAIN, up: false, weight: 1,
       configured_weight: 1, sessions: 0, check: L7OK, backup: false}
sessions_left:
  description: Requests that the server still serves, in all backends and workers.
  type: int
  returned: always
left_in_maint:
  description: Where it was left alone, because it was in V(maint).
  type: list
  elements: str
  returned: success
waited_seconds:
  description: How long it took.
  type: float
  returned: success
survives_reload:
  description: Whether what was set outlives a reload of HAProxy.
  type: bool
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_states
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_runtime import (
    Answer,
    Request,
    Rotation,
    Runtime,
    RuntimeRefused,
    Server,
)

RANGES = {"weight": (0, 256), "timeout": (1, 86400), "min_up": (0, 10000)}


def argument_spec() -> dict:
    """The module's options."""
    return {
        "server": {"type": "str", "required": True},
        "backends": {"type": "list", "elements": "str", "default": []},
        "state": {"type": "str", "choices": ["drain", "ready", "maint"]},
        "weight": {"type": "int"},
        "wait": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 300},
        "on_sessions_left": {"type": "str", "choices": ["fail", "continue"], "default": "fail"},
        "min_up": {"type": "int", "default": 0},
        "leave_maint": {"type": "bool", "default": False},
        "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
        "master_socket": {"type": "path", "default": "/run/haproxy-master.sock"},
        "state_file": {"type": "path", "default": "/var/lib/haproxy/server-states"},
        "configuration": {"type": "path", "default": "/etc/haproxy/haproxy.cfg"},
    }


def lines(servers: list[Server]) -> str:
    """One side of the difference."""
    return "".join(f"{server.place} {server.state} weight {server.weight}\n" for server in servers)


def request(params: dict) -> Request:
    """What is asked for."""
    return Request(
        name=params["server"],
        backends=tuple(params["backends"]),
        state=params["state"] or "",
        weight=params["weight"],
        timeout=params["timeout"] if params["wait"] else 0,
        min_up=params["min_up"],
        leave_maint=params["leave_maint"],
    )


def finish(module: AnsibleModule, answer: Answer) -> None:
    """Say what became of it."""
    result = {
        "changed": answer.changed,
        "servers": [server.as_data() for server in answer.after],
        "sessions_left": answer.sessions_left,
        "left_in_maint": list(answer.left_in_maint),
        "waited_seconds": answer.waited,
        "survives_reload": Path(module.params["state_file"]).exists(),
        "diff": {"before": lines(answer.before), "after": lines(answer.after)},
    }
    leaving = module.params["state"] != "ready"
    sessions_only = leaving and all(server.state == module.params["state"] for server in answer.after)
    if not answer.missing:
        module.exit_json(**result)
    elif sessions_only and module.params["on_sessions_left"] == "continue":
        module.warn(f"After {answer.waited:g} s {answer.missing}; going on, as on_sessions_left is continue.")
        module.exit_json(**result)
    module.fail_json(msg=f"After {answer.waited:g} s {answer.missing}.", **result)


def main() -> None:
    """Read the options, do it, answer."""
    module = AnsibleModule(
        argument_spec=argument_spec(), required_one_of=[["state", "weight"]], supports_check_mode=True
    )
    params = module.params
    for name, (low, high) in RANGES.items():
        if params[name] is not None and not low <= params[name] <= high:
            module.fail_json(msg=f"{name} is {params[name]}; allowed is an integer from {low} to {high}.")

    def keep() -> None:
        if Path(params["state_file"]).exists():
            haproxy_states.save(params["socket"], params["configuration"], params["state_file"])

    rotation = Rotation(Runtime(params["socket"], params["master_socket"]), request(params), keep, module.check_mode)
    try:
        finish(module, rotation.serve())
    except RuntimeRefused as error:
        module.fail_json(msg=str(error), sessions_left=0)


if __name__ == "__main__":
    main()
