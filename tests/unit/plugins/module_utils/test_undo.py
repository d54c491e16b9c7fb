# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo by a person, and putting back after a kill: what comes back, what is refused, what is saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import switch
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Reload, Step
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import SetState
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.evenkeel.ops.plugins.module_utils.recovery import put_back
from ansible_collections.evenkeel.ops.plugins.module_utils.retention import Retention
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Confirm, Refused
from ansible_collections.evenkeel.ops.plugins.module_utils.undo import Conflicting, Request, Undone, list_runs, undo
from engine_world import SilentRunner, World

FILE = "/etc/app/main.conf"


def write(world: World, run: str, content: bytes, path: str = FILE, **options: Any) -> None:
    """A run that writes one file."""
    reloads = [Reload(("reload", "app"))]
    world.transaction(run, **options).run([Step(run, [SetState.file(path, content)], reloads=reloads)])


def take_back(world: World, wanted: str, own: str = "undo-1", **options: Any) -> Undone:
    """Undo, as the module does."""
    check_mode = options.pop("check_mode", False)
    return undo(world.transaction(own, scope="undo", check_mode=check_mode), Request(wanted, **options))


def content(world: World, path: str = FILE) -> bytes:
    """What the host has there now."""
    return (world.root / path.lstrip("/")).read_bytes()


def test_a_run_comes_back_byte_for_byte_and_is_reloaded(tmp_path: Path) -> None:
    """All that the world's steps changed, over two calls of one run."""
    runner = SilentRunner()
    world = World(tmp_path, runner=runner).build()
    before = world.manifest()
    world.transaction("run-1").run(world.steps()[:2])
    world.transaction("run-1").run(world.steps()[2:])
    runner.asked.clear()
    done = take_back(world, "run-1")
    assert world.manifest() == before
    assert done.runs == ["run-1"]
    assert f"path {FILE}" in done.restored
    assert done.kept == []
    assert runner.asked == [("reload", "app")]
    assert [(info.run, info.state) for info in world.journal().runs()] == [("undo-1", "committed"), ("run-1", "undone")]


def test_an_undo_can_be_undone(tmp_path: Path) -> None:
    """By its own id; then the run stands again."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps())
    after = world.manifest()
    take_back(world, "run-1")
    take_back(world, "undo-1", "undo-2")
    assert world.manifest() == after
    assert {info.run: info.state for info in world.journal().runs()} == {
        "run-1": "committed", "undo-1": "undone", "undo-2": "committed"
    }  # fmt: skip


def test_last_goes_further_back_each_time(tmp_path: Path) -> None:
    """It is the newest run that stands and is no undo."""
    world = World(tmp_path).build()
    first = content(world)
    for number in (1, 2, 3):
        write(world, f"run-{number}", b"%d" % number)
    assert take_back(world, "last", "undo-1").runs == ["run-3"]
    assert content(world) == b"2"
    assert take_back(world, "last", "undo-2").runs == ["run-2"]
    assert take_back(world, "last", "undo-3").runs == ["run-1"]
    assert content(world) == first
    done = take_back(world, "last", "undo-4")
    assert (done.runs, done.outcome.changed) == ([], False)


def test_later_runs_come_first_and_are_named(tmp_path: Path) -> None:
    """Also with force; when the later one is undone, the way is free."""
    world = World(tmp_path).build()
    write(world, "run-1", b"1")
    write(world, "run-2", b"2", scope="role/other")
    for force in (False, True):
        with pytest.raises(Conflicting, match=r"undone first: run-2 \(role/other\)") as refused:
            take_back(world, "run-1", force=force)
        assert refused.value.later == ["run-2"]
    assert content(world) == b"2"
    take_back(world, "run-2")
    assert take_back(world, "run-1", "undo-2").restored == [f"path {FILE}"]


def test_what_somebody_else_changed_is_listed_and_left(tmp_path: Path) -> None:
    """Until it is forced; nothing else is touched before."""
    world = World(tmp_path).build()
    before = world.manifest()
    world.transaction("run-1").run(world.steps())
    (world.root / "etc/app/main.conf").write_bytes(b"by hand")
    changed = world.manifest()
    for check_mode in (True, False):
        with pytest.raises(Conflicting, match="Somebody else changed 1 of these since: /etc/app/main.conf") as refused:
            take_back(world, "run-1", check_mode=check_mode)
        assert refused.value.conflicts == [{"kind": "path", "target": FILE, "reason": "changed by somebody else since"}]
    assert world.manifest() == changed
    done = take_back(world, "run-1", force=True)
    assert [item["target"] for item in done.overwritten] == [FILE]
    assert world.manifest() == before
    take_back(world, "undo-1", "undo-2")
    assert content(world) == b"by hand", "what was overwritten is in the undo's own journal"


def test_what_was_put_back_by_hand_is_no_conflict(tmp_path: Path) -> None:
    """A run whose traces are gone already can be called undone."""
    world = World(tmp_path).build()
    first = content(world)
    write(world, "run-1", b"1")
    (world.root / "etc/app/main.conf").write_bytes(first)
    done = take_back(world, "run-1")
    assert (done.restored, done.outcome.changed) == ([], False)
    assert world.journal().standing()[0].run == "undo-1"


def test_one_scope_of_a_run(tmp_path: Path) -> None:
    """The role with its areas, and nothing else."""
    world = World(tmp_path).build()
    write(world, "run-1", b"1", "/etc/a", scope="hardening/sshd")
    write(world, "run-1", b"1", "/etc/b", scope="hardening")
    write(world, "run-1", b"1", "/etc/c", scope="hardening2")
    assert take_back(world, "run-1", scope="hardening/sshd").restored == ["path /etc/a"]
    assert take_back(world, "last", "undo-2", scope="hardening").restored == ["path /etc/b"]
    assert content(world, "/etc/c") == b"1"
    assert [info.run for info in list_runs(world.journal(), "hardening2")] == ["run-1"]
    assert list_runs(world.journal(), "hard") == []


def test_the_pristine_state_outlives_forgotten_runs(tmp_path: Path) -> None:
    """Content, mode, absence: as before the first touch."""
    world = World(tmp_path).build()
    before = world.manifest()
    world.transaction("run-1").run(world.steps())
    for number in (2, 3, 4):
        write(world, f"run-{number}", b"%d" % number, retention=Retention(runs=1))
    assert [info.run for info in world.journal().runs()] == ["run-4"]
    done = take_back(world, "pristine")
    assert world.manifest() == before
    assert "path /etc/app/new/deep/file.conf" in done.restored
    assert take_back(world, "pristine", "undo-2").restored == []


def test_pristine_respects_what_others_did(tmp_path: Path) -> None:
    """Also where the run that touched it is forgotten; and what was undone is nobody's any more."""
    world = World(tmp_path).build()
    write(world, "run-1", b"1", "/etc/a")
    write(world, "run-2", b"1", "/etc/b", retention=Retention(runs=1))
    (world.root / "etc/a").write_bytes(b"by hand")
    with pytest.raises(Conflicting, match="/etc/a"):
        take_back(world, "pristine")
    take_back(world, "pristine", force=True)
    assert not (world.root / "etc/a").exists()
    (world.root / "etc/b").write_bytes(b"somebody's own now")
    write(world, "run-3", b"1", "/etc/c", retention=Retention(runs=1))
    assert [info.run for info in world.journal().runs()] == ["run-3"]
    take_back(world, "run-3", "undo-3")
    assert take_back(world, "pristine", "undo-2").restored == []
    assert content(world, "/etc/b") == b"somebody's own now"


