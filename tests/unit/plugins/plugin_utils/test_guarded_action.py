"""What armed is confirmed over the fresh login, and the token never reaches a result."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.action import commit_confirm
from ansible_collections.evenkeel.ops.plugins.plugin_utils import guarded_action
from ansible_collections.evenkeel.ops.plugins.plugin_utils.fresh_connection import NoFreshLogin
from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import run_id

ARMED = {"record": "run/0001", "deadline": 60}


class Login:
    """Stands for the fresh connection: what it answers, and what it was asked."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"confirmed": True}
        self.refusal: NoFreshLogin | None = None
        self.proves_login = True
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, _action: Any) -> Login:
        return self

    def __enter__(self) -> Login:
        return self

    def __exit__(self, *_error: object) -> None:
        return

    def run_module(self, name: str, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((name, args))
        if self.refusal:
            raise self.refusal
        return dict(self.answer)


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Login:
    login = Login()
    monkeypatch.setattr(guarded_action, "FreshConnection", login)
    return login


def action_of(cls: type[Any], result: dict[str, Any], **task: Any) -> Any:
    """An action with a task, whose module returns `result`."""
    action = cls.__new__(cls)
    defaults = {
        "args": {},
        "action": "evenkeel.ops.controls",
        "delegate_to": None,
        "_uuid": "task-1",
        "check_mode": False,
        "async_val": 0,
    }
    action._task = SimpleNamespace(**{**defaults, **task})
    action._connection = SimpleNamespace(transport="ssh", _shell=SimpleNamespace(tmpdir=None))
    action.sent = []

    def execute(module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        action.sent.append((module_name, module_args))
        return dict(result)

    action._execute_module = execute
    action._early_needs_tmp_path = lambda: False
    return action


class Action(GuardedAction):
    """Some action."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Never called here."""
        raise NotImplementedError


def test_nothing_armed_needs_no_login(login: Login) -> None:
    action = action_of(Action, {"changed": True, "armed": None})
    assert action.execute_guarded("m", {"x": 1}, {"role_name": "haproxy"}) == {"changed": True}
    assert login.asked == []
    ((name, args),) = action.sent
    assert (name, args["x"], args["run"], args["scope"]) == ("m", 1, run_id(), "haproxy")
    assert "@" in args["run_by"]


def test_the_scope_that_was_given_wins_and_there_is_one_outside_of_roles() -> None:
    action = action_of(Action, {})
    assert action.with_run({"scope": "web/tls"}, {"role_name": "haproxy"})["scope"] == "web/tls"
    assert action.with_run({}, {})["scope"] == "play"


def test_what_is_armed_is_confirmed_with_its_token(login: Login) -> None:
    action = action_of(Action, {"changed": True, "armed": dict(ARMED)})
    result = action.execute_guarded("m", {"state_dir": "/srv/state"}, {})
    assert result == {"changed": True, "confirmed": True, "login_proven": True}
    ((name, args),) = login.asked
    assert name == "evenkeel.ops.commit_confirm"
    assert args["token"] == action.sent[0][1]["confirm_token"], "what arms is what confirms"
    assert {**args, **ARMED, "state": "confirmed", "state_dir": "/srv/state"} == {**args, "deadline": 60}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NoFreshLogin("ssh: connect to host web1 port 22: Connection refused"), "Connection refused"),
        ({"failed": True, "msg": "The deadline is over"}, "The deadline is over"),
        (
            {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "sudo: a password is required"},
            "sudo: a password",
        ),
        ({}, "no answer"),
    ],
)
def test_a_failed_confirmation_fails_the_task_with_the_words_why(login: Login, answer: Any, words: str) -> None:
    if isinstance(answer, NoFreshLogin):
        login.refusal = answer
    else:
        login.answer = answer
    action = action_of(Action, {"changed": True, "armed": dict(ARMED)})
    result = action.execute_guarded("m", {}, {})
    assert result["failed"]
    assert result["changed"], "what happened is not hidden"
    assert words in result["msg"]
    assert "put itself back within 60 s" in result["msg"]
    assert action.sent[0][1]["confirm_token"] not in str(result)


def test_a_connection_without_a_login_is_no_proof(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(guarded_action.display, "warning", warned.append)
    login.proves_login = False
    result = action_of(Action, {"armed": dict(ARMED)}).execute_guarded("m", {}, {})
    assert result == {"confirmed": True, "login_proven": False}
    assert "cannot prove" in warned[0]


def test_tokens_are_one_per_host_and_the_same_in_every_fork() -> None:
    one, two = action_of(Action, {}), action_of(Action, {})
    assert one.token({"inventory_hostname": "web1"}, "p") == two.token({"inventory_hostname": "web1"}, "p")
    tokens = {
        one.token({"inventory_hostname": "web1"}, "p"),
        one.token({"inventory_hostname": "web2"}, "p"),
        one.token({"inventory_hostname": "web1"}, "q"),
        action_of(Action, {}, delegate_to="web3").token({"inventory_hostname": "web1"}, "p"),
    }
    assert len(tokens) == 4


def test_commit_confirm_arms_over_the_shared_connection_and_confirms_over_its_own(login: Login) -> None:
    variables = {"inventory_hostname": "web1"}
    arming = action_of(commit_confirm.ActionModule, {"record": "run/0001"}, args={"state": "armed", "paths": ["/etc"]})
    assert arming.run(None, variables) == {"record": "run/0001"}
    assert login.asked == []
    confirming = action_of(commit_confirm.ActionModule, {}, args={"state": "confirmed", "token": "the user's own"})
    result = confirming.run(None, variables)
    assert (result["changed"], result["confirmed"]) == (False, True)
    assert confirming.sent == []
    assert login.asked[0][1]["token"] == arming.sent[0][1]["token"], "what arms is what confirms"


def test_commit_confirm_without_a_login_says_when_the_host_is_back(login: Login) -> None:
    login.refusal = NoFreshLogin("Permission denied")
    action = action_of(
        commit_confirm.ActionModule, {}, args={"state": "confirmed"}, action="evenkeel.ops.commit_confirm"
    )
    result = action.run(None, {})
    assert "Permission denied" in result["msg"]
    assert "put itself back at the deadline" in result["msg"]


def test_in_check_mode_no_login_is_opened(login: Login) -> None:
    action = action_of(commit_confirm.ActionModule, {"confirmed": False}, args={"state": "confirmed"}, check_mode=True)
    assert action.run(None, {}) == {"confirmed": False}
    assert login.asked == []
