# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal writes, when, and what it refuses to begin."""

from __future__ import annotations

import errno
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import FileLayer
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import JournalFailed
from ansible_collections.evenkeel.ops.plugins.module_utils.planning import make_plan
from ansible_collections.evenkeel.ops.plugins.module_utils.record import Record
from ansible_collections.evenkeel.ops.plugins.module_utils.retention import Retention
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Refused
from engine_world import World


class FullDisk(FileLayer):
    """Takes so many bytes below `below`, then none."""

    def __init__(self, below: Path, room: int) -> None:
        self.below, self.room = str(below), room
        self.reserved = 0
        self.paths: dict[int, str] = {}

    def create(self, path: str, mode: int = 0o600) -> int:
        fd = super().create(path, mode)
        self.paths[fd] = path
        return fd

    def write(self, fd: int, content: Any) -> int:
        if self.paths.get(fd, "").startswith(self.below):
            self.room -= len(content)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fd, content)

    def reserve(self, fd: int, size: int) -> None:
        if size > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= size
        self.reserved = size

    def unlink(self, path: str) -> None:
        super().unlink(path)
        if path.endswith("/reserve"):
            self.room += self.reserved


def begin(world: World, run: str = "run-1", **more: Any) -> Record:
    """A record over the world's steps."""
    plan = make_plan(world.steps(), world.host)
    return world.journal().begin(run, "role/area", "ops@controller", "test", plan.entries(), plan.contents, **more)


def test_everything_is_written_before_anything_is_changed(tmp_path: Path) -> None:
    """Entries with before and intended state, blobs, and a record that is open."""
    world = World(tmp_path).build()
    before = world.manifest()
    record = begin(world)
    assert world.manifest() == before
    assert record.state == "open"
    by_target = {entry["target"]: entry for entry in record.entries}
    main = by_target["/etc/app/main.conf"]
    assert main["before"]["mode"] == 0o640
    assert record.blobs.get(main["before"]["digest"]).startswith(b"before")
    assert main["intended_after"] is not None
    assert main["intended_after"]["size"] == 6
    assert by_target["/etc/new"]["before"] == {"type": "absent"}
    assert by_target["/etc/was_file"]["intended_after"] == {"type": "directory", "mode": 0o711}
    assert [item["argv"] for item in record.reloads()] == [["reload", "app"]]
    assert by_target["/etc/was_file/inner"]["secret"]


