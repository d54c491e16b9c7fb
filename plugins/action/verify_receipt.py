# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a receipt on the controller, and against the head that a host keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.evenkeel.ops.plugins.plugin_utils.receipt import Checked, check


class ActionModule(ActionBase):
    """A connection is made only to ask the host."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """First the file, then the host."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        path = self._path()
        checked = self._check(path)
        if checked.problems:
            return {**result, "failed": True, "msg": f"The receipt {path} is not valid: {' '.join(checked.problems)}"}
        result.update(
            changed=False, receipt_run=checked.run, head=checked.head, entries=len(checked.entries), msg="valid"
        )
        if boolean(self._task.args.get("compare", True)):
            result.update(self._compare(path, checked, task_vars or {}))
        return result

    def _path(self) -> Path:
        given = self._task.args.get("path")
        if not isinstance(given, str) or not given:
            raise AnsibleActionFail(f"path is {given!r}; allowed is a receipt, a file on the controller.")
        return Path(given).expanduser()

    @staticmethod
    def _check(path: Path) -> Checked:
        try:
            return check(path.read_bytes())
        except OSError as error:
            raise AnsibleActionFail(f"path is {str(path)!r}, which cannot be read: {error.strerror}") from error

    def _compare(self, path: Path, checked: Checked, variables: dict[str, Any]) -> dict[str, Any]:
        args = {"state": "read", "run": checked.run}
        if self._task.args.get("state_dir"):
            args["state_dir"] = self._task.args["state_dir"]
        answer: dict[str, Any] = self._execute_module(
            module_name="evenkeel.ops.receipt_head", module_args=args, task_vars=variables
        )
        if answer.get("failed") or answer.get("unreachable"):
            return answer
        kept = str(answer.get("head", ""))
        if not kept:
            return self._nothing_kept(path, checked, str(variables.get("inventory_hostname", "")))
        position = checked.knows(kept)
        if position is None:
            return {
                "failed": True,
                "host_knows": True,
                "msg": f"The receipt {path} is not the one of run {checked.run}: this host keeps the head {kept}, "
                "which no line of it has. The receipt was rewritten.",
            }
        return {"host_knows": True, "covered": position + 1}

    @staticmethod
    def _nothing_kept(path: Path, checked: Checked, host: str) -> dict[str, Any]:
        stored = any(
            entry.get("host") == host and entry.get("action") == "evenkeel.ops.receipt_head" and entry.get("changed")
            for entry in checked.entries
        )
        if not stored:
            return {"host_knows": False}
        return {
            "failed": True,
            "host_knows": False,
            "msg": f"The receipt {path} says that this host keeps its head, but it has none for run {checked.run}.",
        }
