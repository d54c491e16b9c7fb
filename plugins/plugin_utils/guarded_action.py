# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of every action plugin whose module may arm the dead man's switch."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from .fresh_connection import FreshConnection, NoFreshLogin
from .run import run_by, run_id

display = Display()

CONFIRM_MODULE = "evenkeel.ops.commit_confirm"
NO_ROLE = "play"
# Strategies import action plugins in the parent process: all forks of this run share it, and no other run has it.
RUN_SECRET = secrets.token_bytes(32)


class GuardedAction(ActionBase):
    """Runs a changing module; what it armed is confirmed over a fresh login before the task ends."""

    _supports_check_mode = True
    _supports_async = False

    def execute_guarded(self, module_name: str, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Execute the module; where the result says `armed`, confirm it. The token is chosen here, never returned."""
        token = self.token(task_vars, self._task._uuid)
        result: dict[str, Any] = self._execute_module(
            module_name=module_name,
            module_args=self.with_run({**args, "confirm_token": token}, task_vars),
            task_vars=task_vars,
        )
        armed = result.pop("armed", None)
        if not armed:
            return result
        return {**result, **self.confirm_armed({**armed, "token": token}, args, task_vars, self._task.action)}

    def with_run(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The module's arguments with run, who runs it, and the scope: the role's name where none was given."""
        scope = args.get("scope") or task_vars.get("role_name") or NO_ROLE
        return {**args, "run": args.get("run") or run_id(), "run_by": run_by(), "scope": scope}

    def token(self, task_vars: dict[str, Any], purpose: str) -> str:
        """A token that every fork of this run can make again, and nobody else."""
        host = str(self._task.delegate_to or task_vars.get("inventory_hostname", ""))
        message = f"{run_id()}\0{host}\0{purpose}".encode()
        return hmac.new(RUN_SECRET, message, hashlib.sha256).hexdigest()

    def confirm_armed(
        self, armed: dict[str, Any], args: dict[str, Any], task_vars: dict[str, Any], what: str
    ) -> dict[str, Any]:
        """Confirm through a fresh login. Returns what to merge into the task's result."""
        options = {"state": "confirmed", "record": armed["record"], "token": armed["token"]}
        if args.get("state_dir"):
            options["state_dir"] = args["state_dir"]
        try:
            with FreshConnection(self) as fresh:
                answer = fresh.run_module(CONFIRM_MODULE, self.with_run(options, task_vars), task_vars)
                proven = fresh.proves_login
        except NoFreshLogin as error:
            return _unconfirmed(armed, what, str(error))
        if answer.get("failed") or not answer.get("confirmed"):
            return _unconfirmed(armed, what, _words(answer))
        if not proven:
            display.warning(
                f"{what}: confirmed over the connection '{self._connection.transport}', which cannot prove that "
                "somebody can still log in; use an ssh connection for that proof"
            )
        return {"confirmed": True, "login_proven": proven}


def _unconfirmed(armed: dict[str, Any], what: str, why: str) -> dict[str, Any]:
    when = f"within {armed['deadline']} s of the change" if "deadline" in armed else "at the deadline"
    return {
        "failed": True,
        "confirmed": False,
        "login_proven": False,
        "msg": (
            f"{what} could not be confirmed over a fresh login: {why.strip()} "
            f"Unless it did so already, the host will put itself back {when}."
        ),
    }


def _words(answer: dict[str, Any]) -> str:
    """Why the confirming module failed: its message, or what the failing login or sudo printed."""
    words = [str(answer.get(key, "")).strip() for key in ("msg", "module_stderr", "module_stdout")]
    return " ".join(word for word in words if word)[-1000:] or "the confirmation gave no answer"
