# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: undo
short_description: List the runs that changed a host, and undo them
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Puts back what a run of this collection changed on a host, byte for byte, with owner, mode, extended attributes and
    ACLs, and reloads the programs that were reloaded then.
  - An undo is all or nothing, and is itself a run that can be undone by its id.
  - What somebody else changed since is not overwritten, but listed; O(force) overrides that. Later runs that changed
    the same things have to be undone first; they are named.
  - Packages that a run installed stay, unless that run was told otherwise, and are listed in RV(kept). One-way kernel
    switches need a reboot and are listed in RV(reboot_required).
options:
  state:
    description: V(listed) only reads the journal; V(undone) puts back.
    type: str
    choices: [listed, undone]
    default: listed
  run:
    description:
      - Which run to undo, by its id, or V(last) for the newest one that is no undo and still stands, or V(pristine) for
        the state that everything had before this collection touched it first.
      - V(current) is what this very run did to the host so far, which may be nothing; not together with O(confirm).
      - Needed with O(state=undone).
    type: str
  scope:
    description: Only what this scope changed, V(role) with all its areas or V(role/area). Everything when not given.
    type: str
  force:
    description:
      - Overwrite what somebody else changed since.
      - For a killed run of which something cannot be put back, put back what can be, and give the rest up.
    type: bool
    default: false
  own_run:
    description: Id of the run that the undo itself is journalled under. Set by the action plugin.
    type: str
extends_documentation_fragment:
  - evenkeel.ops.engine
  - evenkeel.ops.engine.confirm
attributes:
  check_mode:
    description: Predicts exactly what would be put back, and fails where the real run would.
    support: full
  diff_mode:
    description: One difference per target; secret contents are shown as digests.
    support: full
seealso:
  - module: evenkeel.ops.commit_confirm
"""

EXAMPLES = r"""
- name: List the runs that changed this host
  evenkeel.ops.undo:
  register: journal

- name: Undo the last run
  evenkeel.ops.undo:
    state: undone
    run: last

- name: Change something by several tasks, and take all of it back when one fails
  block:
    - name: Deploy
      ansible.builtin.include_tasks: deploy.yml
  rescue:
    - name: Put back what this run has done here
      evenkeel.ops.undo:
        state: undone
        run: current

- name: Undo what one role did in a certain run, and overwrite what was changed by hand since
  evenkeel.ops.undo:
    state: undone
    run: 20261124T020154Z-cli-1a2b3c4d
    scope: hardening/sshd
    force: true

- name: Put everything back as it was before, but not if that locks us out
  evenkeel.ops.undo:
    state: undone
    run: pristine
    confirm:
      deadline: 120
      units: [ssh.service]
"""

RETURN = r"""
runs:
  description:
    - With O(state=listed) the runs, newest first, each with RV(ignore:run), C(started) and C(finished) (UTC), C(who),
      C(scopes), C(modules), C(transactions), C(state) (open, armed, confirmed, committed, reverting, reverted or
      undone), C(targets) and C(bytes).
    - With O(state=undone) the ids of the runs that were undone.
  type: list
  elements: raw
  returned: always
restored:
  description: What was put back (would be, in check mode), as C(kind target).
  type: list
  elements: str
  returned: state is undone
kept:
  description: What is still different, because it is left in place, such as installed packages.
  type: list
  elements: str
  returned: state is undone
conflicts:
  description: What somebody else or a later run changed since, with C(kind), C(target) and C(reason).
  type: list
  elements: dict
  returned: state is undone
later_runs:
  description: Runs that have to be undone first, newest last.
  type: list
  elements: str
  returned: state is undone and there are some
recovered:
  description: Records of killed calls that were put back before anything else.
  type: list
  elements: str
  returned: state is undone
reboot_required:
  description: One-way switches that only a reboot brings back.
  type: list
  elements: str
  returned: state is undone
reloaded:
  description: Reloads that were done afterwards.
  type: list
  elements: str
  returned: state is undone
run:
  description: Id under which the undo itself is journalled; undo that to get back.
  type: str
  returned: state is undone
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import (
    CONFIRM_ARGS,
    ENGINE_ARGS,
    problems,
    transaction,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Refused
from ansible_collections.evenkeel.ops.plugins.module_utils.undo import Conflicting, Request, list_runs, undo


def argument_spec() -> dict[str, Any]:
    """The module's options."""
    return {
        **ENGINE_ARGS,
        **CONFIRM_ARGS,
        "state": {"type": "str", "choices": ["listed", "undone"], "default": "listed"},
        "force": {"type": "bool", "default": False},
        "own_run": {"type": "str"},
    }


def put_back(module: AnsibleModule) -> None:
    """Undo, and say what became of it."""
    params = module.params
    undoing = transaction({**params, "run": params["own_run"], "scope": "undo"}, "undo", module.check_mode)
    try:
        done = undo(undoing, Request(params["run"], params["scope"] or "", params["force"]))
    except Conflicting as error:
        module.fail_json(msg=str(error), conflicts=error.conflicts, later_runs=error.later, restored=[])
    except Refused as error:
        module.fail_json(msg=str(error), conflicts=[], restored=[])
    outcome = done.outcome
    result = {
        "changed": outcome.changed,
        "run": outcome.run,
        "runs": done.runs,
        "restored": done.restored,
        "kept": done.kept,
        "conflicts": done.overwritten,
        "recovered": outcome.recovered,
        "reboot_required": done.reboot_required,
        "reloaded": outcome.reloaded,
        "diff": outcome.diff,
        "armed": outcome.armed,
    }
    for warning in outcome.warnings:
        module.warn(warning)
    failed = [f"{each.step.name}: {each.error}" for each in outcome.steps if not each.ok]
    if failed:
        module.fail_json(msg=f"Nothing was undone, because {failed[0]}", **result)
    module.exit_json(**result)


def main() -> None:
    """Read the options, list or put back, answer."""
    module = AnsibleModule(
        argument_spec=argument_spec(), required_if=[("state", "undone", ["run"])], supports_check_mode=True
    )
    wrong = problems(module.params)
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    if module.params["state"] == "undone":
        put_back(module)
    journal = Journal(module.params["state_dir"], Host())
    runs = list_runs(journal, module.params["scope"] or "")
    module.exit_json(changed=False, runs=[asdict(run) for run in runs])


if __name__ == "__main__":
    main()
