# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module call is killed (SIGKILL, a real process) in every phase; the next call, or undo, brings the tree back.

The killed process counts what it does within each phase and dies after an event that a seeded chance chose: no clock.
"""

from __future__ import annotations

import functools
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import (
    execution,
    staging,
    transaction,
    undo,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Step, Validator
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import SetState
from ansible_collections.evenkeel.ops.plugins.module_utils.execution import Execution
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Result
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from ansible_collections.evenkeel.ops.plugins.module_utils.record import Record
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Transaction
from engine_world import SilentRunner, World
from faulty_layers import CrashingLayer

SEED = 20261124
KILLS_PER_PHASE = 10
# Phase to the functions of the engine during which it lasts.
PHASES: dict[str, list[tuple[Any, str]]] = {
    "journalling": [(Journal, "begin")],
    "validating": [(staging, "validate"), (staging, "ask")],
    "applying": [(Execution, "_apply")],
    "reloading": [(execution, "reload_all")],
    "reverting": [(Record, "restore")],
    "recovering": [(transaction, "recover")],
    "committing": [(Transaction, "_report"), (Transaction, "_end"), (Record, "mark_after")],
}
# The call that comes into the phase, where it is not one that goes through.
CALLS = {"reverting": "breaks", "recovering": "after a kill"}


class Reaper:
    """Counts events by phase and kills this process after the chosen one."""

    def __init__(self, phase: str = "", number: int = 0) -> None:
        self.target = (phase, number)
        self.events: Counter[str] = Counter()
        self.inside: list[str] = []

    def event(self) -> None:
        phase = self.inside[0] if self.inside else ""
        self.events[phase] += 1
        if (phase, self.events[phase]) == self.target:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*arguments: Any, **options: Any) -> Any:
            self.inside.append(phase)
            try:
                self.event()
                return function(*arguments, **options)
            finally:
                self.inside.pop()

        return watched


class DyingLayer(CrashingLayer):
    """Tells the reaper of every primitive."""

    def __init__(self, reaper: Reaper) -> None:
        super().__init__()
        self.reaper = reaper

    def call(self, name: str, *arguments: Any) -> Any:
        result = super().call(name, *arguments)
        self.reaper.event()
        return result


class DyingRunner(SilentRunner):
    """Tells the reaper of every command."""

    def __init__(self, reaper: Reaper) -> None:
        super().__init__()
        self.reaper = reaper

    def run(self, argv: Sequence[str], stdin: Any = None, env: Any = None, timeout: float = 300.0) -> Result:
        self.reaper.event()
        return super().run(argv, stdin, env, timeout)


def steps_of(world: World, breaks: bool) -> list[Step]:
    checked = Step(
        "checked", [SetState.file("/etc/app/checked.conf", b"checked\n")], [Validator(("true",)), Validator(("true",))]
    )
    return [checked, *world.steps(breaks)]


def module_call(world: World, reaper: Reaper, breaks: bool) -> None:
    """What a module does, in a process that watches itself."""
    for phase, places in PHASES.items():
        for owner, name in places:
            setattr(owner, name, reaper.watch(phase, getattr(owner, name)))
    mine = world.on(DyingLayer(reaper), DyingRunner(reaper))
    mine.transaction("killed" if not mine.journal().unfinished() else "second").run(steps_of(mine, breaks), atomic=True)


def in_a_process(work: Callable[[], Counter[str]]) -> tuple[bool, Counter[str]]:
    """Whether the process was killed, and the events that it counted where it was not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            counted = work()
            os.write(writing, repr(dict(counted)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    _pid, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or os.WEXITSTATUS(status) == 0, "the module call failed by itself"
    return killed, Counter(eval(text)) if text else Counter()  # noqa: S307  # our own child's repr of numbers


def call(world: World, phase: str, number: int) -> tuple[bool, Counter[str]]:
    """A module call that is killed in the phase after so many events; 0: never."""

    def work() -> Counter[str]:
        reaper = Reaper(phase, number)
        module_call(world, reaper, CALLS.get(phase) == "breaks")
        return reaper.events

    return in_a_process(work)


def prepared(directory: Path, phase: str) -> World:
    world = World(directory).build()
    if CALLS.get(phase) == "after a kill":
        killed, _events = call(world, "applying", 15)
        assert killed
    return world


def brought_back(world: World) -> None:
    """The next call recovers; what had been committed before the kill is undone by its operator."""
    again = world.on(CrashingLayer())
    again.transaction("next").run([])
    for info in again.journal().runs():
        if info.state == "committed":
            undo.undo(again.transaction("undo"), undo.Request(info.run))
    assert again.journal().unfinished() == []


@pytest.mark.parametrize("phase", list(PHASES))
def test_killed_in_every_phase_and_brought_back(phase: str, tmp_path: Path) -> None:
    counting = prepared(tmp_path / "counting", phase)
    killed, events = call(counting, phase, 0)
    assert not killed
    total = events[phase]
    assert total, f"the call never comes into the phase {phase}"
    chance = random.Random(f"{SEED} {phase}")  # noqa: S311  # repeatable, not secret
    hits = 0
    for number in range(KILLS_PER_PHASE):
        event = chance.randint(1, total)
        world = prepared(tmp_path / str(number), phase)
        before = World(tmp_path / f"before-{number}").build().manifest()
        killed, _events = call(world, phase, event)
        hits += killed
        brought_back(world)
        assert world.manifest() == before, f"killed after event {event} of {total} in {phase}"
    print(f"{phase}: {hits} kills, {total} events")
    assert hits >= 5
