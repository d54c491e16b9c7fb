# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole call: phases, failures that stay apart, waivers, secrets, the score."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import controls_call, controls_engine, controls_input
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Step, StepOutcome
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import SetState
from ansible_collections.evenkeel.ops.plugins.module_utils.providers import base
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.file import File
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.sysctl import Sysctl
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Outcome


def params(root: Path, *controls: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The module's options; every path is below `root`, on the real machine."""
    return {"controls": list(controls), "state_dir": str(root / "state"), "scope": "test", "run": None, **more}


def setting(root: Path, name: str, key: str, value: Any, file: str = "app.conf", **more: Any) -> dict[str, Any]:
    """A control over a file below `root`."""
    state = {"file": str(root / file), "format": "keyvalue", "key": key, "value": value}
    return {"id": name, "setting": state, **more}


def statuses(answer: controls_call.Answer) -> dict[str, str]:
    """Status by id."""
    return {result["id"]: result["status"] for result in answer.values["results"]}


def test_check_apply_again(tmp_path: Path) -> None:
    """would_change, changed, compliant; check mode writes nothing, a second run neither."""
    wanted = params(tmp_path, setting(tmp_path, "a", "k", "1"), setting(tmp_path, "b", "x", "2", "other"))
    check = controls_call.serve(wanted, check_mode=True)
    assert statuses(check) == {"a": "would_change", "b": "would_change"} and check.changed
    assert list(tmp_path.iterdir()) == []
    real = controls_call.serve(wanted, check_mode=False)
    assert statuses(real) == {"a": "changed", "b": "changed"} and real.changed
    assert {item["after"] for item in real.diff} == {item["after"] for item in check.diff} == {"k=1\n", "x=2\n"}
    before = sorted(path for path in tmp_path.rglob("*"))
    again = controls_call.serve(wanted, check_mode=False)
    assert statuses(again) == {"a": "compliant", "b": "compliant"} and not again.changed
    assert again.values["score"] == 1.0 and again.values["records"] == []
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_bad_input_touches_nothing(tmp_path: Path) -> None:
    """The message ends by saying so."""
    answer = controls_call.serve(params(tmp_path, setting(tmp_path, "a", "k", False)), check_mode=False)
    assert "control a: setting.value is False" in answer.error and answer.error.endswith("Nothing was changed.")
    assert list(tmp_path.iterdir()) == []


def test_waived_controls_do_not_count(tmp_path: Path) -> None:
    """They are reported with their reason and are not in the score."""
    (tmp_path / "app.conf").write_text("k=1\n")
    answer = controls_call.serve(
        params(tmp_path, setting(tmp_path, "a", "k", "1"), waived={"w": "reason (me, until 2030-01-01)"}),
        check_mode=True,
    )
    assert statuses(answer) == {"a": "compliant", "w": "waived"}
    assert answer.values["score"] == 1.0 and answer.values["summary"]["waived"] == 1


def test_a_missing_need_is_not_applicable(tmp_path: Path) -> None:
    """With the reason; nothing is written for it."""
    control = setting(tmp_path, "a", "k", "1", needs={"path": str(tmp_path / "none")})
    answer = controls_call.serve(params(tmp_path, control), check_mode=False)
    assert statuses(answer) == {"a": "not_applicable"} and "there is no" in answer.values["results"][0]["reason"]
    assert answer.values["score"] is None


def test_a_secret_leaves_no_trace_in_the_answer(tmp_path: Path) -> None:
    """Digests in results, nothing in diff or reasons; the file has the value and its claims are private."""
    control = setting(tmp_path, "a", "TOKEN", "placeholder", secret=True)
    packed = json.dumps({"a": {"setting": {"value": "correct horse battery"}}})
    answer = controls_call.serve(params(tmp_path, control, secrets=packed), check_mode=False)
    assert "correct horse" in (tmp_path / "app.conf").read_text()
    assert "correct horse" not in repr(answer)
    assert answer.values["results"][0]["after"].startswith("sha256:")
    assert (tmp_path / "state" / "owned").stat().st_mode & 0o777 == 0o700


def test_a_validator_that_prints_a_secret_is_not_quoted(tmp_path: Path) -> None:
    """Its words come back with a digest in the secret's place, and the file is put back."""
    control = setting(tmp_path, "a", "TOKEN", "correct horse battery", secret=True)
    control["setting"]["validate"] = ["sh", "-c", "echo bad: correct horse battery >&2; exit 1"]
    answer = controls_call.serve(params(tmp_path, control), check_mode=False)
    assert "bad: " in answer.error and "correct horse" not in repr(answer)
    assert not (tmp_path / "app.conf").exists()


def test_what_is_shared_does_not_fail_with_the_first(tmp_path: Path) -> None:
    """A new directory that two files need is there for the second one."""
    bad = setting(tmp_path, "bad", "k", "1", "new/bad.conf")
    bad["setting"]["validate"] = ["false"]
    answer = controls_call.serve(params(tmp_path, bad, setting(tmp_path, "good", "k", "1", "new/good.conf")), False)
    assert statuses(answer) == {"bad": "failed", "good": "changed"}
    assert (tmp_path / "new" / "good.conf").read_text() == "k=1\n" and not (tmp_path / "new" / "bad.conf").exists()


def test_a_file_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    """The task fails at its end, with the others applied; `report` does not fail it."""
    (tmp_path / "link").symlink_to("elsewhere")
    wanted = params(tmp_path, setting(tmp_path, "bad", "k", "1", "link"), setting(tmp_path, "good", "k", "1"))
    answer = controls_call.serve(wanted, check_mode=False)
    assert statuses(answer) == {"bad": "failed", "good": "changed"}
    assert answer.error.startswith("1 of 2 controls failed: bad:") and "symbolic link" in answer.error
    assert controls_call.serve({**wanted, "on_failed": "report"}, check_mode=False).error == ""


def test_a_provider_that_breaks_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its controls fail with what it ran into."""

    def broken(self: File, controls: Sequence[base.Control]) -> base.Plan:
        raise RuntimeError("boom")

    monkeypatch.setattr(File, "plan", broken)
    bad = {"id": "bad", "file": {"path": str(tmp_path), "mode": "0700"}}
    answer = controls_call.serve(params(tmp_path, bad, setting(tmp_path, "good", "k", "1")), check_mode=False)
    assert statuses(answer) == {"bad": "failed", "good": "changed"} and "RuntimeError: boom" in answer.error


def test_a_mode_for_a_file_that_another_control_makes(tmp_path: Path) -> None:
    """One call settles both, and check mode knows."""
    mode = {"id": "m", "file": {"path": str(tmp_path / "app.conf"), "mode": "0600"}}
    wanted = params(tmp_path, mode, setting(tmp_path, "a", "k", "1"))
    assert statuses(controls_call.serve(wanted, check_mode=True)) == {"a": "would_change", "m": "would_change"}
    assert statuses(controls_call.serve(wanted, check_mode=False)) == {"a": "changed", "m": "changed"}
    assert (tmp_path / "app.conf").stat().st_mode & 0o777 == 0o600
    assert not controls_call.serve(wanted, check_mode=False).changed


def test_on_hold_nothing_is_touched(tmp_path: Path) -> None:
    """The refusal is the engine's own."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "hold").write_text("incident 7")
    answer = controls_call.serve(params(tmp_path, setting(tmp_path, "a", "k", "1")), check_mode=False)
    assert "on hold" in answer.error and not (tmp_path / "app.conf").exists()


def test_a_control_taken_out_is_let_go(tmp_path: Path) -> None:
    """Reported under released, with what became of it."""
    (tmp_path / "app.conf").write_text("k=old\n")
    controls_call.serve(params(tmp_path, setting(tmp_path, "a", "k", "1")), check_mode=False)
    answer = controls_call.serve(params(tmp_path), check_mode=False)
    assert [(item["id"], item["action"]) for item in answer.values["released"]] == [("a", "restored")]
    assert answer.changed and (tmp_path / "app.conf").read_text() == "k=old\n"


class Recorder:
    """Stands for the transaction: remembers the steps of each, and fails those it is told to."""

    def __init__(self, fails: dict[str, str] | None = None) -> None:
        self.fails = fails or {}
        self.calls: list[list[str]] = []

    def __call__(self, steps: Callable[[], Sequence[Step]]) -> Outcome:
        made = list(steps())
        self.calls.append([step.name for step in made])
        outcome = Outcome("run", changed=bool(made))
        for step in made:
            words = next((w for name, w in self.fails.items() if name in repr(step.changes)), "")
            outcome.steps.append(StepOutcome(step, not words, words))
        return outcome


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Providers that plan one step per control and say what they knew of planned packages."""
    seen: dict[str, list[str]] = {}

    def plan(self: base.Provider, controls: Sequence[base.Control]) -> base.Plan:
        seen[self.key] = sorted(self.planned.packages)
        if self.key == "package":
            self.planned.packages |= {"new"}
        plan = base.Plan()
        for control in controls:
            plan.verdicts[control.id] = base.Verdict(base.CHANGE, step=control.id)
            change = SetState.value(f"/proc/sys/{control.id}", "1")
            plan.steps.append(Step(control.id, [change], access=control.risk == "access"))
        return plan

    for provider in controls_engine.PROVIDERS.values():
        monkeypatch.setattr(provider, "plan", plan)
    return seen


MIXED = [
    {"id": "s", "service": {"name": "x", "enabled": True}},
    {"id": "c", "sysctl": {"key": "a.b", "value": 1}},
    {"id": "p", "package": {"name": "new"}},
    {"id": "k", "kernel_module": {"name": "m"}},
]


def engine(check_mode: bool, access: str = "") -> controls_engine.Controls:
    """A call of mixed kinds, of which one may cut off the operator."""
    planned = base.Planned(scope="test", state_dir="/nowhere")
    mixed = controls_input.read([{**each, "risk": "access" if each["id"] == access else "none"} for each in MIXED])
    return controls_engine.Controls(controls_call.Host(), planned, mixed, check_mode)


def test_what_others_build_on_comes_first(kinds: dict[str, list[str]]) -> None:
    """Packages, then modules, then the rest: in transactions of their own, because each brings files of its own."""
    recorder = Recorder()
    report = engine(check_mode=False).run(recorder, {})
    assert recorder.calls == [["p"], ["k"], ["c", "s"]]
    assert {result["status"] for result in report.results} == {"changed"}
    assert kinds["service"] == [], "what was planned is installed by now"


@pytest.mark.parametrize(("access", "calls"), [("p", [["p", "k", "c", "s"]]), ("k", [["p"], ["k", "c", "s"]])])
def test_only_the_last_transaction_may_be_armed(
    kinds: dict[str, list[str]], access: str, calls: list[list[str]]
) -> None:
    """The action plugin confirms one: what is risky waits for the end, with all that is left by then."""
    recorder = Recorder()
    engine(check_mode=False, access=access).run(recorder, {})
    assert recorder.calls == calls


def test_check_mode_is_one_prediction(kinds: dict[str, list[str]]) -> None:
    """Later kinds know what earlier ones only plan."""
    recorder = Recorder()
    engine(check_mode=True).run(recorder, {})
    assert recorder.calls == [["p", "k", "c", "s"]]
    assert kinds["service"] == ["new"]


def test_culprits_are_left_out_and_the_rest_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One value that the kernel refuses does not keep the others of its drop-in from being set."""
    proc = {"one": tmp_path / "one", "two": tmp_path / "two"}
    for path in proc.values():
        path.write_text("0\n")
    monkeypatch.setattr(Sysctl, "live_path", lambda self, control: str(proc[control.id]))
    monkeypatch.setattr(Sysctl, "drop_in", lambda self, control: str(tmp_path / "98-evenkeel-test.conf"))
    monkeypatch.setattr(Sysctl, "overridden", lambda self, control: "")
    controls = controls_input.read([{"id": name, "sysctl": {"key": f"a.{name}", "value": 1}} for name in proc])
    call = controls_engine.Controls(
        controls_call.Host(), base.Planned(scope="test", state_dir=str(tmp_path / "state")), controls, check_mode=False
    )

    def transact(steps: Callable[[], Sequence[Step]]) -> Outcome:
        made = [step for step in steps() if step.name.startswith("sysctl")]
        words = f"{proc['two']}: Invalid argument" if any(str(proc["two"]) in repr(step) for step in made) else ""
        if not words:
            (tmp_path / "state" / "owned").mkdir(parents=True, exist_ok=True)
            for step in made:
                for change in step.changes:
                    change.apply(controls_call.Host(), MemoryBlobs())
        return Outcome("run", [StepOutcome(step, not words, words) for step in made], changed=not words)

    report = call.run(transact, {})
    assert {result["id"]: result["status"] for result in report.results} == {"one": "changed", "two": "failed"}
    text = (tmp_path / "98-evenkeel-test.conf").read_text()
    assert "a.one = 1" in text and "a.two" not in text


def test_who_would_be_shut_out_is_refused_before_anything_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what comes before in the call, and what has nothing to do with it; check mode reports it as failed."""
    monkeypatch.setattr(Sysctl, "can_shut_out", True)
    monkeypatch.setattr(
        Sysctl, "plan", lambda self, _all: base.Plan({"b": base.ShutOut("it would shut out x").verdict()})
    )
    wanted = params(tmp_path, setting(tmp_path, "a", "k", "1"), {"id": "b", "sysctl": {"key": "a.b", "value": 1}})
    answer = controls_call.serve(wanted, check_mode=False)
    assert answer.error == "b: it would shut out x. Nothing was changed."
    assert list(tmp_path.iterdir()) == []
    assert statuses(controls_call.serve(wanted, check_mode=True)) == {"a": "would_change", "b": "failed"}
