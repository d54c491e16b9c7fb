# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel values: read from /proc/sys or /sys, set there, and kept for the next boot in a drop-in rendered whole."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ..changes import Change
from ..changes_basic import SetState
from ..formats.base import Entry, Format
from . import claims as owned
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, UNKNOWN, Control, Plan, Provider, Unfit, Verdict, step_for
from .draft import Draft, Wanted

# What the kernel says now, by the file that says it; empty where only the next boot counts.
Live = dict[str, str]


def numbers(value: object) -> list[int]:
    """The whole numbers of a value; none where it is anything else."""
    words = [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value).split()
    return [int(word) for word in words] if all(word.lstrip("-").isdigit() for word in words) else []


class KernelValues(Provider):
    """What sysctl and sysfs have in common."""

    format: ClassVar[Format]
    releases = True

    @abstractmethod
    def live_path(self, control: Control) -> str:
        """Where the kernel shows the value."""

    def live_paths(self, control: Control) -> list[str]:
        """The files that are there: several where the control is about a pattern."""
        path = self.live_path(control)
        return [path] if os.path.exists(self.host.path(path)) else []

    @abstractmethod
    def drop_in(self, control: Control) -> str:
        """The file that sets the value at boot."""

    @abstractmethod
    def entry(self, control: Control) -> Entry:
        """The value's line in the drop-in."""

    def look_ahead(self, drafts: dict[str, Draft]) -> None:
        """Take in what the drop-ins would say at the next boot, before `overridden` is asked."""

    def overridden(self, control: Control) -> str:
        """Why another file would have the say after a reboot; empty where none has."""
        return ""

    def culprits(self, error: str, controls: Sequence[Control]) -> set[str]:
        """The kernel refused a value: the error begins with the file's path."""
        return {c.id for c in controls if any(f"{self.host.path(path)}:" in error for path in self.live_paths(c))}

    @classmethod
    def is_one_way(cls, control: Control) -> bool:
        """Whether the kernel refuses to take the value back before the next boot."""
        return control.one_way

    def current(self, text: str) -> str:
        """The value that the kernel's answer stands for."""
        return " ".join(text.split())

    def can_be(self, text: str, wanted: str) -> str:
        """Why the kernel cannot take the value, where its answer lists the possible ones; else empty."""
        return ""

    def plan(self, controls: Sequence[Control]) -> Plan:
        """Judge each value, draft each drop-in, and make one step per drop-in."""
        plan = Plan()
        live: dict[str, Live] = {}
        stored = owned.load_all(self.host, self.planned, self.key)
        self._claimed = {claim.id for claims in stored for claim in claims.claims}
        groups: dict[str, list[Control]] = {claims.file: [] for claims in stored}
        for control in controls:
            try:
                live[control.id] = self._read(control)
                if self._is_higher(control, live[control.id]):
                    now = self.shown(control, live[control.id])
                    plan.verdicts[control.id] = Verdict(COMPLIANT, now, now, "it is higher already")
                else:
                    groups.setdefault(self.drop_in(control), []).append(control)
            except Unfit as unfit:
                plan.verdicts[control.id] = unfit.verdict()
                plan.verdicts[control.id].assumed = unfit.status == CHANGE
        drafts: dict[str, Draft] = {}
        for path, members in groups.items():
            try:
                drafts[path] = Draft(self.host, self.planned, self.key, path, self.format, 0o644)
                self._compute(drafts[path], members, plan)
            except (Unfit, OSError) as error:
                drafts.pop(path, None)
                verdict = error.verdict() if isinstance(error, Unfit) else Verdict(FAILED, reason=str(error))
                plan.verdicts.update({control.id: verdict for control in members})
        self.look_ahead(drafts)
        for path, draft in drafts.items():
            self._fail_overridden(draft, groups[path], plan, live)
            self._step(plan, draft, groups[path], live)
        return plan

    def _compute(self, draft: Draft, members: Sequence[Control], plan: Plan) -> None:
        """What does not apply here is not written; what failed keeps the line it has."""
        ids = frozenset(name for name, verdict in plan.verdicts.items() if verdict.status != NOT_APPLICABLE)
        wanted = [Wanted(c.id, self.entry(c)) for c in members if c.id not in plan.verdicts]
        draft.compute(wanted, self.planned.keep | ids)

    def _fail_overridden(self, draft: Draft, members: Sequence[Control], plan: Plan, live: dict[str, Live]) -> None:
        reasons = {c.id: self.overridden(c) for c in members if c.id not in plan.verdicts}
        for control in members:
            reason = reasons.get(control.id)
            if reason:
                before = self.shown(control, live[control.id]) or None
                plan.verdicts[control.id] = Verdict(FAILED, before, reason=reason)
        if any(reasons.values()):
            self._compute(draft, members, plan)

    def _step(self, plan: Plan, draft: Draft, members: Sequence[Control], live: dict[str, Live]) -> None:
        members = [control for control in members if control.id not in plan.verdicts]
        step = step_for(f"{self.key} {draft.path}", members)
        try:
            step.changes = [*draft.changes(), *(c for m in members for c in self._live_changes(m, live[m.id]))]
        except Unfit as unfit:
            plan.verdicts.update({control.id: unfit.verdict() for control in members})
            return
        for control in members:
            plan.verdicts[control.id] = self._verdict(control, draft.verdicts[control.id], live[control.id], step.name)
        plan.released += draft.released
        if step.changes:
            plan.steps.append(step)

    def _verdict(self, control: Control, kept: Verdict, live: Live, step: str) -> Verdict:
        wanted = self.wanted(control)
        persist_only = control.state.get("persist_only")
        right = persist_only or all(self.current(text) == wanted for text in live.values())
        before = kept.before if persist_only else self.shown(control, live)
        if right and kept.status == COMPLIANT:
            return Verdict(COMPLIANT, before, before)
        reason = "right now, but not after a reboot" if right and not persist_only else ""
        reboot = f"{self.live_path(control)} takes effect at boot" if persist_only else ""
        return Verdict(CHANGE, before, wanted, reason, step=step, reboot=reboot)

    def wanted(self, control: Control) -> str:
        """The wanted value as one text."""
        value = control.state["value"]
        return (
            " ".join(str(item) for item in value) if isinstance(value, (list, tuple)) else " ".join(str(value).split())
        )

    def shown(self, control: Control, live: Live) -> str:
        """What the kernel says now as one text; where the places differ, each with its name."""
        values = {path: self.current(text) for path, text in live.items()}
        if len(set(values.values())) < 2:
            return next(iter(values.values()), "")
        return ", ".join(f"{self.place_name(control, path)} {value}" for path, value in values.items())

    def place_name(self, control: Control, path: str) -> str:
        """How one of several places is called in a verdict."""
        return path

    def _read(self, control: Control) -> Live:
        """What the kernel says now. Unfit where it says nothing, or where the value is not ours to set."""
        persist_only, paths = control.state.get("persist_only"), self.live_paths(control)
        if persist_only and not (control.state.get("raise_only") and paths):
            return {}
        if not paths:
            if self.planned.modules:
                raise Unfit("a kernel module that is only planned may bring it", CHANGE)
            raise Unfit(f"this kernel has no {self.live_path(control)}", NOT_APPLICABLE)
        live = {path: self._text(path) for path in paths}
        if not persist_only:
            for path in paths:
                self._must_be_settable(control, path, live)
        return live

    def _text(self, path: str) -> str:
        try:
            return self.host.fs.read(self.host.path(path)).decode("utf-8", "replace")
        except OSError as error:
            raise Unfit(f"{path} cannot be read: {error.strerror}", UNKNOWN) from None

    def _must_be_settable(self, control: Control, path: str, live: Live) -> None:
        problem = self.can_be(live[path], self.wanted(control))
        if problem:
            raise Unfit(problem)
        fits = self.current(live[path]) == self.wanted(control) or self._is_higher(control, live)
        if not fits and self.host.fs.is_read_only(self.host.path(path)):
            raise Unfit(f"{path} is read-only: this kernel belongs to the machine around the container", NOT_APPLICABLE)

    def _is_higher(self, control: Control, live: Live) -> bool:
        """Whether a control that only raises finds a higher value that it has not set itself."""
        if not control.state.get("raise_only") or control.id in self._claimed or not live:
            return False
        wanted = numbers(control.state["value"])
        return all(_is_above(numbers(self.current(text)), wanted) for text in live.values())

    def _live_changes(self, control: Control, live: Live) -> list[Change]:
        wanted = self.wanted(control)
        changing = [path for path, text in live.items() if self.current(text) != wanted]
        if control.state.get("persist_only"):
            return []
        for path in changing:
            if not os.access(self.host.path(path), os.W_OK):
                raise Unfit(f"{path} cannot be written: it needs root", UNKNOWN)
        return [SetState.value(path, wanted, one_way=self.is_one_way(control)) for path in changing]


def _is_above(now: list[int], wanted: list[int]) -> bool:
    return now != wanted and len(now) == len(wanted) and all(have >= want for have, want in zip(now, wanted))