def test_check_mode_predicts_and_touches_nothing(tmp_path: Path) -> None:
    """The same targets, in the same order, with the same differences."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps())
    after = world.manifest()
    predicted = take_back(world, "last", check_mode=True)
    assert world.manifest() == after
    assert [info.run for info in world.journal().runs()] == ["run-1"]
    done = take_back(world, "last")
    assert predicted.restored == done.restored
    assert predicted.outcome.diff == done.outcome.diff
    assert predicted.outcome.changed


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """What was a secret to the run is one to its undo."""
    world = World(tmp_path).build()
    steps = [Step("s", [SetState.file(FILE, b"hunter2-hunter2")], secret=True)]
    world.transaction("run-1").run(steps)
    done = take_back(world, "last")
    assert "hunter2" not in repr(done.outcome.diff)
    assert "before \\xff" not in repr(done.outcome.diff)
    assert "sha256" in done.outcome.diff[0]["before"]


def test_an_unknown_run_is_refused(tmp_path: Path) -> None:
    """With what is allowed."""
    world = World(tmp_path).build()
    write(world, "run-1", b"1")
    with pytest.raises(Refused, match="run is 'run-7'.*allowed are last, pristine"):
        take_back(world, "run-7")


def test_a_directory_that_others_use_is_kept(tmp_path: Path) -> None:
    """And the ones above it; all else goes."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps())
    (world.root / "etc/app/new/deep/foreign").write_bytes(b"not ours")
    done = take_back(world, "run-1")
    assert done.kept == ["path /etc/app/new/deep", "path /etc/app/new"]
    assert [path.name for path in (world.root / "etc/app/new/deep").iterdir()] == ["foreign"]


def test_one_way_switches_need_a_reboot(tmp_path: Path) -> None:
    """They are listed and not attempted."""
    world = World(tmp_path).build()
    value = SetState.value("/proc/sys/net/ipv4/ip_forward", "1", one_way=True)
    world.transaction("run-1").run([Step("s", [value, SetState.file("/etc/a", b"1")])])
    done = take_back(world, "last")
    assert done.reboot_required == ["kernel_value /proc/sys/net/ipv4/ip_forward"]
    assert done.restored == ["path /etc/a"]
    assert content(world, "/proc/sys/net/ipv4/ip_forward") == b"1\n"


def test_a_file_that_acts_until_the_next_boot_is_put_back(tmp_path: Path) -> None:
    """What it did to the kernel ends with the reboot; the file itself must not come into force again."""
    world = World(tmp_path).build()
    change = SetState.file("/etc/locked", b"-e 2")
    change.one_way = True
    world.transaction("run-1").run([Step("s", [change])])
    done = take_back(world, "last")
    assert done.reboot_required == done.restored == ["path /etc/locked"]
    assert not (world.root / "etc/locked").exists()


