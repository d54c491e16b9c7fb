# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From steps to a plan: what is there now, what would really change, what stands in the way. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .blobs import MemoryBlobs
from .changes import Change, ChangeFailed, State, Step
from .changes_basic import PATH_KINDS, SetState
from .host import CommandFailed, Host
from .kinds.registry import KINDS
from .record import SCHEMA, Entry, words_of

Target = tuple[str, str]


@dataclass
class PlannedStep:
    """A step without the changes that are already true."""

    step: Step
    changes: list[Change] = field(default_factory=list)
    # Why it cannot be carried out: one sentence.
    problem: str = ""
    # Steps that share a target have one group, because putting one back puts back the other.
    group: int = 0

    @property
    def targets(self) -> list[Target]:
        """What it touches, each once."""
        return list(dict.fromkeys(target for change in self.changes for target in change.touches()))

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.changes) and not self.problem


@dataclass
class Plan:
    """What a transaction will do."""

    steps: list[PlannedStep] = field(default_factory=list)
    before: dict[Target, dict[str, Any]] = field(default_factory=dict)
    # What is intended, by target; None where only a tool knows.
    after: dict[Target, State] = field(default_factory=dict)
    contents: MemoryBlobs = field(default_factory=MemoryBlobs)

    @property
    def needed(self) -> list[PlannedStep]:
        """The steps that have something to do."""
        return [planned for planned in self.steps if planned.is_needed]

    @property
    def problems(self) -> list[str]:
        """Why steps cannot be carried out."""
        return [planned.problem for planned in self.steps if planned.problem]

    def entries(self) -> list[Entry]:
        """The journal's lines, each target once."""
        found: dict[Target, Entry] = {}
        for planned in self.needed:
            for change in planned.changes:
                for target in change.touches():
                    entry = found.setdefault(target, self._entry(len(found) + 1, planned, target))
                    entry["one_way"] = entry["one_way"] or change.one_way
        return list(found.values())

    def _entry(self, seq: int, planned: PlannedStep, target: Target) -> Entry:
        step = planned.step
        return Entry(
            schema=SCHEMA,
            seq=seq,
            step=step.name,
            group=planned.group,
            kind=target[0],
            target=target[1],
            before=self.before[target],
            intended_after=self.after[target],
            reload=[{"argv": list(reload.argv), "unit": reload.unit} for reload in step.reloads],
            secret=step.secret,
            access=step.access,
            one_way=KINDS[target[0]].one_way,
        )


def make_plan(steps: Sequence[Step], host: Host) -> Plan:
    """Capture every target once, drop what is already true, and find what stands in the way."""
    plan = Plan()
    for step in steps:
        planned = PlannedStep(step)
        plan.steps.append(planned)
        try:
            for change in step.changes:
                _plan_change(change, planned, plan, host)
        except (OSError, ChangeFailed, CommandFailed, ValueError) as error:
            planned.problem = words_of(error)
    _group(plan)
    return plan


def _plan_change(change: Change, planned: PlannedStep, plan: Plan, host: Host) -> None:
    for target in change.touches():
        if target not in plan.before:
            _check_target(target, host)
            plan.before[target] = KINDS[target[0]].capture(target[1], host, plan.contents)
            plan.after[target] = plan.before[target]
    if isinstance(change, SetState):
        expected = plan.after[(change.kind, change.target)]
        if expected is not None and KINDS[change.kind].same(expected, change.state):
            return
        _check_replaceable(change, expected or {})
    planned.changes.append(change)
    for kind, name in change.touches():
        intended = change.intended(kind, name, plan.contents)
        plan.after[(kind, name)] = _merged(plan.after[(kind, name)], intended) if kind in PATH_KINDS else intended


def _merged(before: State, intended: State) -> State:
    """What a wanted state does not speak of stays as it was, where the thing keeps its type."""
    if before is None or intended is None or intended.get("type", before.get("type")) != before.get("type"):
        return intended
    # A new mode is a new mask in an ACL, which only the kernel works out.
    kept = {key: value for key, value in before.items() if key != "xattrs" or "mode" not in intended}
    return {**kept, **intended}


def _check_target(target: Target, host: Host) -> None:
    kind, path = target
    if kind not in KINDS:
        raise ChangeFailed(f"{kind!r} is no kind of target; allowed are {', '.join(sorted(KINDS))}")
    if kind not in PATH_KINDS:
        return
    if not os.path.isabs(path) or os.path.normpath(path) != path or "\0" in path:
        raise ChangeFailed(f"{path!r} is no absolute path without `.`, `..` and doubled slashes")
    if kind != "kernel_value" and _nearest_is_read_only(host.path(path), host):
        raise ChangeFailed(f"{path} is on a read-only file system; mount it read-write")


def _nearest_is_read_only(path: str, host: Host) -> bool:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return host.fs.is_read_only(path)


def _check_replaceable(change: SetState, present: dict[str, Any]) -> None:
    """Refuse to put a thing of one type in the place of another that nobody spoke of."""
    there, wanted = present.get("type", "absent"), change.state.get("type", "absent")
    if change.kind != "path" or there == "special":
        if there == "special":
            raise ChangeFailed(f"{change.target} is a device, socket or pipe; name a file")
        return
    if change.replace or there in ("absent", wanted):
        return
    what = f"a symbolic link to {present.get('to')}" if there == "symlink" else f"a {there}"
    remedy = "name the file that it leads to, or remove the link" if there == "symlink" else "remove it first"
    raise ChangeFailed(f"{change.target} is {what} where a {wanted} is expected; {remedy}")


def _group(plan: Plan) -> None:
    """Number the steps so that those which share a target, directly or through others, have one number."""
    owner: dict[str, int] = {}
    for number, planned in enumerate(plan.steps):
        planned.group = number
        # A file's content and its metadata are one thing for this.
        names = {name if kind in PATH_KINDS else f"{kind}:{name}" for kind, name in planned.targets}
        joined = {owner[name] for name in names if name in owner}
        if joined:
            planned.group = min(joined)
            for other in plan.steps[:number]:
                other.group = planned.group if other.group in joined else other.group
            owner = {name: planned.group if group in joined else group for name, group in owner.items()}
        owner.update(dict.fromkeys(names, planned.group))
