# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PAM through the distribution's own tool, so that packages and administrators keep working with it."""

from __future__ import annotations

import glob
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ..changes import Change, Step
from ..changes_basic import RunTool
from ..host import Host
from ..pam import PROFILES, SAVED, STACKS, edited_stacks, enabled_profiles, modules_of, profile_problems
from ..scoped_files import read_text, write_changes
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict

ENABLED, DISABLED, ABSENT = "enabled", "disabled", "absent"
DEBCONF = [
    f"/var/cache/debconf/{name}" for name in ("config.dat", "config.dat-old", "templates.dat", "templates.dat-old")
]
AUTHSELECT = [f"/etc/authselect/{name}" for name in ("system-auth", "password-auth", "postlogin", "authselect.conf")]


class PamTool(ABC):
    """A distribution's way to compose its PAM stacks."""

    def __init__(self, host: Host) -> None:
        self.host = host

    @abstractmethod
    def enabled(self) -> set[str]:
        """The profiles or features in force."""

    @abstractmethod
    def known(self) -> set[str]:
        """Those that could be enabled."""

    @abstractmethod
    def hand_edited(self) -> list[str]:
        """The files that somebody edited past the tool."""

    @abstractmethod
    def change(self, name: str, state: str) -> Change:
        """Run the tool."""


class PamAuthUpdate(PamTool):
    """Debian's pam-auth-update."""

    def enabled(self) -> set[str]:
        """What the saved stacks were made of."""
        return enabled_profiles(self.host)

    def known(self) -> set[str]:
        """The files of /usr/share/pam-configs."""
        return {path.rsplit("/", 1)[-1] for path in glob.glob(self.host.path(f"{PROFILES}/*"))}

    def hand_edited(self) -> list[str]:
        """Stacks with lines of unknown origin."""
        return [f"/etc/pam.d/common-{stack}" for stack in edited_stacks(self.host)]

    def change(self, name: str, state: str) -> Change:
        """--package keeps it from asking."""
        option = {ENABLED: "--enable", DISABLED: "--disable", ABSENT: "--remove"}[state]
        paths = [f"/etc/pam.d/common-{stack}" for stack in STACKS]
        paths += [f"{SAVED}/{name}" for name in (*STACKS, "seen")] + DEBCONF
        argv = ["pam-auth-update", "--package", option, name]
        return RunTool(argv, [("path", path) for path in paths], env={"DEBIAN_FRONTEND": "noninteractive"})


class Authselect(PamTool):
    """authselect of the Enterprise Linux family, where a profile is a feature. Not yet proven on one."""

    def enabled(self) -> set[str]:
        """The features of the current profile."""
        return set(self.host.run(["authselect", "current", "--raw"]).out.split()[1:])

    def known(self) -> set[str]:
        """The features that the current profile has."""
        current = self.host.run(["authselect", "current", "--raw"]).out.split()[:1]
        return set(self.host.run(["authselect", "list-features", *current]).out.split())

    def hand_edited(self) -> list[str]:
        """authselect checks its own files."""
        return [] if self.host.run(["authselect", "check"]).ok else ["/etc/authselect"]

    def change(self, name: str, state: str) -> Change:
        """A feature on or off."""
        verb = "enable-feature" if state == ENABLED else "disable-feature"
        return RunTool(["authselect", verb, name], [("path", path) for path in AUTHSELECT])


