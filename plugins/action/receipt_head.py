# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the head of the receipt on hosts that this run changed; other hosts are not even asked."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.evenkeel.ops.plugins.plugin_utils import receipt
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import run_by, run_id


class ActionModule(ActionBase):
    """The callback lives in the parent process; this fork sees the chain as it was when the task began."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Store, or say why there is nothing to store."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        if self._task.args.get("state", "stored") == "stored":
            idle = self._idle(str(variables.get("inventory_hostname", "")))
            if idle:
                return {**result, "changed": False, "head": "", "msg": idle}
        args = {"head": receipt.ACTIVE.head or None, "run": run_id(), "run_by": run_by(), **self._task.args}
        stored: dict[str, Any] = self._execute_module(
            module_name="evenkeel.ops.receipt_head", module_args=args, task_vars=variables
        )
        return {**result, **stored}

    @staticmethod
    def _idle(host: str) -> str:
        if not receipt.ACTIVE.path:
            return "The receipt callback is not active, so there is no head to keep."
        if host not in receipt.ACTIVE.changed_hosts:
            return "This run did not change this host."
        return ""
