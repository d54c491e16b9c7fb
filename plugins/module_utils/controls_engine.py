# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a list of controls out: plan by kind, apply as transactions, and say what became of each control."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .changes import Step
from .changes_basic import SetState
from .host import Host
from .impact.network import firewall
from .impact.registry import touched
from .impact.scene import Scene
from .impact.touch import Touch, as_data
from .providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
    UNKNOWN,
    Control,
    Plan,
    Planned,
    Provider,
    Verdict,
)
from .providers.firewall import Firewall
from .providers.needs import Needs
from .providers.registry import PROVIDERS
from .redaction import Redactor, digest, texts
from .transaction import Outcome, Refused

CHANGED, WOULD_CHANGE, WAIVED = "changed", "would_change", "waived"
STATUSES = (COMPLIANT, CHANGED, WOULD_CHANGE, WAIVED, NOT_APPLICABLE, UNKNOWN, FAILED)
# What later kinds build on is there before they are planned: packages bring files and units, modules bring sysctls.
PHASES: tuple[tuple[str, ...], ...] = (
    ("package",),
    ("account", "kernel_module"),
    tuple(key for key in PROVIDERS if key not in ("package", "account", "kernel_module", "probe")),
    ("probe",),
)
# How often a step is tried again without the controls that made it fail.
ROUNDS = 3


class Transact(Protocol):
    """Carries steps out as one journalled transaction, or predicts it; may ask for the steps more than once."""

    def __call__(self, steps: Callable[[], Sequence[Step]]) -> Outcome: ...


@dataclass
class Report:
    """What became of a call."""

    results: list[dict[str, Any]] = field(default_factory=list)
    released: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    reboot: list[str] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, int]:
        """How many controls have which status; every status is named."""
        found = [result["status"] for result in self.results]
        return {status: found.count(status) for status in STATUSES}

    @property
    def score(self) -> float | None:
        """The share of controls that are met, of those that count; None where none counts."""
        count = self.summary
        counted = len(self.results) - count[WAIVED] - count[NOT_APPLICABLE]
        return round(count[COMPLIANT] / counted, 4) if counted else None


