# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo on a host; where that could lock the operator out, a fresh login confirms it."""

from __future__ import annotations

from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import run_by, run_id


class ActionModule(GuardedAction):
    """Gives the undo the id of this run; option `run` is the one that shall be undone."""

    def with_run(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Option `scope` limits what is undone here, so it gets no default."""
        if "record" in args:
            return super().with_run(args, task_vars)
        return {**args, "own_run": run_id(), "run_by": run_by()}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute the module."""
        super().run(tmp, task_vars)
        return self.execute_guarded("evenkeel.ops.undo", self._task.args, task_vars or {})
