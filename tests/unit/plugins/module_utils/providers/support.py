# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory that stands for a host, and a real transaction over it: what every provider's test needs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from ansible_collections.evenkeel.ops.plugins.module_utils.controls_engine import shared_directories
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from ansible_collections.evenkeel.ops.plugins.module_utils.lock import HostLock
from ansible_collections.evenkeel.ops.plugins.module_utils.providers import spec as specs
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    Control,
    Plan,
    Planned,
    Provider,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Outcome, Transaction

STATE_DIR = "/var/lib/evenkeel"
SCOPE = "test/unit"

# What a command answers: its output, or (return code, output, error), or a function of argv and stdin that gives them.
Answer = Union[str, "tuple[int, str, str]", Callable[[Sequence[str], "str | None"], "str | tuple[int, str, str]"]]


class FakeRunner(Runner):
    """Answers from a table of argv prefixes, the longest first; a command that is not in it is no such program."""

    def __init__(self, answers: Mapping[tuple[str, ...], Answer] | None = None) -> None:
        self.answers = dict(answers or {})
        self.calls: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], *args: Any, **options: Any) -> Result:
        """Look the answer up and remember that it was asked."""
        self.calls.append(tuple(argv))
        stdin = args[0] if args else options.get("stdin")
        for prefix in sorted(self.answers, key=len, reverse=True):
            if tuple(argv[: len(prefix)]) == prefix:
                answer = self.answers[prefix]
                said = answer(argv, stdin) if callable(answer) else answer
                return Result(tuple(argv), 0, said, "") if isinstance(said, str) else Result(tuple(argv), *said)
        return Result(tuple(argv), 127, "", f"{argv[0]}: no such program")


class Workbench:
    """A host below `root`, with its journal in `root`/var/lib/evenkeel."""

    def __init__(self, root: Path, answers: Mapping[tuple[str, ...], Answer] | None = None, scope: str = SCOPE) -> None:
        self.root = root
        self.runner = FakeRunner(answers)
        self.host = Host(str(root), runner=self.runner)
        self.scope = scope
        self.runs = 0
        Path(self.host.path(STATE_DIR)).parent.mkdir(parents=True, exist_ok=True)

    @property
    def journal(self) -> Journal:
        """The host's journal."""
        return Journal(self.host.path(STATE_DIR), self.host)

    def planned(self, **known: Any) -> Planned:
        """What a call knows."""
        return Planned(scope=self.scope, state_dir=STATE_DIR, **known)

    def write(self, path: str, content: str | bytes = "", mode: int = 0o644) -> Path:
        """Make a file of the host."""
        place = Path(self.host.path(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        place.chmod(mode)
        return place

    def read(self, path: str) -> bytes | None:
        """A file of the host, or None."""
        place = Path(self.host.path(path))
        return place.read_bytes() if place.exists() else None

    def plan(self, provider: type[Provider], controls: Sequence[Control], **known: Any) -> Plan:
        """What the provider would do."""
        return provider(self.host, self.planned(**known)).plan(controls)

    def run(self, provider: type[Provider], controls: Sequence[Control], check: bool = False) -> tuple[Plan, Outcome]:
        """Plan, then carry it out as one transaction (in check mode: predict it)."""
        plan = self.plan(provider, controls)
        self.runs += 1
        state_dir = self.host.path(STATE_DIR)
        run = f"20260101T000000Z-test-{self.runs:08x}"
        transaction = Transaction(
            self.journal,
            HostLock(state_dir, self.host.fs),
            run,
            self.scope,
            "tester@unit",
            "controls",
            self.host,
            check_mode=check,
        )
        return plan, transaction.run([*shared_directories(plan.steps), *plan.steps])

    def undo(self, records: int = 0) -> None:
        """Put the records back, the newest first, down to the first so many."""
        for record in reversed(self.journal.records()[records:]):
            restored = record.restore(force=True)
            assert not restored.conflicts, restored

    def tree(self) -> dict[str, tuple[Any, ...]]:
        """Everything of the host but the state directory: type, mode, owner, content, extended attributes."""
        found: dict[str, tuple[Any, ...]] = {}
        skip = Path(self.host.path(STATE_DIR))
        for directory, names, files in os.walk(self.root):
            names[:] = [name for name in names if Path(directory, name) != skip]
            for name in [*names, *files]:
                place = Path(directory, name)
                found[str(place.relative_to(self.root))] = describe(place)
        return found


def describe(place: Path) -> tuple[Any, ...]:
    """All of one file that undo restores."""
    now = os.lstat(place)
    content: bytes | str | None = None
    if stat.S_ISREG(now.st_mode):
        content = place.read_bytes()
    elif stat.S_ISLNK(now.st_mode):
        content = str(place.readlink())
    names = os.listxattr(place, follow_symlinks=False)
    xattrs = {name: os.getxattr(place, name, follow_symlinks=False) for name in names}
    return now.st_mode, now.st_uid, now.st_gid, content, xattrs


def control(provider: type[Provider], identity: str = "one", /, **state: Any) -> Control:
    """A control with its defaults filled in; a state that the engine would refuse fails the test."""
    options = {
        key: state.pop(key)
        for key in ("risk", "secret", "one_way", "needs")
        if key in state and key not in provider.spec
    }
    full, faults = specs.check(provider.spec, state, provider.key)
    made = Control(identity, provider.key, full, **options)
    faults += [] if faults else provider.problems(made)
    assert not faults, faults
    return made


def faults_of(provider: type[Provider], **state: Any) -> list[str]:
    """What the engine would say of a state."""
    full, faults = specs.check(provider.spec, state, provider.key)
    return faults or provider.problems(Control("one", provider.key, full))


def assert_round_trip(bench: Workbench, provider: type[Provider], controls: Sequence[Control]) -> Plan:
    """Check mode predicts, apply then plan is empty, undo restores byte for byte; returns the first plan."""
    before, records = bench.tree(), len(bench.journal.records())
    _plan, predicted = bench.run(provider, controls, check=True)
    assert bench.tree() == before, "check mode changed something"
    plan, outcome = bench.run(provider, controls)
    assert [step.error for step in outcome.steps if not step.ok] == []
    assert predicted.changed == outcome.changed
    assert [step.step.name for step in predicted.steps] == [step.step.name for step in outcome.steps]
    again = bench.plan(provider, controls)
    assert again.steps == [], "a second run would change something"
    assert [name for name, verdict in again.verdicts.items() if verdict.status == CHANGE] == []
    bench.undo(records)
    assert bench.tree() == before, "undo did not restore the tree"
    return plan
