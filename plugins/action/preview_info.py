# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a host, and tells what the roles of a playbook would do to what is there."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.evenkeel.ops.plugins.plugin_utils import preview_verdicts, role_plans
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import CatalogueError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.play_inputs import OF_THE_RUN, OWN
from ansible_collections.evenkeel.ops.plugins.plugin_utils.playbook_inputs import PlaybookInputs, beside_task


class ActionModule(ActionBase):
    """The roles and their inputs are known here, the host's files there."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _VALID_ARGS = frozenset({"playbook", "state_dir", "retention"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host, and judge what it says."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        plans = self._plans(variables)
        args = {"watch": role_plans.patterns(plans)}
        if "state_dir" in self._task.args:
            args["state_dir"] = self._task.args["state_dir"]
        found = self._execute_module(module_name="evenkeel.ops.preview_info", module_args=args, task_vars=variables)
        if found.get("failed") or "files" not in found:
            return {**result, **found}
        entries = preview_verdicts.judge(found, plans)
        silent = [each.role for each in plans if each.silent]
        untold = [{"what": f"what the role {role} writes", "reason": "it does not say so"} for role in silent]
        roles = [each.role for each in plans]
        return {
            **result,
            "changed": False,
            "roles": roles,
            "entries": entries,
            "totals": preview_verdicts.totals(entries),
            "unseen": found["unseen"] + untold,
            "touches": role_plans.patterns(plans),
        }

    def _plans(self, variables: dict[str, Any]) -> list[role_plans.RolePlan]:
        every = PlaybookInputs(
            beside_task(self._task.args.get("playbook", "site.yml"), self._task), variables["hostvars"], self._loader
        )
        common = {name: variables[name] for name in OF_THE_RUN if name in variables}
        found: dict[str, role_plans.RolePlan] = {}
        for role, inputs in every.roles_of(variables["inventory_hostname"], common, self._templar):
            try:
                found.setdefault(role.name, role_plans.plan(role.name, inputs, role.collection == OWN))
            except CatalogueError as error:
                raise AnsibleActionFail(f"The inputs of {role.name} are refused: {error}") from error
        role_plans.let_services_in(found.values())
        return list(found.values())
