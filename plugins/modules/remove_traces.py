#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: remove_traces
short_description: List or remove what the engine keeps on a host
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - The engine keeps on a host the journal, the heads of receipts, the program that puts things back, its boot unit, the
    console command, and now and then a note in the message of the day. This module lists or removes them.
  - Configuration that this collection wrote stays as it is. It is listed in RV(standing), and once the journal is gone,
    nobody can undo it; use M(evenkeel.ops.undo) with V(pristine) first where that is wanted.
  - Refuses while the dead man's switch is armed, a transaction is unfinished, another call works or the host is on
    hold, and where O(state_dir) holds anything that is not of the engine.
  - A removal that was interrupted is completed by calling it again.
options:
  state:
    description: V(listed) only looks; V(removed) removes.
    type: str
    choices: [listed, removed]
    default: listed
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description: Names exactly what would be removed, and fails where the real run would.
    support: full
  diff_mode:
    description: The list of what is removed says it all.
    support: none
notes:
  - What systemd and syslog have logged stays in their logs.
"""

EXAMPLES = r"""
- name: Look at what the engine keeps on this host
  evenkeel.ops.remove_traces:
  register: traces

- name: Remove it
  evenkeel.ops.remove_traces:
    state: removed
"""

RETURN = r"""
paths:
  description: What is there, or was removed (would be, in check mode), in the order of removal.
  type: list
  elements: str
  returned: always
  sample: [/usr/local/sbin/evenkeel, /var/lib/evenkeel]
runs:
  description: Number of runs that the journal knows (knew).
  type: int
  returned: always
  sample: 3
standing:
  description: Targets whose configuration stays as this collection left it, as C(kind target).
  type: list
  elements: str
  returned: always
  sample: [path /etc/haproxy/haproxy.cfg]
obstacles:
  description: What speaks against a removal now, one sentence each.
  type: list
  elements: str
  returned: always
others:
  description: Boot units of other state directories; call the module with their O(state_dir), too.
  type: list
  elements: str
  returned: always
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils import traces
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import in_words
from ansible_collections.evenkeel.ops.plugins.module_utils.host import CommandFailed, Host
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS, own_run, problems


def main() -> None:
    """Look; remove where that is wanted; answer."""
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGS,
            "state": {"type": "str", "choices": ["listed", "removed"], "default": "listed"},
        },
        supports_check_mode=True,
    )
    wrong = problems(module.params)
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    host, state_dir = Host(), module.params["state_dir"].rstrip("/")
    found = traces.find(state_dir, host)
    removing = module.params["state"] == "removed"
    if removing and found.obstacles:
        module.fail_json(msg=f"Nothing was removed: {' '.join(found.obstacles)}", **asdict(found))
    if removing and not module.check_mode:
        try:
            found = traces.remove(state_dir, host, module.params["run"] or own_run())
        except traces.Obstructed as error:
            module.fail_json(msg=f"Nothing was removed: {error}", **asdict(found))
        except (OSError, CommandFailed) as error:
            words = in_words(error) if isinstance(error, OSError) else str(error)
            module.fail_json(msg=f"The removal stopped, and goes on when it is called again: {words}", **asdict(found))
    module.exit_json(changed=removing and bool(found.paths), **asdict(found))


if __name__ == "__main__":
    main()
