#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pending_updates_info
short_description: Tell which updates are pending, and which services run replaced code
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Asks apt what M(evenkeel.ops.upgrade_packages) with the same options would upgrade, and C(needrestart), where it is
    installed, which services run code that was replaced on disk. Nothing is installed, restarted or locked.
  - The package lists are refreshed first where they are older than O(lists_max_age). A source that cannot be read is a
    failure.
options:
  lists_max_age:
    description: Age in seconds, up to 31536000, from which on the package lists are refreshed; V(-1) never does.
    type: int
    default: -1
  environment:
    description: Proxies for the refresh, as C(http_proxy), C(https_proxy) and C(no_proxy).
    type: dict
    default: {}
  never:
    description: Shell patterns of services that are not restarted; they are listed in RV(kept), not in RV(restarts).
    type: list
    elements: str
    default: []
extends_documentation_fragment: [evenkeel.ops.updates]
attributes:
  check_mode:
    description: Does the same, but does not refresh the package lists.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
seealso:
  - module: evenkeel.ops.upgrade_packages
  - module: evenkeel.ops.restart_outdated
"""

EXAMPLES = r"""
- name: See which security updates are pending
  evenkeel.ops.pending_updates_info:
    select: security
    lists_max_age: 3600
  register: pending
"""

RETURN = r"""
updates:
  description: What would be upgraded, or newly installed where C(installed) is none, by name.
  type: list
  elements: dict
  returned: always
  sample: [{name: libssl3, installed: 3.0.20-1~deb12u2, candidate: 3.0.22-1~deb12u2, security: true}]
left:
  description: Pending updates that would stay, each with C(name) and C(reason).
  type: list
  elements: dict
  returned: always
interrupted:
  description: Packages that dpkg was interrupted in.
  type: list
  elements: str
  returned: always
known:
  description: Whether C(needrestart) is installed, so that RV(restarts) is known.
  type: bool
  returned: always
restarts:
  description: Services that run replaced code and would be restarted.
  type: list
  elements: str
  returned: always
kept:
  description: Services that run replaced code and are not restarted, because of O(never).
  type: list
  elements: str
  returned: always
reboot_reasons:
  description: Why a reboot is due.
  type: list
  elements: str
  returned: always
refreshed:
  description: Whether the package lists were refreshed.
  type: bool
  returned: always
due:
  description: Whether there is anything to upgrade, finish or restart, as far as it is known.
  type: bool
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.pending_report import PendingReport
from ansible_collections.evenkeel.ops.plugins.module_utils.update_args import UPDATE_ARGS


def main() -> None:
    """Ask, and hand the answers back."""
    module = AnsibleModule(
        argument_spec={
            **UPDATE_ARGS,
            "lists_max_age": {"type": "int", "default": -1},
            "environment": {"type": "dict", "default": {}},
            "never": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    report = PendingReport(module.params, module.check_mode)
    report.serve()
    if report.error:
        module.fail_json(msg=report.error)
    for warning in report.warnings:
        module.warn(warning)
    module.exit_json(changed=False, **report.values)


if __name__ == "__main__":
    main()