def test_an_undo_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing; the run still stands."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps())
    after = world.manifest()
    real = KINDS["meta"].put

    def resist(target: str, state: dict[str, Any], *more: Any) -> None:
        if state.get("mode") == 0o604:
            raise PermissionError(1, "Operation not permitted", target)
        real(target, state, *more)

    monkeypatch.setattr(KINDS["meta"], "put", resist)
    done = take_back(world, "run-1")
    assert done.outcome.failed
    assert "/etc/meta.conf" in done.outcome.steps[0].error
    assert done.restored == []
    assert world.manifest() == after
    assert [record.run for record in world.journal().standing()] == ["run-1"]


def test_undoing_what_could_lock_out_is_guarded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way back can cut off as well."""

    def arm(record: Any, confirm: Any, host: Any) -> switch.Armed:
        record.move("open", "armed")
        return switch.Armed(confirm.deadline, record.id)

    world = World(tmp_path).build()
    world.transaction("run-1").run([Step("s", [SetState.file(FILE, b"1")], access=True)])
    monkeypatch.setattr(switch, "arm", arm)
    done = undo(world.transaction("undo-1", confirm=Confirm(90)), Request("last"))
    assert done.outcome.armed
    assert [record.run for record in world.journal().standing()] == ["run-1"], "not undone before it is confirmed"
    world.journal().record("undo-1", 1).move("armed", "confirmed")
    assert [record.run for record in world.journal().standing()] == ["undo-1"]


# --- after a kill ---


def killed(world: World, run: str = "run-1") -> Any:
    """A record whose call died when all was applied."""
    record = world.journal().record(run, 1)
    record.write_state("open")
    Path(record.path, "after.jsonl").unlink()
    return record


def test_a_kill_is_put_back_whatever_stands_in_the_way(tmp_path: Path) -> None:
    """What somebody else made since is saved beside the journal first."""
    world = World(tmp_path).build()
    before = world.manifest()
    world.transaction("run-1").run(world.steps())
    (world.root / "etc/app/main.conf").write_bytes(b"by hand")
    (world.root / "etc/was_directory").unlink()
    (world.root / "etc/was_directory").mkdir()
    (world.root / "etc/link").unlink()
    (world.root / "etc/link").mkdir()
    (world.root / "etc/link/inside").write_bytes(b"in the way")
    record = killed(world)
    done = put_back(record)
    assert done.failed == []
    assert world.manifest() == before
    assert record.state == "reverted"
    saved = {path.read_bytes() for path in Path(record.path, "foreign").iterdir()}
    assert saved == {b"by hand", b"in the way"}
    lines = [json.loads(line) for line in Path(record.path, "foreign.jsonl").read_text().splitlines()]
    assert {line["target"] for line in lines} >= {FILE, "/etc/link", "/etc/link/inside"}
    assert f"path {FILE}" in done.foreign_saved


def test_a_directory_with_foreign_files_survives_a_kill(tmp_path: Path) -> None:
    """It is kept and listed; the record is at its end."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps())
    (world.root / "etc/app/new/deep/foreign").write_bytes(b"not ours")
    record = killed(world)
    done = put_back(record)
    assert done.kept == ["path /etc/app/new/deep", "path /etc/app/new"]
    assert record.state == "reverted"


def test_a_careful_restore_touches_nothing_on_a_conflict(tmp_path: Path) -> None:
    """For those who restore a record themselves and do not want to force it."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps())
    (world.root / "etc/app/main.conf").write_bytes(b"by hand")
    after = world.manifest()
    done = world.journal().record("run-1", 1).restore(force=False)
    assert [item["target"] for item in done.conflicts] == [FILE]
    assert world.manifest() == after


def test_at_boot_nothing_is_reloaded(tmp_path: Path) -> None:
    """The programs are not running yet."""
    runner = SilentRunner()
    world = World(tmp_path, runner=runner).build()
    world.transaction("run-1").run(world.steps())
    runner.asked.clear()
    put_back(killed(world), reload=False)
    assert runner.asked == []


def test_force_is_the_way_out_of_what_cannot_be_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is given up, and later runs are possible again."""
    world = World(tmp_path).build()
    steps = [Step("s", [SetState.value("/proc/sys/net/ipv4/ip_forward", "1"), SetState.file("/etc/a", b"1")])]
    world.transaction("run-1").run(steps)
    killed(world)

    def resist(*_arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", "ip_forward")

    monkeypatch.setattr(KINDS["kernel_value"], "put", resist)
    with pytest.raises(Refused, match="cannot be put back"):
        take_back(world, "run-1")
    take_back(world, "run-1", force=True)
    assert not (world.root / "etc/a").exists()
    assert world.journal().record("run-1", 1).state == "reverted"
    assert world.transaction("run-2").run([Step("s", [SetState.file("/etc/b", b"1")])]).changed
