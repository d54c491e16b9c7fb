# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of things, what fails alone, what fails together, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import hold, staging, switch
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Reload, Step, Validator
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import RunTool, SetState
from ansible_collections.evenkeel.ops.plugins.module_utils.execution import needed
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import FileLayer
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Confirm, Outcome, Refused
from engine_world import SilentRunner, World


def one(name: str, path: str, content: bytes = b"new", **more: Any) -> Step:
    """A step that writes a file."""
    return Step(name, [SetState.file(path, content)], **more)


def oks(outcome: Outcome) -> dict[str, bool]:
    """Step by step."""
    return {result.step.name: result.ok for result in outcome.steps}


def says_no(*programs: str) -> SilentRunner:
    """A host on which these programs fail."""
    return SilentRunner(lambda argv: int(argv[0] in programs))


class Asks:
    """A probe or proof of the test's own."""

    def __init__(self, words: str = "", log: list[str] | None = None) -> None:
        self.words, self.log = words, log if log is not None else []

    def before(self, host: Host) -> None:
        self.log.append("before")

    def failure(self, host: Host) -> str:
        self.log.append("asked")
        return self.words


# --- not atomic: each for itself ---


def test_a_step_that_fails_is_put_back_alone(tmp_path: Path) -> None:
    """The others stand, and the run is recorded."""
    world = World(tmp_path).build()
    before = world.manifest()
    steps = [one("good", "/etc/good"), one("bad", "/etc/no/such/directory"), one("fine", "/etc/fine")]
    outcome = world.transaction().run(steps)
    assert oks(outcome) == {"good": True, "bad": False, "fine": True}
    assert outcome.steps[1].phase == "apply"
    assert "/etc/no/such" in outcome.steps[1].error
    assert set(world.manifest()) - set(before) == {"etc/good", "etc/fine"}
    assert outcome.changed
    assert world.journal().record("run-1", 1).state == "committed"
    assert [each["after_header"].split()[0] for each in outcome.diff] == ["/etc/good", "/etc/fine"]


def test_steps_that_share_a_target_fall_together(tmp_path: Path) -> None:
    """Content and metadata of one file are one thing when one of them has to go."""
    world = World(tmp_path, runner=says_no("bad")).build()
    before = world.manifest()
    steps = [
        one("content", "/etc/meta.conf", reloads=[Reload(("bad",))]),
        Step("mode", [SetState.meta("/etc/meta.conf", 0o600)]),
        one("other", "/etc/other"),
    ]
    outcome = world.transaction().run(steps)
    assert oks(outcome) == {"content": False, "mode": False, "other": True}
    assert "content" in outcome.steps[1].error
    after = world.manifest()
    assert after["etc/meta.conf"] == before["etc/meta.conf"]


def test_a_failing_reload_puts_its_steps_back_and_tells_the_program(tmp_path: Path) -> None:
    """Equal reloads are done once; the failing one again, with the old files."""
    runner = says_no("bad")
    world = World(tmp_path, runner=runner).build()
    steps = [
        one("a", "/etc/a", reloads=[Reload(("bad",))]),
        one("b", "/etc/b", reloads=[Reload(("fine",))]),
        one("c", "/etc/c", reloads=[Reload(("bad",)), Reload(("fine",))]),
    ]
    outcome = world.transaction().run(steps)
    assert oks(outcome) == {"a": False, "b": True, "c": False}
    assert outcome.steps[0].phase == "reload"
    assert "bad says no" in outcome.steps[0].error
    assert [argv for argv in runner.asked if argv == ("fine",)] == [("fine",)]
    assert runner.asked.count(("bad",)) == 3
    assert not (world.root / "etc/c").exists()


def test_when_nothing_stands_nothing_changed(tmp_path: Path) -> None:
    """Every step failed: the record ends as reverted."""
    world = World(tmp_path).build()
    before = world.manifest()
    outcome = world.transaction().run(world.steps(breaks=True)[-1:])
    assert outcome.failed
    assert not outcome.changed
    assert world.manifest() == before
    assert world.journal().record("run-1", 1).state == "reverted"


# --- atomic: all or nothing ---


@pytest.mark.parametrize("phase", ["apply", "reload", "proof", "probe"])
def test_whatever_fails_puts_all_back(tmp_path: Path, phase: str) -> None:
    """With the words of what failed, and a reload of the old files where the new ones had been loaded."""
    runner = says_no("reload") if phase == "reload" else SilentRunner()
    world = World(tmp_path, runner=runner).build()
    before = world.manifest()
    probes = [Asks("the site is down")] if phase == "probe" else []
    proofs = [Asks("no new worker")] if phase == "proof" else []
    outcome = world.transaction().run(world.steps(phase == "apply"), atomic=True, probes=probes, proofs=proofs)
    words = {"apply": "breaks", "reload": "reload says no", "proof": "no new worker", "probe": "the site is down"}
    assert words[phase] in outcome.steps[0].error
    assert not any(result.ok for result in outcome.steps)
    assert not outcome.changed
    assert outcome.diff == []
    assert world.manifest() == before
    assert world.journal().record("run-1", 1).state == "reverted"
    assert len(runner.asked) == (0 if phase == "apply" else 2)


