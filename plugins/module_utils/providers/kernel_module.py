# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules that must never be loaded, or must be there from boot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from ..changes import Change
from ..changes_basic import SetState
from ..kinds.kernel_module import LoadedModule, canonical, loaded_modules
from ..scoped_blocks import ScopedBlocks
from ..scoped_files import names_in, read_text, scoped_path
from .base import (
    CHANGE,
    COMMENT,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
    Control,
    Plan,
    Provider,
    Verdict,
    comment_lines,
    step_for,
)

BLOCKED, LOADED = "blocked", "loaded"
# modprobe reads these in this order of precedence; the first directory wins for one file name.
CONFIGURATION = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)


class KernelModule(Provider):
    """A line of modprobe.d or modules-load.d, and the running kernel."""

    key = "kernel_module"
    summary = "A kernel module that cannot be loaded, or is loaded from boot on."
    order = 20
    releases = True
    example: ClassVar = {"name": "usb-storage", "state": "blocked"}
    spec: ClassVar = {
        "name": {
            "type": "str",
            "required": True,
            "description": "Name of the module, as in usb-storage; - and _ mean the same.",
        },
        "state": {
            "type": "str",
            "choices": [BLOCKED, LOADED],
            "default": BLOCKED,
            "description": "blocked: modprobe runs /bin/false in its place, aliases do not lead to it, and it is "
            "unloaded where nothing uses it. loaded: it is loaded now and at every boot.",
        },
        "persist_only": {
            "type": "bool",
            "default": False,
            "description": "Write the configuration only, where the running kernel is not to be touched before the next"
            " boot.",
        },
        "comment": COMMENT,
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """The name becomes a word of a configuration file."""
        name = str(control.state.get("name", ""))
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            return []
        return [f"kernel_module.name is {name!r}: allowed are letters, digits, `-` and `_`"]

    @classmethod
    def subject(cls, control: Control) -> str:
        """One module is either blocked or loaded."""
        return f"kernel_module {canonical(control.state['name'])}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """One file for all blocked modules of the scope, one for all loaded ones, and each live module by itself."""
        self._loaded = loaded_modules(self.host)
        plan = Plan()
        wanted = [control for control in controls if not self._settled(control, plan)]
        self._plan_file(plan, BLOCKED, wanted, ("install {0} /bin/false", "blacklist {0}"))
        self._plan_file(plan, LOADED, wanted, ("{0}",))
        self.planned.modules |= {canonical(c.state["name"]) for c in wanted if c.state["state"] == LOADED}
        return plan

    def _path(self, state: str) -> str:
        directory = "/etc/modprobe.d" if state == BLOCKED else "/etc/modules-load.d"
        return scoped_path(directory, 60, self.planned.scope, ".conf")

    def _settled(self, control: Control, plan: Plan) -> bool:
        """Whether the kernel or another file decides the control, so that nothing is left to plan."""
        verdict = self._decided_by_kernel(control) or self._decided_by_others(control)
        if verdict is not None:
            plan.verdicts[control.id] = verdict
        return verdict is not None

    def _decided_by_kernel(self, control: Control) -> Verdict | None:
        name, state = canonical(control.state["name"]), control.state["state"]
        if name in self._known("modules.builtin"):
            reason = f"{name} is built into this kernel"
            return (
                Verdict(COMPLIANT, LOADED, LOADED, reason)
                if state == LOADED
                else Verdict(NOT_APPLICABLE, reason=reason)
            )
        known = self._known("modules.dep")
        if state == LOADED and known and name not in known and name not in self._loaded and not self.host.is_container:
            return Verdict(FAILED, reason=f"this kernel has no module {name}")
        return None

    def _decided_by_others(self, control: Control) -> Verdict | None:
        if control.state["state"] != LOADED:
            return None
        name = canonical(control.state["name"])
        for path, text in self._foreign_configuration():
            for line in text.splitlines():
                words = line.split()
                if len(words) > 1 and words[0] in ("install", "blacklist") and canonical(words[1]) == name:
                    return Verdict(FAILED, reason=f"{path} says `{line.strip()}`: take that line out first")
        return None

    def _foreign_configuration(self) -> list[tuple[str, str]]:
        own = self._path(BLOCKED)
        paths = [
            f"{directory}/{name}" for directory in CONFIGURATION for name in names_in(self.host, directory, ".conf")
        ]
        return [(path, read_text(self.host, path) or "") for path in paths if path != own]

    def _known(self, listing: str) -> set[str]:
        """Canonical names in modules.builtin or modules.dep of the running kernel; empty where it is not to be seen."""
        release = (read_text(self.host, "/proc/sys/kernel/osrelease") or "").strip()
        text = read_text(self.host, f"/lib/modules/{release}/{listing}") or ""
        files = (line.split(":")[0].rsplit("/", 1)[-1] for line in text.splitlines() if line)
        return {canonical(name.partition(".ko")[0]) for name in files}

    def _plan_file(self, plan: Plan, state: str, controls: Sequence[Control], lines: Sequence[str]) -> None:
        path, group = self._path(state), [control for control in controls if control.state["state"] == state]
        blocks = ScopedBlocks(self.host, path, self.planned.scope, self.planned.keep)
        for control in group:
            wanted = [*comment_lines(control.state), *(line.format(canonical(control.state["name"])) for line in lines)]
            plan.verdicts[control.id] = self._verdict(control, blocks.want(control.id, wanted), path)
        step = step_for(path, group)
        step.changes += blocks.changes()
        step.changes += [change for control in group for change in self._live_changes(control)]
        if step.changes:
            plan.steps.append(step)
        plan.released += blocks.released()

    def _live_changes(self, control: Control) -> list[Change]:
        if self.host.is_container or control.state.get("persist_only"):
            return []
        if self._live_is_right(control) or self._users(control):
            return []
        return [
            SetState("kernel_module", canonical(control.state["name"]), {"loaded": control.state["state"] == LOADED})
        ]

    def _live_is_right(self, control: Control) -> bool:
        return (canonical(control.state["name"]) in self._loaded) == (control.state["state"] == LOADED)

    def _users(self, control: Control) -> str:
        """What keeps a module that shall go."""
        found = self._loaded.get(canonical(control.state["name"]), LoadedModule(0, ()))
        if control.state["state"] == LOADED or not (found.references or found.holders):
            return ""
        return ", ".join(found.holders) or f"{found.references} user(s)"

    def _verdict(self, control: Control, in_file: bool, path: str) -> Verdict:
        name, state = canonical(control.state["name"]), control.state["state"]
        live_right, users = self._live_is_right(control), self._users(control)
        before = {"configured": in_file, "loaded": name in self._loaded}
        after = {"configured": True, "loaded": state == LOADED}
        verdict = Verdict(COMPLIANT, before, after)
        if self.host.is_container:
            verdict.reason = (
                "" if live_right else "a container shares its kernel: only the configuration for the next boot is ours"
            )
            verdict.after["loaded"] = before["loaded"]
        elif control.state.get("persist_only"):
            verdict.after["loaded"] = before["loaded"]
            verdict.reboot = "" if live_right else f"kernel module {name} is {state} from the next boot on"
        elif users and not live_right:
            verdict.after["loaded"] = True
            verdict.reboot = verdict.reason = f"kernel module {name} is in use by {users}; it stays until the next boot"
        if verdict.before != verdict.after:
            verdict.status, verdict.step = CHANGE, path
        return verdict
