# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo by a person: careful where recovery is not, and itself a journalled run that can be undone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .blobs import DigestOnly
from .changes import BlobStore, Reload, State, Step
from .changes_basic import SetState
from .journal import Journal, RunInfo
from .kinds.registry import KINDS
from .planning import Target
from .record import Entry, Record, name_of, problem, restoring_order
from .recovery import put_back, recover
from .transaction import Outcome, Refused, Transaction

__all__ = ["Conflicting", "Request", "Undone", "in_scope", "list_runs", "recover", "undo"]

LAST = "last"
PRISTINE = "pristine"


class Conflicting(Refused):
    """Somebody else changed what shall be put back, or later runs built upon it; nothing was touched."""

    def __init__(self, message: str, conflicts: Sequence[dict[str, str]], later: Sequence[str]) -> None:
        super().__init__(message)
        self.conflicts = list(conflicts)
        self.later = list(later)


@dataclass(frozen=True)
class Request:
    """What to undo: a run's id, `last` or `pristine`; only what a scope (or one below it) changed; by force or not."""

    run: str
    scope: str = ""
    force: bool = False


@dataclass
class Undone:
    """What became of it. Targets are written `kind target`."""

    outcome: Outcome
    runs: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    # Still different from before: packages that stay, directories with somebody else's files.
    kept: list[str] = field(default_factory=list)
    reboot_required: list[str] = field(default_factory=list)
    # Overwritten by force.
    overwritten: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Wanted:
    """One target on its way back."""

    # `before` is what it shall become.
    entry: Entry
    source: BlobStore
    first: int
    # What we left; somebody else changed it when it is different now.
    after: State
    reloads: list[Reload] = field(default_factory=list)

    @property
    def key(self) -> Target:
        """(kind, target)."""
        return (self.entry["kind"], self.entry["target"])

    def absorb(self, entry: Entry, after: State) -> None:
        """A later entry of the same target: what it left is what we left."""
        self.after = after
        self.entry["secret"] = self.entry["secret"] or entry["secret"]
        self.entry["access"] = self.entry["access"] or entry["access"]
        self.entry["one_way"] = self.entry["one_way"] or entry["one_way"]
        for item in entry["reload"]:
            reload = Reload(tuple(item["argv"]), item["unit"])
            self.reloads += [reload] if reload not in self.reloads else []


def in_scope(scope: str, wanted: str) -> bool:
    """Whether `scope` is `wanted` or an area of it; every scope is where none is wanted."""
    return not wanted or scope == wanted or scope.startswith(f"{wanted}/")


def list_runs(journal: Journal, scope: str = "") -> list[RunInfo]:
    """The runs that the journal knows, newest first."""
    return [info for info in journal.runs() if any(in_scope(each, scope) for each in info.scopes)]


def undo(transaction: Transaction, request: Request) -> Undone:
    """Undo through a transaction. Raises Conflicting or Refused before anything is touched."""
    journal = transaction.journal
    if request.force and not transaction.check_mode:
        _give_up(transaction, request.run)
    plans: list[UndoPlan] = []

    def steps() -> Sequence[Step]:
        plans.append(UndoPlan(journal, request))
        transaction.undoes = plans[-1].undoes
        return plans[-1].steps()

    outcome = transaction.run(steps, atomic=True)
    plan = plans[-1]
    done = Undone(outcome, plan.runs, reboot_required=plan.reboot_required, overwritten=plan.conflicts)
    if not outcome.failed:
        plan.tell(done, transaction.check_mode)
    if request.run == PRISTINE and not outcome.failed and not transaction.check_mode:
        for wanted in plan.wanted.values():
            journal.pristine.fold(*wanted.key, None)
    return done


def _give_up(transaction: Transaction, run: str) -> None:
    """Put back what can be of a killed run, and call that its end: the way out where something resists for good."""
    journal = transaction.journal
    if not any(record.run == run for record in journal.unfinished()):
        return
    with transaction.lock.held(transaction.run_id):
        for record in journal.unfinished():
            if record.run == run:
                put_back(record)
                record.move("reverting", "reverted")