def test_proofs_look_before_and_after_the_reload_and_probes_last(tmp_path: Path) -> None:
    """In this order."""
    log: list[str] = []

    class Logging(SilentRunner):
        def run(self, argv: Sequence[str], stdin: Any = None, env: Any = None, timeout: float = 300.0) -> Any:
            log.append("reload")
            return super().run(argv)

    world = World(tmp_path, runner=Logging()).build()
    world.transaction().run(world.steps(), atomic=True, probes=[Asks("", log)], proofs=[Asks("", log)])
    assert log == ["before", "reload", "asked", "asked"]


def test_a_fault_of_ours_leaves_nothing_behind(tmp_path: Path) -> None:
    """An exception that nobody expected puts all back and is not hidden."""

    class Faulty(Asks):
        def failure(self, host: Host) -> str:
            raise RuntimeError("a bug")

    world = World(tmp_path).build()
    before = world.manifest()
    with pytest.raises(RuntimeError, match="a bug"):
        world.transaction().run(world.steps(), probes=[Faulty()])
    assert world.manifest() == before
    assert world.journal().record("run-1", 1).state == "reverted"


# --- validation ---


def real(tmp_path: Path) -> World:
    """A world with real programs."""
    return World(tmp_path, runner=Runner()).build()


def test_validators_see_the_new_files_in_place_before_they_are(tmp_path: Path) -> None:
    """A refused file was never in force."""
    world = real(tmp_path)
    before = world.manifest()
    path = str(world.root / "etc/app/main.conf")
    good = Validator(("grep", "-q", "better", path))
    bad = Validator(("sh", "-c", f'echo "line 1: I saw $(cat {path})" >&2; exit 3'))
    outcome = world.transaction().run([one("bad", "/etc/app/main.conf", b"worse", validators=[bad])])
    assert outcome.steps[0].phase == "validate"
    assert "line 1: I saw worse" in outcome.steps[0].error
    assert world.manifest() == before
    assert oks(world.transaction().run([one("good", "/etc/app/main.conf", b"better", validators=[good])])) == {
        "good": True
    }


@pytest.mark.parametrize("atomic", [False, True])
def test_without_a_namespace_validation_comes_after_and_puts_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, atomic: bool
) -> None:
    """The files are in place for a moment, and gone again."""

    def refuse(*_arguments: Any) -> list[str]:
        raise staging.NamespaceRefused("not here")

    monkeypatch.setattr(staging, "validate", refuse)
    world = real(tmp_path)
    before = world.manifest()
    seen = tmp_path / "seen"
    bad = Validator(("sh", "-c", f"cp {world.root}/etc/new {seen}; exit 1"))
    outcome = world.transaction().run([one("bad", "/etc/new", b"was here", validators=[bad])], atomic=atomic)
    assert outcome.steps[0].phase == "validate"
    assert seen.read_bytes() == b"was here"
    assert world.manifest() == before


# --- check mode ---


def test_check_mode_predicts_and_touches_nothing(tmp_path: Path) -> None:
    """The same steps change, the same differences are shown, and no journal is made."""
    world = World(tmp_path).build()
    before = world.manifest()
    predicted = world.transaction(check_mode=True).run(world.steps())
    assert world.manifest() == before
    assert not world.state_dir.exists()
    real_run = world.transaction().run(world.steps())
    assert [step.changed for step in predicted.steps] == [step.changed for step in real_run.steps]
    assert predicted.changed
    assert [item["before"] for item in predicted.diff] == [item["before"] for item in real_run.diff]
    assert not world.transaction(check_mode=True).run(world.steps()).changed


def test_check_mode_says_what_a_real_run_would_meet(tmp_path: Path) -> None:
    """A hold, an armed run and what was killed: as warnings, because nothing is to be refused."""
    world = World(tmp_path).build()
    world.transaction().run(world.steps())
    record = world.journal().record("run-1", 1)
    record.write_state("open")
    outcome = world.transaction("run-2", check_mode=True).run([one("x", "/etc/x")])
    assert outcome.recovered == ["run-1/0001"]
    assert "first put back run-1/0001" in outcome.warnings[0]
    record.write_state("armed")
    outcome = world.transaction("run-2", check_mode=True).run([one("x", "/etc/x")])
    assert "armed by run run-1" in outcome.warnings[0]


