# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real process is killed in the middle; another real process brings the host back. Seeded; hits per phase printed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import engine_driver
from engine_world import World
from faulty_layers import CrashingLayer

KILLS = 12
PHASES = ("journal", "apply", "recover")


def phase_of(world: World) -> str:
    """Where the process was when it died."""
    records = world.journal().records()
    if not records or records[-1].state == "":
        return "journal"
    return {"open": "apply", "reverting": "recover"}.get(records[-1].state, "end")


def test_killed_processes_are_put_back(tmp_path: Path) -> None:
    """Kills are spread over journalling, applying and recovering; each phase has to be hit."""
    chance = random.Random(20261124)  # noqa: S311  # repeatable, not secret
    counting = CrashingLayer()
    World(tmp_path / "count").build().on(counting).transaction().run(World(tmp_path / "count").steps(), atomic=True)
    journalled = counting.calls.index("write_pseudo")
    hits: Counter[str] = Counter()
    for number in range(KILLS):
        world = World(tmp_path / str(number)).build()
        before = world.manifest()
        first = chance.randrange(1, 130) if number % 3 == 0 else chance.randrange(150, journalled)
        assert engine_driver.step_and_kill(world.directory, "apply", first)
        hits[phase_of(world)] += 1
        if number % 3 == 2 and engine_driver.step_and_kill(world.directory, "recover", chance.randrange(8, 14)):
            hits[phase_of(world)] += 1
        world.transaction("run-9").run([])
        assert world.manifest() == before
        assert not world.journal().unfinished()
    print(f"killed {sum(hits.values())} times: {dict(hits)}")
    assert all(hits[phase] for phase in PHASES), f"a phase was never hit: {dict(hits)}"
