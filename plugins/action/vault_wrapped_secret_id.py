# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vault_wrapped_secret_id on the controller: asks for a secret-id where needed, hands on its wrapping only."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import VaultError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import run_by, run_id
from ansible_collections.evenkeel.ops.plugins.plugin_utils.vault_issuer import (
    USED,
    issuer_of,
    read_ca,
)

MODULE = "evenkeel.ops.vault_wrapped_secret_id"
LIMITS = {"wrap_ttl": (120, 10, 3600), "wait": (60, 5, 120)}


class ActionModule(GuardedAction):
    """Looks first; a host whose agent is logged in costs Vault no secret-id."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Look, ask Vault, log in."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        args = _checked(dict(self._task.args))
        wrapping_token = args.pop("wrapping_token", None)
        args["ca"] = read_ca(str(args.get("ca_file") or ""))
        found = self._module({**args, "phase": "look"}, variables)
        if found.get("failed"):
            return found
        needed = not found["logged_in"]
        why = "" if found["running"] else "the agent does not run"
        why = "the agent holds no token that the server accepts" if needed else why
        if not why or self._task.check_mode:
            return {"changed": bool(why), "issued": needed, "why": why}
        secrets = self._secrets(args, variables, wrapping_token) if needed else {}
        result = self._module({**args, **secrets, "phase": "log_in"}, variables)
        if result.get("failed") and secrets:
            result["msg"] = f"{result.get('msg', '')}{self._afterwards(args, secrets['wrapping_token'])}"
        # It repeats the arguments, though without the secrets.
        result.pop("invocation", None)
        return {**result, "issued": needed, "why": why}

    def _module(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        sent = self.with_run(args, variables)
        answer: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=sent, task_vars=variables)
        return answer

    def _secrets(self, args: dict[str, Any], variables: dict[str, Any], given: str | None) -> dict[str, str]:
        """Role-id and wrapping token, the latter just looked up."""
        metadata = {"host": variables.get("inventory_hostname", ""), "run": run_id(), "run_by": run_by()}
        try:
            issuer = issuer_of(args)
            role_id = issuer.role_id()
            wrapping_token = given or issuer.issue(int(args["wrap_ttl"]), json.dumps(metadata))
            if not issuer.is_unused(wrapping_token):
                raise AnsibleActionFail(USED)
        except VaultError as error:
            raise AnsibleActionFail(f"From the controller, {error}.") from None
        return {"role_id": role_id, "wrapping_token": wrapping_token}

    def _afterwards(self, args: dict[str, Any], wrapping_token: str) -> str:
        """Who used the token, when the agent did not log in."""
        try:
            if issuer_of(args).is_unused(wrapping_token):
                return "\nThe wrapped secret-id was not used; it expires by itself."
        except (VaultError, AnsibleActionFail):
            return ""
        return (
            "\nThe wrapped secret-id was used or has expired. Where the agent says that its wrapping token is not "
            "valid, somebody else used it: destroy the role's secret-ids, and look into Vault's audit log."
        )


def _checked(args: dict[str, Any]) -> dict[str, Any]:
    """The arguments with the numbers filled in."""
    if not args.get("role"):
        raise AnsibleActionFail("role is missing; allowed is the name of an AppRole.")
    for name, (default, low, high) in LIMITS.items():
        args[name] = args.get(name) or default
        if not str(args[name]).isdigit() or not low <= int(args[name]) <= high:
            raise AnsibleActionFail(f"{name} is {args[name]!r}; allowed are {low} to {high} seconds.")
    return args
