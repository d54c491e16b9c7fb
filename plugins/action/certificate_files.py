# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certificate_files on the controller: reads the files that lie there, and says which run it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction

MODULE = "evenkeel.ops.certificate_files"
PARTS = ("certificate", "key", "chain")


class ActionModule(GuardedAction):
    """Contents travel inside the module's arguments, of which the keys are no_log."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read, send."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        args["certificates"] = [self._with_contents(item) for item in args.get("certificates") or []]
        result: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=self.with_run(args, variables), task_vars=variables
        )
        return result

    def _with_contents(self, item: Any) -> Any:
        """Where a part is a file of the controller, its content beside its name."""
        if not isinstance(item, dict) or item.get("source") != "files":
            return item
        read = {part: self._content(item, part) for part in PARTS if item.get(f"{part}_file")}
        return {**item, **read}

    def _content(self, item: dict[str, Any], part: str) -> str:
        named = str(item[f"{part}_file"])
        try:
            # A file that ansible-vault encrypted is decrypted.
            real = self._loader.get_real_file(self._find_needle("files", named))
            return Path(real).read_text(encoding="utf-8")
        except (AnsibleError, OSError, UnicodeDecodeError) as error:
            raise AnsibleActionFail(
                f"certificates: {item.get('name')!r}: {part}_file is {named!r}; "
                "allowed is a text file of the controller: "
                f"{getattr(error, 'message', None) or error}"
            ) from None