class Controls:
    """One call."""

    def __init__(self, host: Host, planned: Planned, controls: Sequence[Control], check_mode: bool) -> None:
        self.host = host
        self.planned = planned
        self.controls = list(controls)
        self.check_mode = check_mode
        self.verdicts: dict[str, Verdict] = {}
        self.report = Report()
        # Controls that are settled: brought about by a step, or the reason why a step failed.
        self._applied: set[str] = set()
        self._guilty: set[str] = set()
        self._owners: dict[str, Provider] = {}
        self._needs = Needs(host, planned, controls)
        self._redact = Redactor(t for control in controls if control.secret for t in _secrets(control))

    def run(self, transact: Transact, waived: Mapping[str, str]) -> Report:
        """Go through the phases; each sees what the one before has done."""
        if self.check_mode:
            self._carry_out(transact, [key for keys in PHASES for key in keys])
        else:
            self._must_not_shut_out()
            left: list[str] = []
            for keys in PHASES[:-1]:
                left += keys
                if keys == PHASES[-2] or self._comes_first(left):
                    self._carry_out(transact, left)
                    left = []
            self._plan(PHASES[-1])
        order = [self._result(control, self.verdicts[control.id]) for control in self.controls]
        skipped = [_line(name, Verdict(WAIVED, reason=reason), WAIVED) for name, reason in waived.items()]
        self.report.results = [*order, *skipped]
        self.report.released = self._redact(self.report.released)
        return self.report

    def _must_not_shut_out(self) -> None:
        """Refused before the first change where a control would cut off the operator who runs this."""
        risky = {control.key for control in self.controls if PROVIDERS[control.key].can_shut_out}
        if not risky:
            return
        trial = Controls(self.host, copy.deepcopy(self.planned), self.controls, check_mode=True)
        trial._plan(sorted({"package", *risky}))
        shut = [f"{name}: {verdict.reason}" for name, verdict in trial.verdicts.items() if verdict.shuts_out]
        if shut:
            raise Refused(f"{'; '.join(shut)}. Nothing was changed.")

    def _comes_first(self, keys: Sequence[str]) -> bool:
        """Whether what is left becomes a transaction now: it has work, and only the last one of a call may be armed."""
        steps = self._plan(keys)
        return bool(steps) and not any(step.access for step in steps)

    def _carry_out(self, transact: Transact, keys: Sequence[str]) -> None:
        """One transaction; a second one without the controls that made a step of the first one fail."""
        for _round in range(ROUNDS):
            outcome = transact(lambda: self._plan(keys))
            self.report.outcomes.append(outcome)
            again = self._blame(outcome)
            if self.check_mode:
                return
            for names in (self.planned.packages, self.planned.absent_packages, self.planned.modules):
                names.clear()
            self._needs = Needs(self.host, self.planned, self.controls)
            # A second transaction would need a confirmation of its own.
            if not again or outcome.armed:
                return

    def _plan(self, keys: Sequence[str]) -> list[Step]:
        """Plan these kinds in their order and keep a verdict of each control; the steps."""
        steps: list[Step] = []
        self.report.released = [entry for entry in self.report.released if entry["kind"] not in keys]
        for key in sorted(keys, key=lambda each: PROVIDERS[each].order):
            provider = PROVIDERS[key](self.host, self.planned)
            controls = [control for control in self.controls if control.key == key and self._applies(control)]
            if not controls and not provider.releases:
                continue
            plan = self._guarded(provider, controls)
            self.report.released += [{"kind": key, **entry} for entry in plan.released]
            for control in controls:
                verdict = plan.verdicts.get(control.id) or Verdict(UNKNOWN, reason=f"{key} said nothing of it")
                self._keep(control, verdict, bool(steps))
            steps += plan.steps
            self._owners.update({step.name: provider for step in plan.steps})
        return [*shared_directories(steps), *steps]

    def _applies(self, control: Control) -> bool:
        """Whether a control is to be planned; what one that is not once set stays as it is."""
        if control.id in self._guilty:
            return False
        missing = self._needs.missing(control)
        if missing:
            self.verdicts[control.id] = Verdict(NOT_APPLICABLE, reason=missing)
            self.planned.keep |= {control.id}
        return not missing

    def _guarded(self, provider: Provider, controls: Sequence[Control]) -> Plan:
        """A provider that breaks fails its own controls only."""
        try:
            return provider.plan(controls)
        except Exception as error:  # the others' results shall stand whatever one provider runs into
            reason = f"{provider.key} could not be planned: {type(error).__name__}: {error}"
            return Plan({control.id: Verdict(FAILED, reason=reason) for control in controls})

    def _keep(self, control: Control, verdict: Verdict, steps_before: bool) -> None:
        """Remember what was said of a control; what an earlier transaction brought about stays `changed`."""
        if self._needs.is_planned(control):
            _assume(control, verdict)
        if self.check_mode and steps_before and control.key == "probe":
            verdict.assumed = True
        if control.id not in self._applied or verdict.status != COMPLIANT:
            self.verdicts[control.id] = verdict

    def _blame(self, outcome: Outcome) -> bool:
        """Turn failed steps into failed controls; whether a step is worth another round without its culprits."""
        again = False
        for done in outcome.steps:
            name = done.step.name
            members = [c for c in self.controls if c.id in self.verdicts and self.verdicts[c.id].step == name]
            if done.ok:
                self._applied |= {control.id for control in members}
                continue
            provider = self._owners.get(name)
            guilty = provider.culprits(done.error, members) if provider else set()
            again = again or 0 < len(guilty) < len(members)
            for control in members:
                self.verdicts[control.id] = Verdict(FAILED, self.verdicts[control.id].before, reason=done.error)
            self._guilty |= guilty
            self.planned.keep |= guilty
        return again

    def _result(self, control: Control, verdict: Verdict) -> dict[str, Any]:
        status = verdict.status
        if status == CHANGE:
            status = WOULD_CHANGE if self.check_mode else CHANGED
        if verdict.reboot and status in (CHANGED, WOULD_CHANGE, COMPLIANT):
            self.report.reboot.append(f"{control.id}: {verdict.reboot}")
        line: dict[str, Any] = _line(control.id, verdict, status)
        if control.secret:
            line["before"], line["after"] = digest(line["before"]), digest(line["after"])
        line["reason"] = self._redact(line["reason"])
        return line

    def tell_impact(self) -> list[dict[str, str]]:
        """Put what a control would touch to the result of each that would change; what could not be seen."""
        scene = Scene(self.host)
        controls = {control.id: control for control in self.controls}
        for line in self.report.results:
            if line["status"] == WOULD_CHANGE:
                control = controls[line["id"]]
                line["touches"] = self._redact(as_data(self._touched(control, scene)))
        return [{"what": what, "reason": reason} for what, reason in sorted(scene.unseen.items())]

    def _touched(self, control: Control, scene: Scene) -> list[Touch]:
        """The policy of a table decides with the rules of all its controls who is shut out."""
        if control.key != Firewall.key:
            return touched(control, self.verdicts[control.id], scene)
        if (control.state.get("policy") or {}).get("input") != "drop":
            return []
        name = control.state["table"]
        members = [each for each in self.controls if each.key == Firewall.key and each.state["table"] == name]
        return list(firewall(Firewall(self.host, self.planned).wanted_table(name, members), scene))

    def diff(self) -> list[dict[str, Any]]:
        """The files that changed or would change, without our own records and without secrets."""
        found = [item for outcome in self.report.outcomes for item in outcome.diff]
        own = self.planned.state_dir.rstrip("/") + "/"
        return [self._redact(item) for item in found if not _headline(item).startswith(own)]


def shared_directories(steps: Sequence[Step]) -> list[Step]:
    """A step before all others for directories that several steps need: none shall fail with the first of them."""
    wanted: dict[str, list[SetState]] = {}
    for step in steps:
        for change in step.changes:
            if isinstance(change, SetState) and change.kind == "path" and change.state["type"] == "directory":
                wanted.setdefault(change.target, []).append(change)
    shared = [changes[0] for changes in wanted.values() if len(changes) > 1]
    return [Step("shared directories", [*shared])] if shared else []


def _line(name: str, verdict: Verdict, status: str) -> dict[str, Any]:
    return {
        "id": name,
        "status": status,
        "before": verdict.before,
        "after": verdict.after,
        "reason": verdict.reason,
        "assumed": verdict.assumed,
    }


def _headline(item: Mapping[str, Any]) -> str:
    return str(item.get("after_header") or item.get("before_header") or "")


def _assume(control: Control, verdict: Verdict) -> None:
    """Nobody knows what a package that is not installed yet will bring: predict a change rather than none."""
    package = control.needs.get("package")
    if verdict.status in (NOT_APPLICABLE, UNKNOWN, FAILED):
        verdict.reason = f"once package {package} is installed; now: {verdict.reason}"
        verdict.status = CHANGE
    verdict.assumed = verdict.assumed or verdict.status == CHANGE


def _secrets(control: Control) -> list[str]:
    """The texts of a secret control that are values, not names."""
    names = PROVIDERS[control.key].spec
    return [t for key, item in control.state.items() if names[key].get("type") == "raw" for t in texts(item)]
