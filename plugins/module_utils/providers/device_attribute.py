# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One attribute of all devices of a sort: every disk's queue, every CPU's frequency policy."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..changes_basic import SetState
from ..formats.base import Entry
from ..formats.lines import Lines
from ..kinds.kernel_value import CHOSEN, plain
from ..scoped_files import names_in, scoped_path
from . import claims as owned
from .base import (
    CHANGE,
    COMMENT,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
    UNKNOWN,
    Control,
    Plan,
    Provider,
    Unfit,
    Verdict,
    step_for,
)
from .draft import Draft, Wanted

BLOCK, CPUFREQ = "block", "cpufreq"
# Devices that stand for others, or for no medium of their own.
NO_DISKS = ("loop*", "ram*", "zram*", "dm-*", "md*", "sr*", "fd*", "nbd*")
DIRECTORIES = {BLOCK: "/sys/block", CPUFREQ: "/sys/devices/system/cpu/cpufreq"}
WORDS = {BLOCK: "no disk", CPUFREQ: "no frequency policy of a CPU"}
# Where a value is not among the choices of the attribute itself, this file beside it lists them.
LISTED = {"scaling_governor": "scaling_available_governors"}


@dataclass(frozen=True)
class Seen:
    """One device's file, its value now, and whether the control is about it."""

    path: str
    value: str
    concerned: bool


