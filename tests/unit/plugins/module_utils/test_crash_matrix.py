# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process dies after every single primitive; the next call brings the host back byte for byte."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import FileLayer
from ansible_collections.evenkeel.ops.plugins.module_utils.undo import Request, undo
from engine_world import Manifest, World
from faulty_layers import Crash, CrashingLayer, LossyLayer

MOST_PRIMITIVES = 3000
Act = Callable[[World], None]


def apply(world: World) -> None:
    """A call that comes through."""
    assert not world.transaction("run-1").run(world.steps(), atomic=True).failed


def fail(world: World) -> None:
    """A call whose last step breaks, so that it puts everything back itself."""
    assert world.transaction("run-1").run(world.steps(breaks=True), atomic=True).failed


def fail_in_part(world: World) -> None:
    """A call whose last step breaks and whose others stand."""
    assert world.transaction("run-1").run(world.steps(breaks=True)).failed


def undo_last(world: World) -> None:
    """A person's undo of the run before."""
    undo(world.transaction("run-2", scope="undo"), Request("last"))


def prepared(directory: Path, act: Act) -> World:
    """A host on which `act` can be done."""
    world = World(directory).build()
    if act is undo_last:
        apply(world.on(CrashingLayer()))
    return world


def ends(tmp_path: Path, act: Act) -> tuple[Manifest, Manifest]:
    """The manifests before `act` and after it came through."""
    world = prepared(tmp_path / "calm", act)
    before = world.manifest()
    act(world.on(CrashingLayer()))
    return before, world.manifest()


def crashes(
    tmp_path: Path, act: Act, layer: Callable[[int], CrashingLayer]
) -> Iterator[tuple[int, World, CrashingLayer]]:
    """`act` on fresh hosts, dead after primitive 1, 2, 3 … until it comes through."""
    for number in range(1, MOST_PRIMITIVES):
        fs = layer(number)
        world = prepared(tmp_path / str(number), act)
        try:
            act(world.on(fs))
        except Crash:
            yield number, world, fs
        else:
            print(f"{act.__name__}: died after each of {number - 1} primitives: {dict(fs.counts)}")
            return
    raise AssertionError(f"more than {MOST_PRIMITIVES} primitives")


def recover(world: World) -> None:
    """The next module call, which itself wants nothing."""
    world.transaction("run-3").run([])


def run_of(act: Act) -> str:
    """The run that `act` is journalled under."""
    return "run-2" if act is undo_last else "run-1"


def assert_whole(world: World, run: str, before: Manifest, after: Manifest, where: str) -> None:
    """The host is as before or, where the record was ended already, as after; and stays so."""
    ended = any(record.run == run and record.state == "committed" for record in world.journal().records())
    assert world.manifest() == (after if ended else before), where
    assert not world.journal().unfinished(), where


@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
@pytest.mark.parametrize("act", [apply, fail, fail_in_part, undo_last])
def test_killed_after_every_primitive(tmp_path: Path, act: Act, torn: bool) -> None:
    """Whatever was done when the process died is put back by the next call."""
    before, after = ends(tmp_path, act)
    for number, world, fs in crashes(tmp_path, act, lambda last: CrashingLayer(last, torn)):
        recover(world.on(CrashingLayer()))
        assert_whole(world, run_of(act), before, after, f"died after primitive {number}: {fs.calls[-1]}")
        again = CrashingLayer()
        recover(world.on(again))
        assert not again.calls, "a second recovery has nothing to do and writes nothing"


@pytest.mark.parametrize("keep", ["none", "some", "all"])
@pytest.mark.parametrize("act", [apply, fail, undo_last])
def test_power_cut_after_every_primitive(tmp_path: Path, act: Act, keep: str) -> None:
    """The same when the disk forgets what was never synced."""
    before, after = ends(tmp_path, act)
    chance = random.Random(4)  # noqa: S311  # repeatable, not secret

    def layer(last: int) -> LossyLayer:
        stash = tmp_path / f"stash-{last}"
        stash.mkdir()
        return LossyLayer(stash, last)

    for number, world, fs in crashes(tmp_path, act, layer):
        assert isinstance(fs, LossyLayer)
        fs.power_cut(world.directory, keep, chance)
        recover(world.on(CrashingLayer()))
        assert_whole(world, run_of(act), before, after, f"power cut after primitive {number}: {fs.calls[-1]}")


def test_recovery_dies_after_every_primitive_too(tmp_path: Path) -> None:
    """A recovery that is killed is finished by the next one, from wherever it came to."""
    before, _after = ends(tmp_path, apply)
    total = CrashingLayer()
    apply(prepared(tmp_path / "count", apply).on(total))
    longest = 0
    for first in range(len(total.calls) // 2, len(total.calls), 13):
        for second in range(1, MOST_PRIMITIVES):
            world = prepared(tmp_path / f"{first}-{second}", apply)
            with pytest.raises(Crash):
                apply(world.on(CrashingLayer(first)))
            try:
                recover(world.on(CrashingLayer(second)))
            except Crash:
                recover(world.on(CrashingLayer()))
                assert world.manifest() == before, f"died after {first}, its recovery after {second}"
                continue
            break
        longest = max(longest, second)
        print(f"killed after primitive {first}, its recovery after each of {second - 1}")
    assert longest > 60


def test_the_world_changes_everywhere(tmp_path: Path) -> None:
    """The scenario is worth its name: every path of it differs afterwards, and nothing temporary is left."""
    before, after = ends(tmp_path, apply)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert len(changed) > 15
    assert not [name for name in after if ".evenkeel-" in name]


def test_no_recovery_no_whole_host(tmp_path: Path) -> None:
    """Without recovery the same kill leaves the host between two states: the protection matters."""
    before, after = ends(tmp_path, apply)
    torn_hosts = sum(
        world.manifest() not in (before, after) for _number, world, _fs in crashes(tmp_path, apply, CrashingLayer)
    )
    assert torn_hosts > 20


def test_layers_see_every_primitive() -> None:
    """No primitive escapes the counting."""
    assert CrashingLayer.fsync_dir is not CrashingLayer.fsync_path
    assert FileLayer.fsync_dir is not FileLayer.fsync_path
