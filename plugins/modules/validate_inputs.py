#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: validate_inputs
short_description: Refuse wrong inputs of all roles of a play before any host is touched
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - The first task of a play. Checks the inputs of all its roles against their argument specifications, and what the
    roles know to be contradictions, and reports everything at once.
  - Argument specifications alone run only when their role starts, one role at a time, and do not see misspelt names.
    This refuses every variable with a role's prefix that is no input of the role.
  - Runs on the controller; no connection is made, and facts are not needed.
  - When the variable C(evenkeel_receipt_required) is true, it fails where the callback P(evenkeel.ops.receipt#callback)
    does not write a record of the run.
options:
  roles:
    description:
      - Names of the roles to check. By default all roles that the play lists or imports, their dependencies, and the
        roles that these include by a written-out name.
      - Needed for roles that the play's own tasks include.
    type: list
    elements: str
  playbook:
    description:
      - Path of a playbook, relative to the file that this task is written in. Every host in every play of it, and of
        the playbooks that it imports, is checked with the roles of that play, as far as the run is not limited to other
        hosts. So a wrong input of the last play is refused before the first one starts.
      - Say C(run_once) with it; one task checks all hosts. Not together with O(roles).
    type: str
attributes:
  check_mode:
    description: Can run in check mode and predict changes.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is ever changed.
notes:
  - Values of options that say C(no_log), and values that are vaulted, do not show.
  - Names that tasks registered or set, and internals that begin with two underscores, are left alone.
"""

EXAMPLES = r"""
# The first task of a play, in its pre_tasks
- name: Refuse wrong inputs of the play's roles
  evenkeel.ops.validate_inputs:

- name: Check the inputs of roles that are included later
  evenkeel.ops.validate_inputs:
    roles: [evenkeel.ops.nginx]

# In a play of its own over all hosts, first in site.yml
- name: Check the inputs of all hosts in all plays of this playbook
  evenkeel.ops.validate_inputs:
    playbook: site.yml
  run_once: true
"""

RETURN = r"""
roles:
  description: Roles whose inputs were checked.
  type: list
  elements: str
  returned: always
hosts:
  description: Hosts whose inputs were checked.
  type: list
  elements: str
  returned: when O(playbook) is given
msg:
  description: One line for each problem, with variable, value and what is allowed.
  type: str
  returned: failed
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Only reached where the action plugin is bypassed."""
    module = AnsibleModule(
        argument_spec={"roles": {"type": "list", "elements": "str"}, "playbook": {"type": "str"}},
        supports_check_mode=True,
    )
    module.fail_json(msg="validate_inputs runs on the controller; call it as evenkeel.ops.validate_inputs.")


if __name__ == "__main__":
    main()
