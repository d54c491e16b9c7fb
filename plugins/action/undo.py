# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo on a host; where that could lock the operator out, a fresh login confirms it."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import make_run_id, run_by, run_id

CURRENT = "current"


class ActionModule(GuardedAction):
    """Gives the undo the id of this run; option `run` is the one that shall be undone."""

    def with_run(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Option `scope` limits what is undone here, so it gets no default."""
        if "record" in args:
            return super().with_run(args, task_vars)
        own = run_id()
        if args.get("run") == CURRENT:
            # Under the same id, an undo would be part of what it undoes.
            args, own = {**args, "run": own}, make_run_id(datetime.now(timezone.utc), os.environ)
        return {**args, "own_run": own, "run_by": run_by()}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute the module."""
        super().run(tmp, task_vars)
        args, variables = dict(self._task.args), task_vars or {}
        if args.get("run") == CURRENT:
            if args.get("confirm"):
                raise AnsibleActionFail("confirm is given with run: current; allowed is confirm with a run's id.")
            if args.get("state") == "undone" and not self._changed_here(args, variables):
                return {"changed": False, "runs": [], "restored": [], "kept": [], "conflicts": [], "recovered": []}
        return self.execute_guarded("evenkeel.ops.undo", args, variables)

    def _changed_here(self, args: dict[str, Any], variables: dict[str, Any]) -> bool:
        """Whether this run has changed anything on this host so far."""
        listing = {key: args[key] for key in ("scope", "state_dir") if args.get(key)}
        known = self._execute_module("evenkeel.ops.undo", {**listing, "state": "listed"}, task_vars=variables)
        return bool(known.get("failed")) or any(each["run"] == run_id() for each in known.get("runs", []))
