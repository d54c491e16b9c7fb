#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: health_check
short_description: Wait until a host answers as it should
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Asks one question after the other until each is answered well, or the time is over. Only reads.
  - Asks from the host that the task runs on; with C(delegate_to) from another, such as the controller.
options:
  checks:
    description: The questions. Each has exactly one of C(http), C(tcp), C(unit) and C(command).
    type: list
    elements: dict
    required: true
    suboptions:
      http:
        description: A GET request, without proxies; redirects are answers.
        type: dict
        suboptions:
          url:
            description: What to get, with C(http://) or C(https://).
            type: str
            required: true
          status:
            description: Status codes that are right.
            type: list
            elements: int
            default: [200]
          contains:
            description: Text that the body has to contain.
            type: str
          headers:
            description: Request headers, for example C(Host).
            type: dict
            default: {}
          verify:
            description: Whether the certificate has to be valid for the name.
            type: bool
            default: true
      tcp:
        description: Whether a port takes connections.
        type: dict
        suboptions:
          host:
            description: Address to connect to.
            type: str
            default: 127.0.0.1
          port:
            description: Port, from 1 to 65535.
            type: int
            required: true
      unit:
        description: A systemd unit that has to be active.
        type: str
      command:
        description: Argument vector of a program that has to return 0. No shell is involved.
        type: list
        elements: str
      within:
        description: Seconds that one attempt may take, from 1 to 120.
        type: int
        default: 5
  timeout:
    description: Seconds in which all questions have to be answered well, from 1 to 3600.
    type: int
    default: 60
attributes:
  check_mode:
    description: Does nothing, because what is only planned does not answer yet.
    support: full
  diff_mode:
    description: There is no difference to show, as nothing changes.
    support: none
"""

EXAMPLES = r"""
- name: Wait until the site is served as it should be
  evenkeel.ops.health_check:
    checks:
      - http: {url: "http://127.0.0.1/", contains: "version 2"}
      - unit: nginx.service
    timeout: 30
"""

RETURN = r"""
failures:
  description: One sentence for each question that was not answered well in time.
  type: list
  elements: str
  returned: always
waited_seconds:
  description: How long it took.
  type: float
  returned: always
"""

import time
from functools import partial

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.probes import PROBE_ARGS, BadProbe, probe, until_well

LONGEST = 3600


def main() -> None:
    """Ask, and say what was not answered."""
    module = AnsibleModule(
        argument_spec={
            "checks": {"type": "list", "elements": "dict", "required": True, "options": PROBE_ARGS},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    timeout = module.params["timeout"]
    if not 1 <= timeout <= LONGEST:
        module.fail_json(msg=f"timeout is {timeout}; allowed are 1 to {LONGEST} seconds.")
    try:
        probes = [probe(option) for option in module.params["checks"]]
    except BadProbe as error:
        module.fail_json(msg=str(error).replace("probe", "checks", 1))
    started, host = time.monotonic(), Host()
    failures = []
    for each in probes if not module.check_mode else []:
        left = max(0.0, timeout - (time.monotonic() - started))
        failures.append(until_well(partial(each.ask, host), left))
    failures = [words for words in failures if words]
    waited = round(time.monotonic() - started, 1)
    if failures:
        module.fail_json(msg=f"After {waited:g} s: {'; '.join(failures)}.", failures=failures, waited_seconds=waited)
    module.exit_json(changed=False, failures=[], waited_seconds=waited)


if __name__ == "__main__":
    main()
