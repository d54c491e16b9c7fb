# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a journalled plan: validate, apply, reload, prove, probe; puts back what does not come through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from . import staging
from .changes import ChangeFailed, Reload, StepOutcome, Validator
from .changes_basic import SetState
from .host import CommandFailed, Host
from .planning import Plan, PlannedStep
from .record import Record, Restored, words_of

# Shorter words of a secret file are too common to be worth hiding.
SECRET_WORD = 8


class Probe(Protocol):
    """A question that is put to the host after the reloads."""

    def failure(self, host: Host) -> str:
        """Empty where all is well, else one sentence."""


class Proof(Protocol):
    """Looks before the reloads, and says afterwards whether a new generation serves."""

    def before(self, host: Host) -> None:
        """Remember the present generation."""

    def failure(self, host: Host) -> str:
        """Empty where a new one serves, else one sentence."""


class StepFailed(Exception):
    """A step did not come through; `phase` is where, the message why."""

    def __init__(self, phase: str, words: str) -> None:
        super().__init__(words)
        self.phase = phase


def is_due(reload: Reload, host: Host) -> bool:
    """Whether there is anybody to tell."""
    return not reload.unit or (
        host.has_systemd and host.run(["systemctl", "is-active", "--quiet", "--", reload.unit]).ok
    )


def needed(reloads: Iterable[Reload]) -> list[Reload]:
    """Each once, in order; a unit that is restarted is not reloaded, too: right after its start that may kill it."""
    once = list(dict.fromkeys(reloads))
    restarted = {reload.argv[-1] for reload in once if reload.argv[:2] == ("systemctl", "restart")}
    return [reload for reload in once if reload.argv[:2] != ("systemctl", "reload") or reload.argv[-1] not in restarted]


def reload_all(reloads: Iterable[Reload], host: Host) -> list[str]:
    """Do every reload that is due; return the words of those that failed."""
    results = [host.run(reload.argv) for reload in needed(reloads) if is_due(reload, host)]
    return [f"{' '.join(result.argv)} returned {result.rc}: {result.words}" for result in results if not result.ok]