def test_check_mode_of_an_atomic_one_validates(tmp_path: Path) -> None:
    """What a validator would refuse fails now; what is not installed yet is said."""
    world = real(tmp_path)
    bad = one("bad", "/etc/bad", validators=[Validator(("false",)), Validator(("no-such-program",))])
    outcome = world.transaction(check_mode=True).run([bad], atomic=True)
    assert outcome.failed
    assert outcome.warnings == ["Not validated: no-such-program is not installed yet."]


# --- refusals ---


def refused(world: World, steps: Sequence[Step], run: str = "run-2") -> str:
    """The words of a refusal that leaves the host as it is."""
    before = world.manifest()
    with pytest.raises(Refused) as error:
        world.transaction(run).run(steps, atomic=True)
    assert world.manifest() == before
    return str(error.value)


def test_a_host_on_hold_is_left_alone(tmp_path: Path) -> None:
    """With the reason and who said so; but what changes nothing is not refused."""
    world = World(tmp_path).build()
    world.state_dir.mkdir()
    hold.put(str(world.state_dir), hold.Hold("incident 7", "ops@console", "2026-11-24T02:00:00Z"))
    assert "incident 7" in refused(world, world.steps())
    assert not world.transaction().run([]).failed


def test_a_host_that_another_run_armed_is_left_alone(tmp_path: Path) -> None:
    """The run is named; the armed run itself may go on."""
    world = World(tmp_path).build()
    world.transaction("run-1").run(world.steps())
    world.journal().record("run-1", 1).write_state("armed")
    assert "armed by run run-1" in refused(world, [one("x", "/etc/x")])
    assert world.transaction("run-1").run([one("x", "/etc/x")]).changed


def test_a_fenced_run_is_over(tmp_path: Path) -> None:
    """Its controller may not know that the switch put it back."""
    world = World(tmp_path).build()
    world.state_dir.mkdir()
    switch.fence(str(world.state_dir), "run-2", world.host)
    assert "start a new run" in refused(world, world.steps())


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    """Nothing is touched while another call works."""
    world = World(tmp_path).build()
    with world.transaction("run-1").lock.held("run-1"):
        assert "run run-1" in refused(world, world.steps())


@pytest.mark.parametrize("path", ["relative", "/etc/../up", "/etc//twice", "/etc/nul\0", "/etc/"])
def test_paths_are_absolute_and_plain(tmp_path: Path, path: str) -> None:
    """The value is shown."""
    assert repr(path) in refused(World(tmp_path).build(), [one("x", path)])


def test_a_link_where_a_file_is_expected(tmp_path: Path) -> None:
    """Refused with where it leads, unless replacing it was asked for."""
    world = World(tmp_path).build()
    words = refused(world, [one("x", "/etc/link")])
    assert "/etc/link is a symbolic link to app/main.conf where a file is expected" in words
    step = Step("x", [SetState.file("/etc/link", b"f", replace=True)])
    assert world.transaction().run([step]).changed


def test_a_directory_or_pipe_where_a_file_is_expected(tmp_path: Path) -> None:
    """Refused by what it is."""
    world = World(tmp_path).build()
    os.mkfifo(world.root / "etc/pipe")
    assert "/etc/swap is a directory where a file is expected" in refused(world, [one("x", "/etc/swap")])
    assert "/etc/pipe is a device, socket or pipe" in refused(world, [one("x", "/etc/pipe")])
    (world.root / "etc/pipe").unlink()


def test_a_read_only_file_system(tmp_path: Path) -> None:
    """Said before anything is written, with the remedy."""

    class ReadOnly(FileLayer):
        def is_read_only(self, path: str) -> bool:
            return path.endswith("/etc/app")

    world = World(tmp_path).build().on(ReadOnly())
    words = refused(world, [one("x", "/etc/app/main.conf")])
    assert "/etc/app/main.conf is on a read-only file system; mount it read-write" in words
    assert not world.state_dir.exists()


def test_a_switch_that_cannot_guard_refuses_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the record, under which nothing was changed, is removed."""

    def cannot(*_arguments: Any) -> Any:
        raise switch.CannotArm("no systemd here")

    monkeypatch.setattr(switch, "arm", cannot)
    world = World(tmp_path).build()
    before = world.manifest()
    step = one("x", "/etc/x", access=True)
    with pytest.raises(Refused, match="no systemd here"):
        world.transaction(confirm=Confirm()).run([step])
    assert world.manifest() == before
    assert world.journal().records() == []


def test_arming_comes_between_journal_and_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where something with access risk changes; what waits has a deadline."""

    def arm(record: Any, confirm: Any, host: Host) -> switch.Armed:
        assert record.state == "open"
        assert not (world.root / "etc/x").exists()
        record.move("open", "armed")
        return switch.Armed(confirm.deadline, record.id)

    monkeypatch.setattr(switch, "arm", arm)
    world = World(tmp_path).build()
    assert world.transaction(confirm=Confirm(60)).run([one("safe", "/etc/safe")]).armed is None
    outcome = world.transaction(confirm=Confirm(60)).run([one("x", "/etc/x", access=True)])
    assert outcome.armed == {"deadline": 60, "record": "run-1/0002"}
    record = world.journal().record("run-1", 2)
    assert record.state == "armed"
    assert record.applied


