#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: upgrade_packages
short_description: Upgrade a host's packages as one journalled transaction
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Writes the versions of all packages that will be upgraded, and everything below O(paths), into the journal, and then
    runs one C(apt-get upgrade) that removes nothing and keeps configuration files that somebody edited.
  - An upgrade goes forward only. Where apt refuses before anything is unpacked (a mirror that does not answer, a full
    disk), nothing has changed. Where dpkg stops half-way, what is unpacked is configured, the packages that were
    upgraded stay, and the task fails with apt's words.
  - A call that was killed is found by the next one, which finishes it with C(dpkg --configure -a) and
    C(apt-get --fix-broken install) before it upgrades the rest. At boot nothing is downgraded and nothing is finished.
  - M(evenkeel.ops.undo) brings back the versions that a source or apt's package cache still has, in one transaction,
    and then the files below O(paths). Versions that cannot be had any more stay and are listed, and so do packages that
    came newly with the upgrade.
options:
  paths:
    description:
      - Absolute files and directories that are snapshotted before, so that undo brings them back. Configuration files
        of the packages themselves come back with their versions.
    type: list
    elements: str
    default: []
  offline:
    description: Ask no mirror; install only what the package manager's cache on the host has.
    type: bool
    default: false
  lock_timeout:
    description: Seconds to wait for another package manager, from 0 to 3600.
    type: int
    default: 300
  environment:
    description: Proxies for the download, as C(http_proxy), C(https_proxy) and C(no_proxy).
    type: dict
    default: {}
  note:
    description: What is kept with the upgrade in the journal, such as why it happened outside of a window.
    type: str
extends_documentation_fragment:
  - evenkeel.ops.updates
  - evenkeel.ops.engine
attributes:
  check_mode:
    description: Names exactly what would be upgraded with the package lists that the host has.
    support: full
  diff_mode:
    description: The versions before and after, and the snapshotted files.
    support: full
seealso:
  - module: evenkeel.ops.pending_updates_info
  - module: evenkeel.ops.restart_outdated
  - module: evenkeel.ops.undo
"""

EXAMPLES = r"""
- name: Upgrade everything but the database
  evenkeel.ops.upgrade_packages:
    exclude: ["postgresql-*"]
    paths: [/etc/nginx]
"""

RETURN = r"""
upgraded:
  description: What was upgraded (would be, in check mode), or newly installed where C(installed) is none.
  type: list
  elements: dict
  returned: always
  sample: [{name: libssl3, installed: 3.0.20-1~deb12u2, candidate: 3.0.22-1~deb12u2, security: true}]
left:
  description: Pending updates that stay, each with C(name) and C(reason).
  type: list
  elements: dict
  returned: always
configured:
  description: Packages that dpkg was interrupted in before, and that were configured first.
  type: list
  elements: str
  returned: there were some
recovered:
  description: Records of killed calls that were brought to their end first.
  type: list
  elements: str
  returned: always
run:
  description: Id of the run; undo takes it.
  type: str
  returned: always
record:
  description: The journal's record of the upgrade.
  type: str
  returned: something was upgraded
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS
from ansible_collections.evenkeel.ops.plugins.module_utils.package_upgrade import PackageUpgrade
from ansible_collections.evenkeel.ops.plugins.module_utils.update_args import UPDATE_ARGS


def main() -> None:
    """Upgrade, and answer."""
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGS,
            **UPDATE_ARGS,
            "paths": {"type": "list", "elements": "str", "default": []},
            "offline": {"type": "bool", "default": False},
            "lock_timeout": {"type": "int", "default": 300},
            "environment": {"type": "dict", "default": {}},
            "note": {"type": "str"},
        },
        supports_check_mode=True,
    )
    answer = PackageUpgrade(module.params, module.check_mode).serve()
    for warning in answer.warnings:
        module.warn(warning)
    if not module._diff:
        answer.values.pop("diff", None)
    if answer.error:
        module.fail_json(msg=answer.error, changed=answer.changed, **answer.values)
    module.exit_json(changed=answer.changed, **answer.values)


if __name__ == "__main__":
    main()
