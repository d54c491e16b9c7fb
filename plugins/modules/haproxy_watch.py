#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: haproxy_watch
short_description: Watch a backend of HAProxy for a while, and fail where too many of its requests do
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Counts, over HAProxy's runtime socket, the requests to a backend and those that were answered with a status from
    500 on (in mode tcp the sessions, and those whose server was not reached or broke off), and the servers that are up.
  - Fails as soon as too few servers are up or errors pile up, and at the end where too large a share failed.
  - Only reads.
options:
  backend:
    description: Name of the backend.
    type: str
    required: true
  seconds:
    description: How long to watch, from 1 to 3600.
    type: int
    default: 15
  error_percent:
    description: The largest share of failed requests that is well, in percent, from 0 to 100.
    type: float
    default: 5
  min_up:
    description: So many servers have to be up all the time.
    type: int
    default: 1
  socket:
    description: HAProxy's runtime socket.
    type: path
    default: /run/haproxy/admin.sock
attributes:
  check_mode:
    description: Does nothing, because what is only planned serves nobody yet.
    support: full
  diff_mode:
    description: There is no difference to show, as nothing changes.
    support: none
notes:
  - A reload of HAProxy in between is no error; what the new worker counts is added.
seealso:
  - module: evenkeel.ops.haproxy_switch
  - module: evenkeel.ops.haproxy_info
"""

EXAMPLES = r"""
- name: Watch the new servers for half a minute
  evenkeel.ops.haproxy_watch:
    backend: shop-green
    seconds: 30
    error_percent: 1
  delegate_to: lb1
"""

RETURN = r"""
requests:
  description: How many requests the backend answered.
  type: int
  returned: always
errors:
  description: How many of them failed.
  type: int
  returned: always
percent:
  description: The share that failed.
  type: float
  returned: always
watched_seconds:
  description: How long it took.
  type: float
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_runtime import Runtime, RuntimeRefused
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_watch import Counted, Verdict, Watch

RANGES = {"seconds": (1, 3600), "error_percent": (0, 100), "min_up": (0, 10000)}


def main() -> None:
    """Watch, and say what was seen."""
    module = AnsibleModule(
        argument_spec={
            "backend": {"type": "str", "required": True},
            "seconds": {"type": "int", "default": 15},
            "error_percent": {"type": "float", "default": 5},
            "min_up": {"type": "int", "default": 1},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
        },
        supports_check_mode=True,
    )
    params = module.params
    for name, (low, high) in RANGES.items():
        if not low <= params[name] <= high:
            module.fail_json(msg=f"{name} is {params[name]:g}; allowed is a number from {low} to {high}.")
    verdict = Verdict(Counted(), 0.0)
    try:
        if not module.check_mode:
            watch = Watch(Runtime(params["socket"]), params["backend"], params["error_percent"], params["min_up"])
            verdict = watch.serve(params["seconds"])
    except RuntimeRefused as error:
        module.fail_json(msg=str(error))
    result = {
        "requests": verdict.counted.requests,
        "errors": verdict.counted.errors,
        "percent": verdict.counted.percent,
        "watched_seconds": verdict.seconds,
    }
    if verdict.problem:
        module.fail_json(msg=f"After {verdict.seconds:g} s: {verdict.problem}.", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
