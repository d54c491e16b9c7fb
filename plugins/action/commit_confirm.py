# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""commit_confirm on the controller: makes the token, and opens the fresh login that confirms."""

from __future__ import annotations

from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import CONFIRM_MODULE, GuardedAction

PURPOSE = "commit_confirm"


class ActionModule(GuardedAction):
    """Arms and reverts over the task's connection; confirms over a fresh one."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do what `state` says."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        # The engine's record and token are never the user's to set.
        args = {name: value for name, value in self._task.args.items() if name not in ("record", "token")}
        if args.get("state") == "confirmed":
            return self._confirm(args, variables)
        token = self.token(variables, PURPOSE)
        return self._execute(args | {"token": token}, variables)

    def _execute(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=CONFIRM_MODULE, module_args=self.with_run(args, variables), task_vars=variables
        )
        return result

    def _confirm(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        if self._task.check_mode:
            return self._execute(args, variables)
        # Without a record the module takes the one that this run armed.
        armed = {"record": "", "token": self.token(variables, PURPOSE)}
        return {"changed": False, **self.confirm_armed(armed, args, variables, self._task.action)}
