#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: restart_outdated
short_description: Restart the services that still run code which was replaced on disk
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Asks C(needrestart) which services use deleted libraries or programs, restarts them one by one, and asks again.
    Process 1 is told to execute itself anew (C(systemctl daemon-reexec)), which loses nothing. HAProxy is reloaded, for
    the same reason; where its old workers have sessions for longer than 30 s it is listed in RV(kept).
  - Services whose configuration would not start them (C(sshd -t), C(nginx -t), C(haproxy -c)) are left running and
    reported. The task goes on with the others and fails at its end.
  - A restart cannot be undone, so it is not journalled. A host on hold is left alone.
options:
  never:
    description: Shell patterns of services that are not restarted, such as V(dbus*); they are listed in RV(kept).
    type: list
    elements: str
    default: []
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description:
      - Names what would be restarted now. Which services an upgrade makes outdated is known when it has been made.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: evenkeel.ops.upgrade_packages
"""

EXAMPLES = r"""
- name: Restart what uses deleted libraries
  evenkeel.ops.restart_outdated:
    never: ["dbus*", systemd-logind.service, "postgresql@*"]
"""

RETURN = r"""
known:
  description: Whether C(needrestart) is installed. Without it a real run fails; check mode says that it is not known.
  type: bool
  returned: always
restarted:
  description: What was restarted (would be, in check mode), in order.
  type: list
  elements: str
  returned: always
kept:
  description: Services that run replaced code and were not restarted, because of O(never).
  type: list
  elements: str
  returned: always
outdated:
  description: Services that were restarted and still run replaced code.
  type: list
  elements: str
  returned: always
sessions:
  description: Logins that run replaced code.
  type: list
  elements: str
  returned: always
containers:
  description: Containers and virtual machines that run replaced code.
  type: list
  elements: str
  returned: always
reboot_reasons:
  description: Why a reboot is due, such as a newer kernel.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS, problems
from ansible_collections.evenkeel.ops.plugins.module_utils.outdated_services import Restarts


def main() -> None:
    """Look, restart, look again."""
    module = AnsibleModule(
        argument_spec={**ENGINE_ARGS, "never": {"type": "list", "elements": "str", "default": []}},
        supports_check_mode=True,
    )
    wrong = problems(module.params)
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    restarts = Restarts(module.params, module.check_mode)
    restarts.serve()
    if restarts.error:
        module.fail_json(msg=restarts.error, changed=restarts.changed, **restarts.values)
    module.exit_json(changed=restarts.changed, **restarts.values)


if __name__ == "__main__":
    main()
