# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of action plugins that only tell their module which run it belongs to."""

from __future__ import annotations

from typing import Any, ClassVar

from .guarded_action import GuardedAction


class RunAction(GuardedAction):
    """Nothing of it can lock the operator out, so nothing is armed."""

    TRANSFERS_FILES = False
    module: ClassVar[str] = ""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute the module with run, scope and who runs it."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        result: dict[str, Any] = self._execute_module(
            module_name=self.module, module_args=self.with_run(dict(self._task.args), variables), task_vars=variables
        )
        return result