class UndoPlan:
    """Which targets have to become what, and what speaks against it."""

    def __init__(self, journal: Journal, request: Request) -> None:
        self.journal = journal
        self.request = request
        self.host = journal.host
        self.standing = journal.standing()
        self.chosen = self._choose()
        self.runs = list(dict.fromkeys(record.run for record in self.chosen))
        self.undoes = [record.id for record in self.chosen]
        self.wanted = self._collect()
        self.reboot_required: list[str] = []
        self.conflicts: list[dict[str, str]] = []
        self.kept: list[str] = []

    # --- what to undo ---

    def _choose(self) -> list[Record]:
        scoped = [record for record in self.standing if in_scope(record.meta["scope"], self.request.scope)]
        if self.request.run == PRISTINE:
            # What an undo left is what was there before: it is nobody's work. Upgrades have no first state to go to.
            return [record for record in scoped if not record.meta["undoes"] and _has_pristine(record)]
        run = self.request.run
        if run == LAST:
            own = [record.run for record in scoped if not record.meta["undoes"]]
            run = own[-1] if own else ""
        elif not any(info.run == run for info in self.journal.runs()):
            raise Refused(
                f"run is {run!r}, which this host's journal does not know; allowed are last, pristine and the ids that "
                "state: listed shows."
            )
        return [record for record in scoped if record.run == run]

    def _collect(self) -> dict[Target, Wanted]:
        found: dict[Target, Wanted] = {}
        for record in self.chosen:
            after = record.after()
            for entry in record.entries:
                key = (entry["kind"], entry["target"])
                if key not in found:
                    found[key] = Wanted(entry.copy(), record.blobs, record.order, None)
                found[key].absorb(entry, after[entry["seq"]])
        return self._pristine(found) if self.request.run == PRISTINE else found

    def _pristine(self, found: dict[Target, Wanted]) -> dict[Target, Wanted]:
        """The same targets and those of forgotten runs, back to their first state."""
        wanted: dict[Target, Wanted] = {}
        for item in self.journal.pristine.all():
            key = (item["kind"], item["target"])
            known = found.get(key)
            if known is None and (item["after"] is None or not in_scope(item["scope"], self.request.scope)):
                continue
            entry: Entry = known.entry if known else item["entry"]
            entry["before"] = item["entry"]["before"]
            after = known.after if known else item["after"]
            wanted[key] = Wanted(entry, self.journal.pristine.blobs, 0, after, known.reloads if known else [])
        return wanted

    # --- what speaks against it ---

    def _later(self) -> Iterator[tuple[Record, Entry]]:
        """Standing changes of others to our targets, made after ours. A run and its undo cancel each other."""
        ours = set(self.undoes)
        for record in self.standing:
            if record.id in ours or record.meta["undoes"]:
                continue
            for entry in record.entries:
                wanted = self.wanted.get((entry["kind"], entry["target"]))
                if wanted and record.order > wanted.first:
                    yield record, entry

    def _check_later(self) -> None:
        found = list(self._later())
        if not found:
            return
        names = list(dict.fromkeys(f"{record.run} ({record.meta['scope']})" for record, _entry in found))
        conflicts = [problem(entry, f"changed later by run {record.run}") for record, entry in found]
        raise Conflicting(
            f"Later runs changed the same things and have to be undone first: {', '.join(names)}.",
            conflicts,
            list(dict.fromkeys(record.run for record, _entry in found)),
        )

    def _due(self) -> list[Wanted]:
        """The targets that are not yet what they shall become; what a running kernel keeps is set apart."""
        due: list[Wanted] = []
        for wanted in self.wanted.values():
            kind = KINDS[wanted.entry["kind"]]
            current = kind.capture(wanted.entry["target"], self.host, DigestOnly())
            if kind.is_back(current, wanted.entry["before"]):
                continue
            if wanted.entry["one_way"]:
                self.reboot_required.append(name_of(wanted.entry))
                if kind.of_the_kernel:
                    continue
            if wanted.after is None or not kind.same(current, wanted.after):
                self.conflicts.append(problem(wanted.entry, "changed by somebody else since"))
            due.append(wanted)
        return due

    # --- how ---

    def steps(self) -> list[Step]:
        """The steps, in the order of restoring; Conflicting where something speaks against it."""
        self._check_later()
        due = {wanted.key: wanted for wanted in self._due()}
        if self.conflicts and not self.request.force:
            names = ", ".join(item["target"] for item in self.conflicts[:5])
            raise Conflicting(
                f"Somebody else changed {len(self.conflicts)} of these since: {names}. Look at them, then undo with "
                "force: true to overwrite them.",
                self.conflicts,
                [],
            )
        ordered = restoring_order([wanted.entry for wanted in due.values()], self.host)
        return [self._step(due[(entry["kind"], entry["target"])]) for entry in self._removable(ordered)]

    def _removable(self, ordered: Sequence[Entry]) -> Iterator[Entry]:
        """All but our directories that hold what is not ours; those are kept."""
        removed: set[str] = set()
        for entry in ordered:
            target = entry["target"]
            if entry["kind"] == "path" and entry["before"]["type"] == "absent":
                place = self.host.path(target)
                names = self.host.fs.listdir(place) if os.path.isdir(place) and not os.path.islink(place) else []
                if any(os.path.join(target, name) not in removed for name in names):
                    self.kept.append(name_of(entry))
                    continue
                removed.add(target)
            yield entry

    @staticmethod
    def _step(wanted: Wanted) -> Step:
        entry = wanted.entry
        change = SetState(*wanted.key, entry["before"], source=wanted.source, replace=True)
        return Step(
            f"Undo {entry['step']}: {name_of(entry)}",
            [change],
            reloads=wanted.reloads,
            access=entry["access"],
            secret=entry["secret"],
        )

    def tell(self, done: Undone, check_mode: bool) -> None:
        """Sort the targets into restored and kept."""
        done.kept += self.kept
        for planned in done.outcome.steps:
            change = planned.step.changes[0]
            kind, target = change.touches()[0]
            wanted = self.wanted[(kind, target)]
            current = KINDS[kind].capture(target, self.host, DigestOnly())
            wish = wanted.entry["before"]
            if check_mode:
                left = KINDS[kind].lost(target, wish, self.host)
            else:
                left = KINDS[kind].differing(target, current, wish)
            done.kept += left
            done.restored += [] if left else [name_of(wanted.entry)]


def _has_pristine(record: Record) -> bool:
    return any(KINDS[entry["kind"]].has_pristine for entry in record.entries)
