#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: commit_confirm
short_description: Put your own tasks under a dead man's switch
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Arms a timer on the host before tasks that could lock you out, and confirms over a fresh login afterwards.
    When nobody confirms in time, the host puts the given O(paths) and O(units) back by itself, also when the controller
    died or the host was rebooted.
  - Between O(state=armed) and O(state=confirmed) any module may change the host.
  - M(evenkeel.ops.controls) and M(evenkeel.ops.config_tree) do all of this within their own task (option C(confirm));
    they need no tasks of this module around them.
options:
  state:
    description:
      - V(armed) snapshots O(paths) and O(units) and starts the timer. Nothing on the host is changed.
      - V(confirmed) opens a login of its own, past any shared SSH connection, and keeps the changes. It fails when that
        login fails, and the host then puts itself back at the deadline.
      - V(reverted) puts everything back at once, for a rescue section.
    type: str
    choices: [armed, confirmed, reverted]
    required: true
  paths:
    description:
      - Absolute paths of files and directories that your tasks change, directories with everything below them.
        What does not exist yet is removed again when the switch reverts.
      - Used with O(state=armed).
    type: list
    elements: path
    default: []
  units:
    description:
      - systemd units, with suffix, that take up the files. After reverting, units that were active at arming are
        reloaded (or restarted, where they cannot reload or died), the others are stopped.
      - Used with O(state=armed).
    type: list
    elements: str
    default: []
  deadline:
    description:
      - Seconds from arming until the host puts itself back, from 30 to 900. It has to cover your tasks and the fresh
        login, at most some 20 seconds of it.
      - Used with O(state=armed).
    type: int
    default: 120
  record:
    description: Record to confirm, as C(run/NNNN). Set by the action plugin.
    type: str
  token:
    description: What proves that the armer confirms. Set by the action plugin.
    type: str
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description:
      - Nothing is armed, and no login is opened. V(armed) checks the options and counts what would be snapshotted,
        V(reverted) reports a change where something is armed.
    support: full
  diff_mode:
    description: Arming and confirming change nothing; what V(reverted) puts back is listed in RV(restored).
    support: none
notes:
  - Handlers run at the end of the play, later than your deadline. Reload within the guarded tasks, or place
    C(flush_handlers) before O(state=confirmed), otherwise the fresh login meets the old settings.
  - Over a V(local) or container connection there is no login to prove; the confirmation then only ends the arming, with
    a warning, and C(login_proven) is false.
  - Arming and confirming change no configuration and report no change.
  - Needs root and systemd on the host.
seealso:
  - module: evenkeel.ops.undo
"""

EXAMPLES = r"""
- name: Arm the switch
  evenkeel.ops.commit_confirm:
    state: armed
    paths: [/etc/ssh]
    units: [ssh.service]
    deadline: 120
  become: true

- name: Install the configuration
  ansible.builtin.template:
    src: sshd_config.j2
    dest: /etc/ssh/sshd_config
    mode: "0600"
  become: true
  notify: Reload sshd

- name: Reload now, so that the fresh login meets the new settings
  ansible.builtin.meta: flush_handlers

- name: Confirm over a fresh login
  evenkeel.ops.commit_confirm:
    state: confirmed
  become: true

- name: Change the firewall, and do not wait for the deadline where that goes wrong
  become: true
  block:
    - name: Arm the switch
      evenkeel.ops.commit_confirm:
        state: armed
        paths: [/etc/nftables.conf]
        units: [nftables.service]

    - name: Apply the rules
      ansible.builtin.include_tasks: firewall.yml

    - name: Confirm over a fresh login
      evenkeel.ops.commit_confirm:
        state: confirmed
  rescue:
    - name: Put everything back at once
      evenkeel.ops.commit_confirm:
        state: reverted
"""

RETURN = r"""
record:
  description: The armed, confirmed or reverted record.
  type: str
  returned: when there is one
  sample: 20261124T020154Z-cli-1a2b3c4d/0001
deadline:
  description: Seconds until the host puts itself back.
  type: int
  returned: state is armed
targets:
  description: Number of files, directories and units that were snapshotted.
  type: int
  returned: state is armed
confirmed:
  description: Whether the changes are kept.
  type: bool
  returned: state is confirmed
login_proven:
  description: Whether a fresh login proved that the host can be reached through the new settings.
  type: bool
  returned: state is confirmed
restored:
  description: What was put back.
  type: list
  elements: str
  returned: state is reverted
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.guard import Request, serve
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS, own_name, own_run, problems


def argument_spec() -> dict[str, Any]:
    """The options, with the engine's common ones."""
    return {
        **ENGINE_ARGS,
        "state": {"type": "str", "choices": ["armed", "confirmed", "reverted"], "required": True},
        "paths": {"type": "list", "elements": "path", "default": []},
        "units": {"type": "list", "elements": "str", "default": []},
        "deadline": {"type": "int", "default": 120},
        "record": {"type": "str"},
        "token": {"type": "str", "no_log": True},
    }


def main() -> None:
    """Read the options, serve them, answer."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    wrong = problems(module.params)
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    options = {
        **module.params,
        "run": module.params["run"] or own_run(),
        "run_by": module.params["run_by"] or own_name(),
    }
    answer = serve(Request(check_mode=module.check_mode, **options))
    if answer.error:
        module.fail_json(msg=answer.error, **answer.values)
    module.exit_json(changed=answer.changed, **answer.values)


if __name__ == "__main__":
    main()
