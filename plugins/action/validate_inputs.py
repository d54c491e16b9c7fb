# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first task of a play: all inputs of all its roles are right, or the play ends before any host is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.evenkeel.ops.plugins.plugin_utils import receipt
from ansible_collections.evenkeel.ops.plugins.plugin_utils.play_inputs import OF_THE_RUN, PlayInputs
from ansible_collections.evenkeel.ops.plugins.plugin_utils.playbook_inputs import PlaybookInputs, beside_task

NO_RECEIPT = (
    "evenkeel_receipt_required is true, but the receipt callback is not active or cannot write; turn it on with "
    "`callbacks_enabled = evenkeel.ops.receipt` in section [defaults] of ansible.cfg, or with "
    "ANSIBLE_CALLBACKS_ENABLED=evenkeel.ops.receipt in the environment."
)


class ActionModule(ActionBase):
    """Runs on the controller only; no connection is made."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    # The engine's options come from `module_defaults` of the action group, and mean nothing here.
    _VALID_ARGS = frozenset({"roles", "playbook", "state_dir", "retention"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Collect every problem of every role into one report."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        named, playbook = self._arguments()
        problems = [NO_RECEIPT] if self._misses_receipt(variables) else []
        if playbook is not None:
            every = PlaybookInputs(playbook, variables["hostvars"], self._loader)
            problems += every.problems({k: variables[k] for k in OF_THE_RUN if k in variables}, self._templar)
            result.update(changed=False, roles=every.roles, hosts=sorted(every.hosts))
        else:
            play = PlayInputs(self._task.get_play(), self._loader, self._task.collections or (), named)
            problems += play.problems(variables, self._templar)
            result.update(changed=False, roles=[role.name for role in play.roles])
        if problems:
            few = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            result["failed"] = True
            result["msg"] = "\n".join([f"Inputs are refused, {few}; nothing was touched:", *problems])
        return result

    def _arguments(self) -> tuple[list[str] | None, Path | None]:
        named, playbook = self._task.args.get("roles"), self._task.args.get("playbook")
        if named is not None and (not isinstance(named, list) or not all(isinstance(name, str) for name in named)):
            raise AnsibleActionFail(f"roles is {named!r}; allowed is a list of role names, or nothing for all roles.")
        if playbook is None:
            return named, None
        if not isinstance(playbook, str) or named is not None:
            raise AnsibleActionFail(
                f"playbook is {playbook!r}; allowed is the path of a playbook, without roles beside it."
            )
        return None, beside_task(playbook, self._task)

    def _misses_receipt(self, variables: dict[str, Any]) -> bool:
        required = self._templar.template(variables.get("evenkeel_receipt_required", False))
        return boolean(required, strict=False) and not receipt.ACTIVE.path