# --- what was there before us ---


def test_what_a_killed_call_left_is_put_back_before_planning(tmp_path: Path) -> None:
    """The steps are made again from the host as it is then."""
    world = World(tmp_path).build()
    world.transaction("run-1").run([one("x", "/etc/meta.conf", b"half")])
    world.journal().record("run-1", 1).write_state("open")
    seen: list[bytes] = []

    def plan() -> list[Step]:
        seen.append((world.root / "etc/meta.conf").read_bytes())
        return [one("y", "/etc/y", seen[-1])]

    outcome = world.transaction("run-2").run(plan)
    assert outcome.recovered == ["run-1/0001"]
    assert seen == [b"half", b"meta\n"]
    assert (world.root / "etc/y").read_bytes() == b"meta\n"


def test_what_resists_being_put_back_stops_later_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the way out."""
    world = World(tmp_path).build()
    world.transaction("run-1").run([Step("v", [SetState.value("/proc/sys/net/ipv4/ip_forward", "1")])])
    world.journal().record("run-1", 1).write_state("open")

    def resist(*_arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", "/proc/sys/net/ipv4/ip_forward")

    with monkeypatch.context() as patched:
        patched.setattr(KINDS["kernel_value"], "put", resist)
        words = refused(world, [one("x", "/etc/x")])
    assert "ip_forward cannot be put back" in words
    assert "force: true" in words
    assert world.transaction("run-2").run([one("x", "/etc/x")]).recovered == ["run-1/0001"]


# --- tools and secrets ---


def test_a_tool_that_writes_by_itself_is_put_back(tmp_path: Path) -> None:
    """What it declared was captured before it ran."""
    world = real(tmp_path)
    before = world.manifest()
    script = f"cd {world.root}/etc && echo tool > meta.conf && rm link && echo x > made"
    touching = [("path", "/etc/meta.conf"), ("path", "/etc/link"), ("path", "/etc/made")]
    good = Step("tool", [RunTool(["sh", "-c", script], touching)])
    outcome = world.transaction().run([good])
    assert outcome.steps[0].changed
    assert "known when the tool has run" in outcome.diff[0]["after"]
    world.journal().record("run-1", 1).restore()
    assert world.manifest() == before
    bad = Step("tool", [RunTool(["sh", "-c", f"{script}; echo broken >&2; exit 9"], touching)])
    outcome = world.transaction("run-2").run([bad])
    assert "returned 9: broken" in outcome.steps[0].error
    assert world.manifest() == before


def test_a_tool_that_changes_nothing_is_no_change(tmp_path: Path) -> None:
    """Changed is what is different, not what was run."""
    world = real(tmp_path)
    outcome = world.transaction().run([Step("tool", [RunTool(["true"], [("path", "/etc/meta.conf")])])])
    assert not outcome.failed
    assert not outcome.changed


def test_secrets_are_digests_everywhere(tmp_path: Path) -> None:
    """In the difference, and in what a validator says of the file."""
    world = real(tmp_path)
    secret = b"password = correct-horse-battery\n"
    world.transaction().run([one("old", "/etc/secret", b"password = former-secret\n")])
    told = Validator(("sh", "-c", f'echo "bad line: $(cat {world.root}/etc/secret)" >&2; exit 1'))
    step = one("new", "/etc/secret", secret, secret=True, validators=[told])
    failed = world.transaction("run-2").run([step])
    step.validators = []
    done = world.transaction("run-3").run([step])
    said = repr((failed.steps[0].error, failed.diff, done.diff))
    assert "bad line" in said
    assert "sha256" in said
    assert "horse" not in said
    assert "former" not in said


def test_a_unit_that_is_restarted_is_not_reloaded_too() -> None:
    """Programs that have just started may die of a reload's signal."""
    restart = Reload(("systemctl", "restart", "a.service"), "")
    reloads = [restart, Reload(("systemctl", "reload", "--", "a.service"), "a.service"), restart]
    other = Reload(("systemctl", "reload", "--", "b.service"), "b.service")
    assert needed([*reloads, other]) == [restart, other]
