"""`run: current` is this run's own id, and is no failure where this run changed nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.evenkeel.ops.plugins.action.undo import ActionModule
from ansible_collections.evenkeel.ops.plugins.plugin_utils import guarded_action
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import RUN_ID_PATTERN, run_id


def undo(monkeypatch: pytest.MonkeyPatch, known: list[str], **args: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the action against a journal that knows these runs; returns its result and the calls of the module."""
    calls: list[dict[str, Any]] = []

    def execute(module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        calls.append(module_args)
        return {"changed": module_args["state"] == "undone", "runs": [{"run": run} for run in known]}

    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args={"state": "undone", **args}, _uuid="u", delegate_to=None, action="undo")
    action._execute_module = execute
    monkeypatch.setattr(guarded_action.ActionBase, "run", lambda *_args: {})
    return action.run(None, {"inventory_hostname": "web1"}), calls


def test_current_is_this_run_under_an_undo_with_an_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    result, calls = undo(monkeypatch, [run_id()], run="current")
    assert result["changed"]
    assert calls[-1]["run"] == run_id()
    assert calls[-1]["own_run"] != run_id()
    assert RUN_ID_PATTERN.fullmatch(calls[-1]["own_run"])


def test_nothing_is_undone_where_this_run_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    result, calls = undo(monkeypatch, ["20260101T000000Z-cli-00000000"], run="current", state_dir="/srv/state")
    assert not result["changed"]
    assert [(call["state"], call["state_dir"]) for call in calls] == [("listed", "/srv/state")]


def test_another_run_is_undone_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    _result, calls = undo(monkeypatch, [], run="last")
    assert [(call["run"], call["own_run"]) for call in calls] == [("last", run_id())]


def test_a_confirmation_needs_a_run_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        AnsibleActionFail, match="confirm is given with run: current; allowed is confirm with a run's id"
    ):
        undo(monkeypatch, [], run="current", confirm={"deadline": 60})