class Execution:
    """One record on its way from `open` to its end.

    `atomic`: what fails puts everything back. Otherwise a step that fails is put back with those that share a target
    with it, and the others stand.
    """

    def __init__(self, host: Host, plan: Plan, record: Record, atomic: bool) -> None:
        self.host = host
        self.plan = plan
        self.record = record
        self.atomic = atomic
        self.outcomes = [
            StepOutcome(planned.step, not planned.problem, planned.problem, "plan" if planned.problem else "")
            for planned in plan.steps
        ]
        # Steps whose changes are in force, by index.
        self.standing: set[int] = set()
        self.reloaded: list[Reload] = []
        self.put_back: list[Restored] = []

    @property
    def failed(self) -> bool:
        """Whether any step did not come through."""
        return any(not outcome.ok for outcome in self.outcomes)

    @property
    def stuck(self) -> list[str]:
        """What could not even be put back."""
        return [f"{item['target']}: {item['reason']}" for each in self.put_back for item in each.failed]

    def go(self, probes: Sequence[Probe], proofs: Sequence[Proof]) -> None:
        """Do it. Afterwards the steps that are ok stand, and all others are put back."""
        needed = [(index, planned) for index, planned in enumerate(self.plan.steps) if planned.is_needed]
        try:
            steps = [planned for _index, planned in needed]
            # All files of an atomic transaction are validated together, before the first is put in place.
            late = self._validate(steps) if self.atomic else []
            for index, planned in needed:
                self._attempt(index, planned)
            self._ask_in_place(late, steps)
            self._reload(proofs)
            self._probe(probes)
        except StepFailed as failure:
            # Only what concerns all steps comes up to here.
            self.fail_all(failure.phase, str(failure))

    # --- validate and apply ---

    def _validate(self, steps: Sequence[PlannedStep]) -> Sequence[Validator]:
        """Validate the staged files; return the validators that have to run in place after applying instead."""
        validators = list(dict.fromkeys(each for planned in steps for each in planned.step.validators))
        try:
            errors = staging.validate(self.host, staged_files(self.plan, steps), validators)
        except staging.NamespaceRefused:
            return validators
        if errors:
            raise StepFailed("validate", hide_secrets("\n".join(errors), steps))
        return []

    def _ask_in_place(self, validators: Sequence[Validator], steps: Sequence[PlannedStep]) -> None:
        errors = staging.ask(self.host, validators)
        if errors:
            raise StepFailed("validate", hide_secrets("\n".join(errors), steps))

    def _attempt(self, index: int, planned: PlannedStep) -> None:
        try:
            self._not_after_a_failure(planned)
            late = [] if self.atomic else self._validate([planned])
            self.standing.add(index)
            self._apply(planned)
            self._ask_in_place(late, [planned])
        except StepFailed as failure:
            if self.atomic:
                raise
            self._fail_group(index, planned.group, failure)

    def _not_after_a_failure(self, planned: PlannedStep) -> None:
        for other, outcome in zip(self.plan.steps, self.outcomes):
            if other.group == planned.group and not outcome.ok:
                raise StepFailed("apply", f"not done, because {other.step.name} failed, which has the same target")

    def _apply(self, planned: PlannedStep) -> None:
        try:
            for change in planned.changes:
                change.apply(self.host, self.record.blobs)
        except (OSError, ChangeFailed, CommandFailed, KeyError, ValueError) as error:
            raise StepFailed("apply", hide_secrets(words_of(error), [planned])) from error

    # --- reload and ask ---

    def _reload(self, proofs: Sequence[Proof]) -> None:
        for proof in proofs:
            proof.before(self.host)
        for reload in self._reloads(self.standing):
            if is_due(reload, self.host):
                self._reload_one(reload)
        for proof in proofs if self.reloaded else ():
            words = proof.failure(self.host)
            if words:
                raise StepFailed("reload", words)

    def _reload_one(self, reload: Reload) -> None:
        if not any(reload in self.plan.steps[index].step.reloads for index in self.standing):
            return
        self.reloaded.append(reload)
        words = reload_all([reload], self.host)
        if not words:
            return
        failure = StepFailed("reload", words[0])
        if self.atomic:
            raise failure
        for index in sorted(self.standing):
            if index in self.standing and reload in self.plan.steps[index].step.reloads:
                self._fail_group(index, self.plan.steps[index].group, failure)

    def _reloads(self, indices: Collection[int]) -> list[Reload]:
        """The reloads of these steps, each once, in order."""
        return needed(each for index in sorted(indices) for each in self.plan.steps[index].step.reloads)

    def _probe(self, probes: Sequence[Probe]) -> None:
        for probe in probes if self.standing else ():
            words = probe.failure(self.host)
            if words:
                raise StepFailed("probe", words)

    # --- put back ---

    def _fail_group(self, index: int, group: int, failure: StepFailed) -> None:
        """A step failed: put it and those that share a target with it back."""
        name = self.plan.steps[index].step.name
        members = {number for number in self.standing if self.plan.steps[number].group == group}
        for number in sorted(members | {index}):
            words = str(failure) if number == index else f"put back with {name}, which has the same target"
            self._mark(number, failure.phase, words)
        if members:
            self._restore(members, {group})

    def fail_all(self, phase: str, words: str) -> None:
        """Everything is put back."""
        for index, planned in enumerate(self.plan.steps):
            if planned.is_needed and self.outcomes[index].ok:
                self._mark(index, phase, words)
        self.record.release_reserve()
        for state in ("open", "armed"):
            if self.record.move(state, "reverting"):
                break
        self._restore(set(self.standing), None)

    def _mark(self, index: int, phase: str, words: str) -> None:
        outcome = self.outcomes[index]
        outcome.ok, outcome.phase, outcome.error = False, phase, words

    def _restore(self, members: set[int], groups: Collection[int] | None) -> None:
        restored = self.record.restore(force=True, groups=groups)
        self.standing -= members
        # The programs that were told of the new state are told of the old one.
        told = [reload for reload in self._reloads(members) if reload in self.reloaded]
        restored.reload_failures = reload_all(told, self.host)
        self.put_back.append(restored)
        problems = [f"{item['target']} could not be put back: {item['reason']}" for item in restored.failed]
        problems += [f"after putting back, {words}" for words in restored.reload_failures]
        for index in members if problems else ():
            self.outcomes[index].error += "; " + "; ".join(problems)


def staged_files(plan: Plan, steps: Sequence[PlannedStep]) -> dict[str, staging.Staged]:
    """What the steps' known changes would put where, for the validators."""
    found: dict[str, staging.Staged] = {}
    for planned in steps:
        for change in planned.changes:
            if isinstance(change, SetState) and change.kind == "path":
                state = {**(plan.after[(change.kind, change.target)] or {}), **change.state}
                found[change.target] = staging.Staged(state, content_of(change))
    return found


def content_of(change: SetState) -> bytes | None:
    """The bytes that a change brings, where it brings any."""
    if change.content is None and change.source is not None and "digest" in change.state:
        return change.source.get(change.state["digest"])
    return change.content


def hide_secrets(words: str, steps: Sequence[PlannedStep]) -> str:
    """A program's words without those of secret files."""
    hidden: set[str] = set()
    for planned in steps:
        hidden |= set(planned.step.secret_words)
        for change in planned.changes if planned.step.secret and not planned.step.secret_words else ():
            content = content_of(change) if isinstance(change, SetState) else None
            text = (content or b"").decode("utf-8", "replace")
            hidden |= {line.strip() for line in text.splitlines()} | set(text.split())
    for secret in sorted((each for each in hidden if len(each) >= SECRET_WORD), key=len, reverse=True):
        words = words.replace(secret, "(secret)")
    return words
