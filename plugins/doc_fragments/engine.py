# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that every module of the engine has."""

from __future__ import annotations


class ModuleDocFragment:
    """`evenkeel.ops.engine` for the journal's options, `evenkeel.ops.engine.confirm` for the dead man's switch."""

    DOCUMENTATION = r"""
options:
  run:
    description:
      - Id of the run that the changes are journalled under. Set by the action plugin, one for a whole playbook run.
      - Without an action plugin the host makes one, C(host-<start in UTC>-<8 hex digits>).
    type: str
  run_by:
    description: Who runs it, as user@controller, for the list of runs. Set by the action plugin.
    type: str
  scope:
    description:
      - What the changes belong to, as C(role) or C(role/area); undo can be limited to a scope.
      - The action plugin sets the name of the role, or V(play) outside of roles.
    type: str
  state_dir:
    description:
      - Directory on the host that holds the journal. The first call that changes something makes it, with mode 0700.
      - Another one than the default lets a user without root try things on paths of their own.
    type: path
    default: /var/lib/evenkeel
  retention:
    description:
      - How much of the past the journal keeps. The oldest runs are dropped first, whole. The pristine state of every
        target, runs that are not at their end and the newest run are never dropped.
    type: dict
    suboptions:
      runs:
        description: Number of runs, from 1 to 10000.
        type: int
        default: 100
      megabytes:
        description: Size of the contents that are kept, in MiB, from 1 to 1048576.
        type: int
        default: 512
"""

    CONFIRM = r"""
options:
  confirm:
    description:
      - Puts changes that could lock the operator out under the dead man's switch. The host puts itself back at the
        deadline, unless a fresh login through the new settings confirms in time.
      - Needs root and systemd on the host. Nothing is armed where no such change is due.
    type: dict
    suboptions:
      deadline:
        description: Seconds until the host puts itself back, from 30 to 900.
        type: int
        default: 120
      units:
        description: systemd units, with suffix, that are brought to their former state with it, as V(ssh.service).
        type: list
        elements: str
        default: []
  confirm_token:
    description: What proves that whoever armed is who confirms. Set by the action plugin, never returned.
    type: str
"""