class DeviceAttribute(Provider):
    """The live value of each device that is there, and a udev rule for those to come, also at boot."""

    key = "device_attribute"
    summary = "An attribute of every disk or CPU has a value: of those that are there, and of those that come."
    order = 41
    releases = True
    format = Lines()
    example = {"subsystem": BLOCK, "attribute": "queue/read_ahead_kb", "value": 4096, "instead_of": "128"}
    spec = {
        "subsystem": {
            "type": "str",
            "choices": [BLOCK, CPUFREQ],
            "required": True,
            "description": "block: every disk (no loop, RAM, device-mapper, RAID or optical device), and a udev rule"
            " for disks that come later and at boot. cpufreq: every frequency policy, live only; for the boot there is"
            " the parameter cpufreq.default_governor of the command line.",
        },
        "attribute": {
            "type": "str",
            "required": True,
            "description": "The file below the device's directory, as in queue/scheduler.",
            "example": "queue/read_ahead_kb",
        },
        "value": {"type": "raw", "required": True, "description": "The value: one word.", "example": 4096},
        "instead_of": {
            "type": "str",
            "description": "Only devices with this value are changed; what else somebody or a driver has chosen stays.",
            "example": "128",
        },
        "persist_only": {
            "type": "bool",
            "default": False,
            "description": "Write the rule only, where live values are not to be touched before the next boot.",
        },
        "comment": COMMENT,
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Words that stand in a rule between quotes."""
        found = []
        attribute = control.state["attribute"]
        if not re.fullmatch(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*", attribute):
            found.append(f"attribute is {attribute!r}: allowed is a file below the device, as in queue/scheduler")
        for option in ("value", "instead_of"):
            value = control.state.get(option)
            if value is not None and not re.fullmatch(r"[A-Za-z0-9_.+-]+", str(value)):
                found.append(f"{option} is {value!r}: allowed is one word of letters, digits and `_.+-`")
        return found

    @classmethod
    def subject(cls, control: Control) -> str:
        """The attribute."""
        return f"{control.state['attribute']} of every device of {control.state['subsystem']}"

    def culprits(self, error: str, controls: Sequence[Control]) -> set[str]:
        """A device refused the value: the error names its file."""
        return {c.id for c in controls if any(f"{self.host.path(s.path)}:" in error for s in self._look(c))}

    def plan(self, controls: Sequence[Control]) -> Plan:
        """Judge each attribute; one file of rules, and the live values, in one step."""
        plan, seen = Plan(), {control.id: self._look(control) for control in controls}
        for control in controls:
            unfit = self._unfit(control, seen[control.id])
            if unfit:
                plan.verdicts[control.id] = unfit.verdict()
        path = scoped_path("/etc/udev/rules.d", 60, self.planned.scope, ".rules")
        if not controls and not owned.load_all(self.host, self.planned, self.key):
            return plan
        members = [control for control in controls if control.id not in plan.verdicts]
        try:
            self._step(plan, self._drafted(path, members, plan), members, seen)
        except (Unfit, OSError) as error:
            verdict = error.verdict() if isinstance(error, Unfit) else Verdict(FAILED, reason=str(error))
            plan.verdicts.update({control.id: verdict for control in members})
        return plan

    def _drafted(self, path: str, members: Sequence[Control], plan: Plan) -> Draft:
        """What failed keeps the rule it has; what does not apply here gets none."""
        draft = Draft(self.host, self.planned, self.key, path, self.format, 0o644)
        keep = frozenset(name for name, verdict in plan.verdicts.items() if verdict.status != NOT_APPLICABLE)
        ruled = [control for control in members if control.state["subsystem"] == BLOCK]
        draft.compute([Wanted(control.id, rule(control.state)) for control in ruled], self.planned.keep | keep)
        return draft

    def _step(self, plan: Plan, draft: Draft, members: Sequence[Control], seen: Mapping[str, list[Seen]]) -> None:
        step = step_for(f"{self.key} {draft.path}", members)
        step.changes = [*draft.changes()]
        for control in members:
            wrong = [] if control.state["persist_only"] else [s for s in seen[control.id] if s.concerned]
            step.changes += [SetState.value(device.path, str(control.state["value"])) for device in wrong]
            ruled = draft.verdicts.get(control.id)
            plan.verdicts[control.id] = _verdict(control, ruled, seen[control.id], bool(wrong), step.name)
        plan.released += draft.released
        if step.changes:
            plan.steps.append(step)

    def _look(self, control: Control) -> list[Seen]:
        """The devices that have the attribute and offer the value."""
        subsystem, attribute = control.state["subsystem"], control.state["attribute"]
        found = []
        for name in names_in(self.host, DIRECTORIES[subsystem]):
            if subsystem == BLOCK and any(fnmatch.fnmatchcase(name, pattern) for pattern in NO_DISKS):
                continue
            path = f"{DIRECTORIES[subsystem]}/{name}/{attribute}"
            try:
                text = self.host.fs.read(self.host.path(path)).decode("utf-8", "replace")
            except OSError:
                continue
            if self._offers(path, text, str(control.state["value"])):
                found.append(Seen(path, plain(text.strip()), _is_concerned(control.state, plain(text.strip()))))
        return found

    def _offers(self, path: str, text: str, wanted: str) -> bool:
        choices = text.replace("[", " ").replace("]", " ").split() if CHOSEN.search(text) else []
        beside = LISTED.get(os.path.basename(path))
        listing = self.host.path(os.path.join(os.path.dirname(path), beside)) if beside else ""
        if listing and self.host.fs.exists(listing):
            choices = self.host.fs.read(listing).decode("utf-8", "replace").split()
        return not choices or wanted in choices

    def _unfit(self, control: Control, seen: Sequence[Seen]) -> Unfit | None:
        """Why nothing can be done here; None where it can."""
        state = control.state
        if state["persist_only"]:
            reason = "it is set live only, and live values are not to be touched"
            return None if state["subsystem"] == BLOCK else Unfit(reason, NOT_APPLICABLE)
        if not seen:
            reason = f"{WORDS[state['subsystem']]} here offers {state['value']!r} as {state['attribute']}"
            return Unfit(reason, NOT_APPLICABLE)
        for device in seen:
            if device.concerned and self.host.fs.is_read_only(self.host.path(device.path)):
                reason = f"{device.path} is read-only: this kernel belongs to the machine around the container"
                return Unfit(reason, NOT_APPLICABLE)
            if device.concerned and not os.access(self.host.path(device.path), os.W_OK):
                return Unfit(f"{device.path} cannot be written: it needs root", UNKNOWN)
        return None


def rule(state: Mapping[str, object]) -> Entry:
    """The rule that gives the value to a disk when it comes."""
    attribute, before = state["attribute"], state.get("instead_of")
    only = f'ATTR{{{attribute}}}=="{before}", ' if before else ""
    line = (
        f'ACTION=="add|change", SUBSYSTEM=="block", ENV{{DEVTYPE}}=="disk", KERNEL!="{"|".join(NO_DISKS)}", '
        f'{only}ATTR{{{attribute}}}="{state["value"]}"'
    )
    return Entry("", (line,), comment=str(state.get("comment") or ""))


def _is_concerned(state: Mapping[str, object], now: str) -> bool:
    before = state.get("instead_of")
    return now != str(state["value"]) and (before is None or now == str(before))


def _verdict(control: Control, ruled: Verdict | None, seen: Sequence[Seen], wrong: bool, step: str) -> Verdict:
    state = control.state
    now = ", ".join(sorted({device.value for device in seen}))
    if not wrong and (ruled is None or ruled.status == COMPLIANT):
        others = sorted({device.value for device in seen if device.value != str(state["value"])})
        reason = (
            f"devices with {', '.join(others)} are left as they are" if others and not state["persist_only"] else ""
        )
        return Verdict(COMPLIANT, now, now, reason)
    reason = "right now, but not for devices to come" if not wrong and not state["persist_only"] else ""
    reboot = f"{state['attribute']} of the disks takes effect at boot" if state["persist_only"] else ""
    return Verdict(CHANGE, now, str(state["value"]), reason, step=step, reboot=reboot)
