# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vault_agent_info on the controller: asks the server from here first, then from the host."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import VaultError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.vault_issuer import issuer_of, read_ca, server

MODULE = "evenkeel.ops.vault_agent_info"


class ActionModule(ActionBase):
    """Reads only."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask here, then there."""
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        args["ca"] = read_ca(str(args.get("ca_file") or ""))
        try:
            server(args, args["ca"]).health()
        except VaultError as error:
            raise AnsibleActionFail(f"From the controller, {error}.") from None
        answer: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars or {})
        if answer.get("failed") or answer["logged_in"]:
            return answer
        try:
            issuer_of(args).must_be_able_to_issue()
        except VaultError as error:
            raise AnsibleActionFail(f"From the controller, {error}.") from None
        return answer
