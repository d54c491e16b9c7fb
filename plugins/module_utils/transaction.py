# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heart: plan → journal → arm → apply → validate → reload → probe → commit, or put back.

It works on steps and knows nothing of where they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Callable, Union

from . import hold, staging, switch
from .changes import ChangeFailed, Step, StepOutcome
from .difference import differences
from .execution import Execution, Probe, Proof, hide_secrets, staged_files
from .fs import in_words
from .host import CommandFailed, Host
from .journal import Journal, JournalFailed
from .kinds.registry import KINDS
from .lock import HostLock, LockHeld
from .planning import Plan, make_plan
from .record import Record
from .recovery import recover
from .retention import Retention, prune

# Steps, or a function that reads the host and makes them: it is called again where the host changed meanwhile.
Steps = Union[Sequence[Step], Callable[[], Sequence[Step]]]


class Refused(Exception):
    """Refused before anything was touched; one sentence with the remedy."""


@dataclass(frozen=True)
class Confirm:
    """The dead man's switch: seconds until the host puts itself back, and units that a revert brings back."""

    deadline: int = 120
    units: Sequence[str] = ()
    token: str = ""


@dataclass
class Outcome:
    """What became of a transaction, or would, in check mode."""

    run: str
    steps: list[StepOutcome] = field(default_factory=list)
    reloaded: list[str] = field(default_factory=list)
    changed: bool = False
    # <run>/<NNNN>, where there is one.
    record: str = ""
    # {deadline, record} while the host waits for its confirmation.
    armed: dict[str, object] | None = None
    diff: list[dict[str, str]] = field(default_factory=list)
    # Records of killed calls that were put back first (would be, in check mode).
    recovered: list[str] = field(default_factory=list)
    reboot_required: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether any step did not come through."""
        return any(not outcome.ok for outcome in self.steps)


class Transaction:
    """One module call's changes to a host."""

    def __init__(
        self,
        journal: Journal,
        lock: HostLock,
        run: str,
        scope: str,
        who: str,
        module: str,
        host: Host,
        confirm: Confirm | None = None,
        check_mode: bool = False,
        undoes: Sequence[str] = (),
        retention: Retention | None = None,
    ) -> None:
        self.journal = journal
        self.lock = lock
        self.run_id = run
        self.scope = scope
        self.who = who
        self.module = module
        self.host = host
        self.confirm = confirm
        self.check_mode = check_mode
        # Ids of the records that this transaction takes back.
        self.undoes = undoes
        self.retention = retention or Retention()

    def run(
        self, steps: Steps, atomic: bool = False, probes: Sequence[Probe] = (), proofs: Sequence[Proof] = ()
    ) -> Outcome:
        """Carry the steps out. Raises Refused before anything is touched; failed steps are in the outcome."""
        if self.check_mode:
            return self._predict(steps, atomic)
        seen = self.journal.latest()
        plan = self._plan(steps, atomic)
        if not self._has_work(plan) and not self.journal.unfinished():
            return self._unchanged(plan)
        self._take_lock()
        try:
            outcome = Outcome(self.run_id, recovered=self._recover())
            if outcome.recovered or self.journal.latest() != seen:
                plan = self._plan(steps, atomic)
            if not self._has_work(plan):
                return self._unchanged(plan, outcome)
            self._refuse()
            return self._carry_out(plan, outcome, atomic, probes, proofs)
        except JournalFailed as error:
            raise Refused(str(error)) from None
        finally:
            self.lock.release()

    # --- before anything is touched ---

    def _take_lock(self) -> None:
        try:
            self.lock.acquire(self.run_id)
        except LockHeld as error:
            raise Refused(str(error)) from None
        except OSError as error:
            raise Refused(f"The journal cannot be written, so nothing was changed: {in_words(error)}.") from None

    def _plan(self, steps: Steps, atomic: bool) -> Plan:
        plan = make_plan(steps() if callable(steps) else steps, self.host)
        if atomic and plan.problems:
            raise Refused(f"{plan.problems[0]} (nothing was changed)")
        return plan

    def _has_work(self, plan: Plan) -> bool:
        return bool(plan.needed or self.undoes)

    def _unchanged(self, plan: Plan, outcome: Outcome | None = None) -> Outcome:
        outcome = outcome or Outcome(self.run_id)
        outcome.steps = [_planned_outcome(planned.step, planned.problem) for planned in plan.steps]
        return outcome

    def _recover(self) -> list[str]:
        """Put back what killed calls left; refuse to build upon what could not be put back."""
        self.journal.sweep()
        done = recover(self.journal)
        for restored in done:
            if restored.failed:
                first = restored.failed[0]
                raise Refused(
                    f"Run {restored.record} was killed and {first['target']} cannot be put back: {first['reason']}. "
                    "Repair that and run again, or give the rest up with evenkeel.ops.undo, run: "
                    f"{restored.record.split('/')[0]}, force: true."
                )
        return [restored.record for restored in done]

    def _refuse(self) -> None:
        refusal = self._refusal()
        if refusal:
            raise Refused(refusal)

    def _refusal(self) -> str:
        held = hold.read(self.journal.state_dir, self.host.fs)
        if held:
            return held.words
        armed = self.journal.armed()
        if armed and armed.run != self.run_id:
            return (
                f"This host is armed by run {armed.run} and waits for its confirmation; wait for its deadline, or end "
                "it on the host with `evenkeel confirm` or `evenkeel revert`."
            )
        if self.journal.is_fenced(self.run_id):
            return f"The dead man's switch put run {self.run_id} back, so nothing more of it is done; start a new run."
        return ""

    # --- check mode ---

    def _predict(self, steps: Steps, atomic: bool) -> Outcome:
        plan = self._plan(steps, atomic)
        outcome = self._unchanged(plan)
        for planned, result in zip(plan.steps, outcome.steps):
            result.changed = planned.is_needed
        outcome.changed = bool(plan.needed)
        outcome.diff = [each for planned in plan.needed for each in differences(plan, planned)]
        outcome.warnings = self._forewarn(plan, outcome)
        if atomic:
            self._predict_validation(plan, outcome)
        return outcome

    def _forewarn(self, plan: Plan, outcome: Outcome) -> list[str]:
        """What a real run would meet now."""
        holder = self.lock.holder()
        if holder and holder.is_alive:
            return [f"A real run would wait or be refused: this host is being changed by {holder.words}."]
        outcome.recovered = [record.id for record in self.journal.unfinished()]
        warnings = [f"A real run would first put back {name}, which was killed." for name in outcome.recovered]
        refusal = self._refusal() if plan.needed else ""
        return warnings + ([f"A real run would be refused: {refusal}"] if refusal else [])

    def _predict_validation(self, plan: Plan, outcome: Outcome) -> None:
        validators = list(dict.fromkeys(each for planned in plan.needed for each in planned.step.validators))
        there = [each for each in validators if self.host.has(each.argv[0])]
        missing = [each.argv[0] for each in validators if each not in there]
        outcome.warnings += [f"Not validated: {name} is not installed yet." for name in dict.fromkeys(missing)]
        try:
            errors = staging.validate(self.host, staged_files(plan, plan.needed), there)
        except staging.NamespaceRefused as refused:
            outcome.warnings.append(f"Not validated: this host gives no private mount namespace ({refused}).")
            return
        for planned, result in zip(plan.steps, outcome.steps):
            if errors and planned.is_needed:
                words = hide_secrets("\n".join(errors), plan.needed)
                result.ok, result.phase, result.error = False, "validate", words

    # --- the real thing ---

    def _carry_out(
        self, plan: Plan, outcome: Outcome, atomic: bool, probes: Sequence[Probe], proofs: Sequence[Proof]
    ) -> Outcome:
        record = self.journal.begin(
            self.run_id, self.scope, self.who, self.module, plan.entries(), plan.contents, self.undoes
        )
        outcome.record = record.id
        outcome.armed = self._arm(record, plan)
        execution = Execution(self.host, plan, record, atomic)
        try:
            execution.go(probes, proofs)
            changed = self._changed(record, execution)
        except Exception as error:
            # A fault of a front end, or a disk too full to record the end: nothing of it stays.
            execution.fail_all("apply", in_words(error) if isinstance(error, OSError) else str(error))
            changed = set()
            if not isinstance(error, OSError):
                self._end(record, execution, outcome)
                raise
        self._report(plan, execution, changed, outcome)
        self._end(record, execution, outcome)
        return outcome

    def _arm(self, record: Record, plan: Plan) -> dict[str, object] | None:
        try:
            switch.install(self.host, self.journal.state_dir, record)
            if self.confirm is None or not any(planned.step.access for planned in plan.needed):
                return None
            return asdict(switch.arm(record, self.confirm, self.host))
        except (ChangeFailed, CommandFailed, OSError) as error:
            self.journal.discard(record)
            words = in_words(error) if isinstance(error, OSError) else str(error)
            raise Refused(f"The dead man's switch cannot guard this run: {words} (nothing was changed)") from None

    @staticmethod
    def _changed(record: Record, execution: Execution) -> set[tuple[str, str]]:
        """Record how the targets are now; return those that differ from before."""
        if not execution.standing and record.entries:
            return set()
        after = record.mark_after()
        return {
            (entry["kind"], entry["target"])
            for entry in record.entries
            if not KINDS[entry["kind"]].same(after[entry["seq"]], entry["before"])
        }

    def _report(self, plan: Plan, execution: Execution, changed: set[tuple[str, str]], outcome: Outcome) -> None:
        outcome.steps = execution.outcomes
        for index in sorted(execution.standing):
            planned = plan.steps[index]
            outcome.steps[index].changed = bool(changed & set(planned.targets))
            outcome.diff += differences(plan, planned)
        outcome.changed = bool(changed)
        outcome.reloaded = [" ".join(reload.argv) for reload in execution.reloaded]
        outcome.reboot_required = [name for each in execution.put_back for name in each.reboot_required]

    def _end(self, record: Record, execution: Execution, outcome: Outcome) -> None:
        """Bring the record to its end; what could not be put back stays `reverting` for the next call."""
        record.release_reserve()
        if execution.stuck:
            return
        if not execution.standing and record.entries:
            for state in ("open", "armed", "reverting"):
                if record.move(state, "reverted"):
                    break
            if outcome.armed:
                switch.disarm(record, self.host)
                outcome.armed = None
        elif not outcome.armed:
            record.move("open", "committed")
        try:
            prune(self.journal, self.retention)
        except OSError as error:
            outcome.warnings.append(f"Old runs could not be dropped from the journal: {in_words(error)}.")


def _planned_outcome(step: Step, problem: str) -> StepOutcome:
    return StepOutcome(step, not problem, problem, "plan" if problem else "")
