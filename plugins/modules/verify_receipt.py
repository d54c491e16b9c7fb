#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: verify_receipt
short_description: Check that the receipt of a run is whole, and that it is the one its hosts know
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Reads a receipt on the controller and checks every byte of it. Fails with the line that was altered, cut or moved,
    or where the closing line is missing.
  - With O(compare), also asks the host which head it keeps for that run, and fails where the receipt does not have it.
options:
  path:
    description: The receipt, a file on the controller.
    type: path
    required: true
  compare:
    description: Compare with the head that the host keeps. Hosts that the run did not change keep none.
    type: bool
    default: true
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description: Nothing is ever changed.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is ever changed.
notes:
  - The chain has no key. Whoever can write the receipt and every host that it names can make up another one. Store the
    printed head elsewhere, for example in the change's ticket, where that matters.
"""

EXAMPLES = r"""
- name: Check the receipt against the host
  evenkeel.ops.verify_receipt:
    path: receipts/20261124T020154Z-cli-1a2b3c4d.jsonl
"""

RETURN = r"""
head:
  description: The head of the receipt.
  type: str
  returned: success
receipt_run:
  description: The run that the receipt speaks of.
  type: str
  returned: success
entries:
  description: Number of its entries.
  type: int
  returned: success
host_knows:
  description: Whether the host keeps a head of this run.
  type: bool
  returned: O(compare) is true
covered:
  description: Number of entries that the head on the host covers.
  type: int
  returned: the host keeps a head
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS


def main() -> None:
    """Only reached where the action plugin is bypassed."""
    options = {"path": {"type": "path", "required": True}, "compare": {"type": "bool", "default": True}}
    module = AnsibleModule(argument_spec={**ENGINE_ARGS, **options}, supports_check_mode=True)
    module.fail_json(msg="verify_receipt runs on the controller; call it as evenkeel.ops.verify_receipt.")


if __name__ == "__main__":
    main()
