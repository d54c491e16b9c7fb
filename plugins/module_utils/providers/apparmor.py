# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes of AppArmor profiles: by the links that decide at boot, and in the running kernel."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import ClassVar

from ..changes import Change
from ..changes_basic import SetState, parents
from ..kinds.apparmor_profile import LOADED, mode_of
from ..scoped_files import read_text
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict, step_for

DIRECTORY = "/etc/apparmor.d"
# The link that asks for each mode at boot; enforcing needs none.
LINKS = {"complain": "force-complain", "disabled": "disable"}


class AppArmor(Provider):
    """The link in force-complain or disable, and the profile in the kernel."""

    key = "apparmor"
    summary = "An AppArmor profile that is enforced, only complains, or is disabled."
    order = 48
    example: ClassVar = {"name": "usr.sbin.chronyd", "state": "enforce"}
    spec: ClassVar = {
        "name": {
            "type": "str",
            "required": True,
            "description": "File of the profile in /etc/apparmor.d, as in usr.sbin.chronyd.",
        },
        "state": {
            "type": "str",
            "choices": ["enforce", "complain", "disabled"],
            "default": "enforce",
            "description": "enforce denies, complain only logs, disabled is not loaded.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """The name becomes a part of a path."""
        name = str(control.state.get("name", ""))
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", name) and name not in LINKS.values():
            return []
        return [f"apparmor.name is {name!r}: allowed is the name of a file in {DIRECTORY}"]

    @classmethod
    def subject(cls, control: Control) -> str:
        """One file."""
        return f"apparmor {control.state['name']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step per profile."""
        reason = self._why_not()
        if reason:
            return Plan({control.id: Verdict(NOT_APPLICABLE, reason=reason) for control in controls})
        plan = Plan()
        for control in controls:
            plan.verdicts[control.id] = self._plan_one(plan, control)
        return plan

    def _why_not(self) -> str:
        if self.host.is_container:
            return "a container shares its kernel: profiles are loaded on the machine that runs it"
        if not os.path.exists(self.host.path(LOADED)):
            return "AppArmor is not enabled in the running kernel"
        return "" if self.host.has("apparmor_parser") else "apparmor_parser is not installed (package apparmor)"

    def _plan_one(self, plan: Plan, control: Control) -> Verdict:
        name, state = control.state["name"], control.state["state"]
        path = f"{DIRECTORY}/{name}"
        text = read_text(self.host, path)
        if text is None:
            return Verdict(NOT_APPLICABLE, reason=f"there is no profile {path}")
        if state == "enforce" and re.search(r"flags\s*=\s*\([^)]*\bcomplain\b", text):
            return Verdict(FAILED, reason=f"{path} itself says flags=(complain): take that out of the file first")
        live = mode_of(self.host, path)
        wanted = "unloaded" if state == "disabled" else state
        links = self._link_changes(name, state)
        step = step_for(f"apparmor {name}", [control])
        step.changes += links
        if live != wanted:
            step.changes.append(SetState("apparmor_profile", path, {"mode": wanted}))
        verdict = Verdict(COMPLIANT, {"boot": self._boot_mode(name), "kernel": live}, {"boot": state, "kernel": wanted})
        if step.changes:
            verdict.status, verdict.step = CHANGE, step.name
            plan.steps.append(step)
        return verdict

    def _boot_mode(self, name: str) -> str:
        """disable is looked at first."""
        for mode in ("disabled", "complain"):
            if os.path.lexists(self.host.path(f"{DIRECTORY}/{LINKS[mode]}/{name}")):
                return mode
        return "enforce"

    def _link_changes(self, name: str, state: str) -> list[Change]:
        changes: list[Change] = []
        for mode, directory in LINKS.items():
            link = f"{DIRECTORY}/{directory}/{name}"
            there = os.path.lexists(self.host.path(link))
            if mode == state and not there:
                changes += [*parents(self.host, link), SetState.symlink(link, f"{DIRECTORY}/{name}")]
            elif mode != state and there:
                changes.append(SetState.absent(link))
        return changes