def test_the_journal_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """It holds what was in files that others may not read."""
    world = World(tmp_path).build()
    begin(world)
    for path in [world.state_dir, *world.state_dir.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_run_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    """Not even the directory; and after a run that did, nothing more."""
    world = World(tmp_path).build()
    assert not world.transaction().run([]).changed
    assert not world.state_dir.exists()
    assert world.transaction().run(world.steps()).changed
    written = {path: path.stat().st_mtime_ns for path in world.state_dir.rglob("*")}
    outcome = world.transaction("run-2").run(world.steps())
    assert not outcome.changed
    assert outcome.record == ""
    assert {path: path.stat().st_mtime_ns for path in world.state_dir.rglob("*")} == written


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """Wherever the disk is full: one sentence, the host as before, no half record, no pristine state that is none."""
    ends = []
    for room in range(0, 200_000, 700):
        world = World(tmp_path / str(room)).build()
        before = world.manifest()
        full = world.on(FullDisk(world.state_dir, room))
        try:
            outcome = full.transaction().run(full.steps(), atomic=True)
        except Refused as refused:
            ends.append("refused")
            assert "nothing was changed" in str(refused)
            assert "make room" in str(refused)
            assert not list(world.state_dir.glob("runs/*"))
            assert not list(world.state_dir.glob("pristine/*.json"))
        else:
            ends.append("put back" if outcome.failed else "done")
            if not outcome.failed:
                break
            # The journal fitted, the record of its end did not.
            assert "make room" in outcome.steps[0].error
        assert world.manifest() == before, room
    print(f"full disk: {len(ends)} sizes, {sorted(set(ends))}")
    assert set(ends) == {"refused", "put back", "done"}


def test_a_journal_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The path and the remedy, and the host untouched."""
    world = World(tmp_path).build()
    world.state_dir.write_bytes(b"no directory")
    with pytest.raises(Refused, match="state: something else stands there"):
        world.transaction().run(world.steps())


@pytest.mark.parametrize("run", ["", "../up", "a/b", ".hidden", "x" * 200, "sp ace"])
def test_a_run_id_is_a_file_name(tmp_path: Path, run: str) -> None:
    """Anything else is refused before it becomes a path."""
    world = World(tmp_path).build()
    with pytest.raises(JournalFailed, match="run is"):
        world.journal().begin(run, "s", "w", "m", [], MemoryBlobs())


def test_states_are_compared_and_swapped(tmp_path: Path) -> None:
    """Of two who move a record from one state only one succeeds."""
    world = World(tmp_path).build()
    record = begin(world)
    assert record.move("open", "armed")
    assert not record.move("open", "committed")
    assert record.move("armed", "confirmed")
    assert not record.move("armed", "reverting")
    assert world.journal().record("run-1", 1).state == "confirmed"


def test_what_a_killed_call_left(tmp_path: Path) -> None:
    """Open, reverting, and armed before all was applied; not what waits for its confirmation."""
    world = World(tmp_path).build()
    opened, armed, waiting = begin(world, "a"), begin(world, "b"), begin(world, "c")
    armed.move("open", "armed")
    waiting.move("open", "armed")
    waiting.mark_after()
    assert [record.id for record in world.journal().unfinished()] == [armed.id, opened.id]
    found = world.journal().armed()
    assert found is not None


def test_a_half_record_does_not_count_and_is_swept(tmp_path: Path) -> None:
    """Without `state` nothing was changed under it."""
    world = World(tmp_path).build()
    record = begin(world)
    Path(record.path, "state").unlink()
    assert world.journal().records() == []
    world.journal().sweep()
    assert not Path(record.path).exists()
    with pytest.raises(KeyError):
        world.journal().record("run-1", 1)


def test_runs_are_told_as_a_person_wants_them(tmp_path: Path) -> None:
    """When, who, what, how much, and how it ended."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps()[:1])
    world.transaction("run-1", scope="role/other").run(world.steps()[1:])
    world.transaction("run-2").run(world.steps(breaks=True)[-1:], atomic=True)
    second, first = world.journal().runs()
    assert (first.run, first.transactions, first.state) == ("run-1", 2, "committed")
    assert (first.scopes, first.modules, first.who) == (["role/area", "role/other"], ["test"], "ops@controller")
    assert first.targets > 10
    assert first.bytes > 500
    assert first.started.endswith("Z")
    assert (second.run, second.state) == ("run-2", "reverted")


def test_a_damaged_blob_is_noticed(tmp_path: Path) -> None:
    """What was kept is what comes back, or nothing does."""
    world = World(tmp_path).build()
    record = begin(world)
    digest = next(entry["before"]["digest"] for entry in record.entries if "digest" in entry["before"])
    Path(record.path, "blobs", digest).write_bytes(b"damaged")
    with pytest.raises(KeyError):
        record.blobs.get(digest)


# --- retention ---


def change(world: World, run: str, content: bytes, **options: Any) -> None:
    """One more run."""
    from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Step
    from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import SetState

    world.transaction(run, **options).run([Step("s", [SetState.file("/etc/app/main.conf", content)])])


def test_the_oldest_runs_go_first(tmp_path: Path) -> None:
    """By count; the newest stays whatever the limits are."""
    world = World(tmp_path).build()
    for number in range(5):
        change(world, f"run-{number}", b"%d" % number, retention=Retention(runs=3))
    assert [info.run for info in world.journal().runs()] == ["run-4", "run-3", "run-2"]
    change(world, "run-5", b"5", retention=Retention(runs=0))
    assert [info.run for info in world.journal().runs()] == ["run-5"]


def test_size_counts_too(tmp_path: Path) -> None:
    """The contents that are kept stay below the limit."""
    world = World(tmp_path).build()
    for number in range(5):
        change(world, f"run-{number}", b"x" * (1000 + number), retention=Retention(bytes=2500))
    assert sum(info.bytes for info in world.journal().runs()) <= 2500
    assert world.journal().runs()[0].run == "run-4"


@pytest.mark.parametrize("state", ["armed", "open", "reverting"])
def test_what_is_not_at_its_end_is_never_dropped(tmp_path: Path, state: str) -> None:
    """An armed or unfinished record is needed to put the host back."""
    world = World(tmp_path).build()
    old = begin(world, "old")
    old.mark_after()
    old.write_state(state)
    if state == "armed":
        change(world, "old", b"1", retention=Retention(runs=0))
        assert "old" in [info.run for info in world.journal().runs()]
    else:
        from ansible_collections.evenkeel.ops.plugins.module_utils.retention import prune

        begin(world, "new")
        assert prune(world.journal(), Retention(runs=0)) == []


def test_pristine_states_outlive_the_runs(tmp_path: Path) -> None:
    """The first state, with its content, and the last one that was ours."""
    world = World(tmp_path).build()
    first = (world.root / "etc/app/main.conf").read_bytes()
    for number in range(3):
        change(world, f"run-{number}", b"%d" % number, retention=Retention(runs=1))
    pristine = world.journal().pristine
    (item,) = pristine.all()
    assert pristine.blobs.get(item["entry"]["before"]["digest"]) == first
    assert item["after"]["size"] == 1
    assert item["run"] == "run-0"
    assert json.dumps(item)