class PamProfile(Provider):
    """A profile in /usr/share/pam-configs that is enabled or not."""

    key = "pam_profile"
    summary = "A PAM profile, through pam-auth-update (Debian) or authselect (Enterprise Linux)."
    order = 35
    example: ClassVar = {"name": "mkhomedir", "state": "enabled"}
    spec: ClassVar = {
        "name": {
            "type": "str",
            "required": True,
            "description": "Name of the profile's file in /usr/share/pam-configs, as in faillock; with authselect, "
            "of the feature.",
        },
        "state": {
            "type": "str",
            "choices": [ENABLED, DISABLED, ABSENT],
            "default": ENABLED,
            "description": "Whether it is part of the PAM stacks; absent removes the profile's file too.",
        },
        "content": {
            "type": "str",
            "description": "Text of the profile's file, for one that no package brings: fields Name, Default, "
            "Priority, Auth-Type, Auth, ….",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Names that are no file names, and content that pam-auth-update would misread."""
        state, found = control.state, []
        name = str(state.get("name", ""))
        if not re.fullmatch(r"[a-z0-9][a-z0-9_+-]*", name):
            found.append(f"pam_profile.name is {name!r}: allowed are small letters, digits, `-`, `_` and `+`")
        if state.get("content") is not None:
            found += [f"pam_profile.content of {name}: {problem}" for problem in profile_problems(state["content"])]
            if state.get("state") == ABSENT:
                found.append(f"pam_profile {name} has content, but state is absent")
        return found

    @classmethod
    def subject(cls, control: Control) -> str:
        """One profile."""
        return f"pam_profile {control.state['name']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step per profile: its file, then the tool."""
        tool = self._tool()
        if tool is None:
            reason = "this host has neither pam-auth-update nor authselect"
            return Plan({control.id: Verdict(NOT_APPLICABLE, reason=reason) for control in controls})
        plan, edited = Plan(), tool.hand_edited()
        for control in controls:
            plan.verdicts[control.id] = self._plan_one(plan, control, tool, edited)
        return plan

    def _tool(self) -> PamTool | None:
        if self.host.has("pam-auth-update"):
            return PamAuthUpdate(self.host)
        return Authselect(self.host) if self.host.has("authselect") else None

    def _plan_one(self, plan: Plan, control: Control, tool: PamTool, edited: list[str]) -> Verdict:
        name, state, content = control.state["name"], control.state["state"], control.state.get("content")
        path, enabled = f"{PROFILES}/{name}", name in tool.enabled()
        file_changes: list[Change] = []
        if isinstance(tool, PamAuthUpdate) and (content is not None or state == ABSENT):
            file_changes = write_changes(self.host, path, content)
        present = ENABLED if enabled else DISABLED if name in tool.known() else ABSENT
        verdict = Verdict(COMPLIANT, {"state": present}, {"state": state})
        if file_changes:
            verdict.before["content"], verdict.after["content"] = read_text(self.host, path), content
        wrong = present != state and not (state == DISABLED and present == ABSENT and content is None)
        if not wrong and not file_changes:
            verdict.after = verdict.before
            return verdict
        verdict.reason = self._refusal(control, present, edited)
        if verdict.reason:
            verdict.status = FAILED
            return verdict
        verdict.status, verdict.step = CHANGE, f"pam_profile {name}"
        verdict.assumed = bool(self._missing_modules(control)) or (present == ABSENT and content is None)
        # A profile that goes is taken out of the stacks while its file is still there.
        run = [tool.change(name, state)] if state != DISABLED or enabled else []
        changes = [*run, *file_changes] if state == ABSENT else [*file_changes, *run]
        plan.steps.append(Step(verdict.step, changes, access=True))
        return verdict

    def _refusal(self, control: Control, present: str, edited: list[str]) -> str:
        """Why the stacks stay as they are."""
        name = control.state["name"]
        if edited:
            return f"{', '.join(edited)} edited by hand: move those lines out of the generated blocks first"
        needed = control.needs.get("package")
        planned = needed in self.planned.packages if needed else bool(self.planned.packages)
        if (
            control.state["state"] == ENABLED
            and present == ABSENT
            and control.state.get("content") is None
            and not planned
        ):
            return f"there is no profile {name}: give its content, or install the package that brings it"
        missing = self._missing_modules(control)
        if missing and not planned:
            return f"the PAM modules {', '.join(missing)} are not installed: nobody could log in"
        return ""

    def _missing_modules(self, control: Control) -> list[str]:
        """Modules of a profile that shall be enabled, but that no package brought yet."""
        if control.state["state"] != ENABLED:
            return []
        text = control.state.get("content") or read_text(self.host, f"{PROFILES}/{control.state['name']}") or ""
        return sorted(module for module in modules_of(text) if not self._has_module(module))

    def _has_module(self, module: str) -> bool:
        if module.startswith("/"):
            return bool(glob.glob(self.host.path(module)))
        places = ("/usr/lib/security", "/usr/lib64/security", "/usr/lib/*/security", "/lib/security", "/lib/*/security")
        return any(glob.glob(self.host.path(f"{place}/{glob.escape(module)}")) for place in places)
