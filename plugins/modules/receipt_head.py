#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: receipt_head
short_description: Keep the head of the run's receipt on the hosts that the run changed
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Stores the present head of the chain that the callback P(evenkeel.ops.receipt#callback) writes, on every host whose
    state this run changed. M(evenkeel.ops.verify_receipt) compares a receipt with it.
  - Meant as the last task of a playbook. On hosts that were not changed, in check mode, and where the callback is not
    active it does nothing, without a connection.
options:
  state:
    description: V(stored) keeps the head of this run; V(read) returns the head that is kept for a run.
    type: str
    choices: [stored, read]
    default: stored
  head:
    description: The head, 64 hexadecimal digits. Set by the action plugin.
    type: str
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description: Nothing is stored in check mode, because no host was changed.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: A head says nothing to people.
notes:
  - What the run does after this task is covered by the chain and its closing line only, not by the head on the hosts.
"""

EXAMPLES = r"""
- name: Keep the head of the receipt on the changed hosts
  evenkeel.ops.receipt_head:
"""

RETURN = r"""
head:
  description: The head that is kept; empty where there is none.
  type: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils import receipt_head
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import in_words
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS


def main() -> None:
    """Read or store one head."""
    options = {
        "state": {"type": "str", "choices": ["stored", "read"], "default": "stored"},
        "head": {"type": "str"},
    }
    module = AnsibleModule(
        argument_spec={**ENGINE_ARGS, **options},
        required_if=[("state", "stored", ("head",))],
        supports_check_mode=True,
    )
    run, head, state_dir = module.params["run"] or "", module.params["head"], module.params["state_dir"]
    wrong = receipt_head.problem(run, head)
    if wrong:
        module.fail_json(msg=wrong)
    host = Host()
    kept = receipt_head.read(state_dir, run, host)
    if module.params["state"] == "read" or kept == head:
        module.exit_json(changed=False, head=kept)
    if not module.check_mode:
        try:
            receipt_head.store(state_dir, run, head, host)
        except OSError as error:
            module.fail_json(msg=f"The head of the receipt cannot be kept: {in_words(error)}.")
    module.exit_json(changed=True, head=head)


if __name__ == "__main__":
    main()
