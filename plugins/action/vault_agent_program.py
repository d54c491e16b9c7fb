# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vault_agent_program on the controller: sends the file where the host does not have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction

MODULE = "evenkeel.ops.vault_agent_program"


class ActionModule(GuardedAction):
    """Looks first: the program is some hundred megabytes."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Look, send, change."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        args = {name: value for name, value in self._task.args.items() if value != ""}
        found = self._module({**args, "phase": "look"}, variables)
        if found.get("failed") or not found["missing"] or self._task.check_mode:
            return found
        if "program" in found["missing"] and args.get("src"):
            args["staged"] = self._send(str(args["src"]))
        return self._module({**args, "phase": "change"}, variables)

    def _module(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        sent = self.with_run(args, variables)
        answer: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=sent, task_vars=variables)
        return answer

    def _send(self, source: str) -> str:
        path = Path(source).expanduser().resolve()
        if not path.is_file():
            raise AnsibleActionFail(f"src is {source!r}; allowed is a file on the controller.")
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        target = self._connection._shell.join_path(self._connection._shell.tmpdir, "source")
        self._transfer_file(str(path), target)
        return str(target)
