# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local accounts: lock, shell, ageing, groups, absence; never the operator's own unless asked."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..accounts import NO_LOGIN_SHELLS, Account, Ageing, first_user_id, group_names, read_accounts
from ..changes import Step
from ..changes_basic import RunTool
from ..operator_session import operator_uids
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict

AGEING = {"min_days": "-m", "max_days": "-M", "warn_days": "-W", "inactive_days": "-I"}
DATABASES = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
# The tools keep the last version beside each, and a lock that stays.
TOUCHES = [("path", f"/etc/{name}{end}") for name in DATABASES for end in ("", "-")] + [("path", "/etc/.pwd.lock")]
# They run one command at login and have no use for a shell.
COMMAND_ACCOUNTS = ("root", "sync", "shutdown", "halt")
LONG_AGO = datetime.date(1970, 1, 1)
# Stands for an account that a planned package will bring.
NOBODY_YET = Account("", -1, "", False, False, Ageing(), frozenset())


class AccountProvider(Provider):
    """One account, or all system accounts at once."""

    key = "account"
    summary = "A local account's lock, shell, ageing and groups, or all system accounts without a login shell."
    order = 15
    example: ClassVar = {"system_accounts": {"shell": "/usr/sbin/nologin", "locked": True}}
    spec: ClassVar = {
        "name": {"type": "str", "description": "Name of the account. Either this or system_accounts."},
        "state": {
            "type": "str",
            "choices": ["present", "absent"],
            "default": "present",
            "description": "absent removes the account; its files stay. present sets what is given below, and "
            "creates nobody.",
        },
        "locked": {"type": "bool", "description": "Whether no password lets in. Keys still do."},
        "shell": {"type": "path", "description": "Login shell, as in /usr/sbin/nologin. It must be there."},
        "min_days": {
            "type": "int",
            "min": -1,
            "max": 99999,
            "description": "Days before the password may change again; -1 is none.",
        },
        "max_days": {
            "type": "int",
            "min": -1,
            "max": 99999,
            "description": "Days after which it must change; -1 is never.",
        },
        "warn_days": {"type": "int", "min": -1, "max": 99999, "description": "Days of warning before that."},
        "inactive_days": {
            "type": "int",
            "min": -1,
            "max": 99999,
            "description": "Days after which an expired password locks the account; -1 is never.",
        },
        "expires": {"type": "str", "description": "Date on which the account ends, as in 2030-12-31, or never."},
        "groups": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Supplementary groups that it belongs to.",
        },
        "not_groups": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Groups that it does not belong to.",
        },
        "system_accounts": {
            "type": "dict",
            "description": "What holds for every account below UID_MIN, except root and those that run one command "
            "(sync, shutdown, halt).",
            "options": {
                "shell": {
                    "type": "path",
                    "description": "Shell for those that have a login shell, as in /usr/sbin/nologin.",
                },
                "locked": {"type": "bool", "description": "Whether no password lets in."},
                "except": {"type": "list", "elements": "str", "default": [], "description": "Accounts left alone."},
            },
        },
        "include_operator": {
            "type": "bool",
            "default": False,
            "description": "Touch also root and the account through which this run came in. Such a change goes "
            "through the dead man's switch.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Names, days and combinations that are refused."""
        state, found = control.state, []
        name, bulk = state.get("name"), state.get("system_accounts")
        if (name is None) == (bulk is None):
            found.append("account needs either name or system_accounts")
        words = [
            name,
            *(state.get("groups") or []),
            *(state.get("not_groups") or []),
            *((bulk or {}).get("except") or []),
        ]
        for word in filter(None, words):
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.-]*\$?", str(word)):
                found.append(f"account has the name {word!r}: allowed are letters, digits, `.`, `_` and `-`, not first")
        if bulk is not None and not bulk.get("shell") and bulk.get("locked") is None:
            found.append("account.system_accounts says neither shell nor locked")
        if bulk is not None and bulk.get("locked") is False:
            found.append("account.system_accounts.locked is false: system accounts are never unlocked in bulk")
        if state.get("expires") not in (None, "never") and parse_date(str(state["expires"])) is None:
            found.append(f"account.expires is {state['expires']!r}: allowed is a date such as 2030-12-31, or never")
        both = set(state.get("groups") or []) & set(state.get("not_groups") or [])
        found += [f"account: group {group!r} stands in groups and in not_groups" for group in sorted(both)]
        return found

    @classmethod
    def subject(cls, control: Control) -> str:
        """One account, or all of the system's."""
        return f"account {control.state.get('name') or 'of the system'}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step per control; the account database is read once."""
        self._accounts = read_accounts(self.host)
        self._groups = group_names(self.host)
        uids = operator_uids(self.host, os.environ) | {0}
        self._operators = {account.name for account in self._accounts.values() if account.uid in uids}
        plan = Plan()
        for control in controls:
            if control.state.get("name") is not None:
                self._plan_named(plan, control, control.state["name"])
            else:
                self._plan_bulk(plan, control, control.state["system_accounts"])
        return plan

    def _plan_named(self, plan: Plan, control: Control, name: str) -> None:
        state, account = control.state, self._accounts.get(name)
        if account is None and state["state"] != "absent" and control.needs.get("package") in self.planned.packages:
            after = self._wish(NOBODY_YET, state)[1]
            self._finish(plan, control, {name: dict.fromkeys(after)}, {name: after})
            plan.verdicts[control.id].assumed = True
            return
        if account is None:
            absent = state["state"] == "absent"
            plan.verdicts[control.id] = (
                Verdict(COMPLIANT, "absent", "absent")
                if absent
                else Verdict(NOT_APPLICABLE, reason=f"there is no account {name}")
            )
            return
        before, after = self._wish(account, state)
        reason = self._refusal(account, state) if before != after else ""
        if reason:
            plan.verdicts[control.id] = Verdict(FAILED, before, after, reason)
            return
        self._finish(plan, control, {name: before}, {name: after})

    def _plan_bulk(self, plan: Plan, control: Control, wish: Mapping[str, Any]) -> None:
        spared = set(COMMAND_ACCOUNTS) | set(wish.get("except") or [])
        spared |= set() if control.state["include_operator"] else self._operators
        limit, before, after = first_user_id(self.host), {}, {}
        for account in self._accounts.values():
            if account.uid >= limit or account.name in spared:
                continue
            present, wanted = self._wish(account, wish)
            if wanted.get("shell") in NO_LOGIN_SHELLS and present.get("shell") in NO_LOGIN_SHELLS:
                wanted["shell"] = present["shell"]
            if present != wanted:
                before[account.name], after[account.name] = present, wanted
        shell = wish.get("shell")
        if after and shell and not os.path.exists(self.host.path(shell)):
            plan.verdicts[control.id] = Verdict(FAILED, before, after, f"there is no shell {shell} on this host")
            return
        self._finish(plan, control, before, after)

    def _finish(self, plan: Plan, control: Control, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Verdict and step of one control."""
        verdict = Verdict(COMPLIANT, before, after)
        if before != after:
            verdict.status, verdict.step = CHANGE, f"account {control.id}"
            commands = [argv for name in after for argv in account_commands(name, before[name], after[name])]
            changes = [RunTool(argv, TOUCHES) for argv in commands]
            access = control.risk == "access" or bool(self._operators & after.keys())
            plan.steps.append(Step(verdict.step, [*changes], access=access, secret=True))
        plan.verdicts[control.id] = verdict

    def _wish(self, account: Account, state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Present and wanted values of everything that the control speaks of."""
        if state.get("state") == "absent":
            return {"state": "present"}, {"state": "absent"}
        after = {key: state[key] for key in ("locked", "shell", *AGEING) if state.get(key) is not None}
        if state.get("expires") is not None:
            date = parse_date(state["expires"])
            after["expires"] = -1 if date is None else (date - LONG_AGO).days
        present = {**account.ageing.__dict__, "locked": account.locked, "shell": account.shell}
        before = {key: present[key] for key in after}
        for group in state.get("groups") or []:
            before[f"group {group}"], after[f"group {group}"] = group in account.groups, True
        for group in state.get("not_groups") or []:
            before[f"group {group}"], after[f"group {group}"] = group in account.groups, False
        return before, after

    def _refusal(self, account: Account, state: Mapping[str, Any]) -> str:
        """Why the account is not touched."""
        if account.name in self._operators and not state["include_operator"]:
            return f"{account.name} is root or the account of this session: say `include_operator: true` to touch it"
        if state.get("locked") is False and not account.has_password:
            return f"{account.name} has no password: unlocking it would let in anybody"
        shell = state.get("shell")
        if shell and not os.path.exists(self.host.path(shell)):
            return f"there is no shell {shell} on this host"
        missing = sorted(set(state.get("groups") or []) - self._groups)
        return f"there is no group {', '.join(missing)} on this host" if missing else ""


def account_commands(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[list[str]]:
    """The tools that lead from `before` to `after`; they lock the database against others."""
    if after.get("state") == "absent":
        return [["userdel", "--", name]]
    wanted = {key: value for key, value in after.items() if before[key] != value}
    usermod, chage = [], []
    if "locked" in wanted:
        usermod.append("--lock" if wanted["locked"] else "--unlock")
    if "shell" in wanted:
        usermod += ["--shell", wanted["shell"]]
    for key, option in {**AGEING, "expires": "-E"}.items():
        if key in wanted:
            chage += [option, str(wanted[key])]
    commands = [["usermod", *usermod, "--", name]] if usermod else []
    commands += [["chage", *chage, "--", name]] if chage else []
    for key in wanted:
        if key.startswith("group "):
            commands.append(["gpasswd", "--add" if wanted[key] else "--delete", name, key[len("group ") :]])
    return commands


def parse_date(text: str) -> datetime.date | None:
    """A date as in 2030-12-31, or None."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
