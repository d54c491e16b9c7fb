"""The fresh login: which ssh command it makes, and how often it tries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins import loader
from ansible_collections.evenkeel.ops.plugins.plugin_utils import fresh_connection
from ansible_collections.evenkeel.ops.plugins.plugin_utils.fresh_connection import FreshConnection, NoFreshLogin

# What inventory, task and configuration resolved to for the task's own connection.
RESOLVED = {
    "host": "db1.example.com",
    "port": 2222,
    "remote_user": "operator",
    "private_key_file": "/keys/operator",
    "ssh_args": "-C -o ControlMaster=auto -o ControlPersist=60s",
    "ssh_common_args": "-o ProxyJump=jump.example.com",
    "reconnection_retries": 3,
    "timeout": 30,
    "pipelining": True,
}


class Action:
    """As much of ActionBase as a fresh connection uses; `answers` are returned or raised in turn."""

    def __init__(self, name: str, answers: list[Any], options: dict[str, Any]) -> None:
        self._play_context = PlayContext()
        self._play_context.remote_addr = "web1"
        self._task = SimpleNamespace(_uuid="uuid")
        self._shared_loader_obj = SimpleNamespace(connection_loader=loader.connection_loader)
        self._connection = loader.connection_loader.get(name, self._play_context, new_stdin=None)
        self._connection.set_options(direct=options)
        self._connection._shell.set_options(direct={"remote_tmp": "/var/tmp/of-the-user"})
        self.answers = answers
        self.used: list[Any] = []

    def become(self, **options: Any) -> Any:
        plugin = loader.become_loader.get("sudo")
        plugin.set_options(direct=options)
        self._connection.set_become_plugin(plugin)
        return plugin

    def _execute_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
        self.used.append(self._connection)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _remove_tmp_path(self, path: str | None) -> None:
        assert path is None


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(fresh_connection.time, "sleep", slept.append)
    return slept


def run(action: Action) -> dict[str, Any]:
    with FreshConnection(action) as fresh:  # type: ignore[arg-type]  # a stand-in for an ActionBase
        return fresh.run_module("evenkeel.ops.commit_confirm", {"state": "confirmed"}, {})


def ssh_words(connection: Any) -> list[str]:
    return [word.decode() for word in connection._build_command("ssh", "ssh", "host")]


def test_a_login_of_its_own_with_everything_else_as_resolved() -> None:
    action = Action("ssh", [{"confirmed": True}], RESOLVED)
    shared = action._connection
    assert run(action) == {"confirmed": True}
    (used,) = action.used
    words = ssh_words(used)
    assert used is not shared and action._connection is shared
    # ssh takes the first value that it meets
    assert words.index("ControlMaster=no") < words.index("ControlMaster=auto")
    assert [word for word in words if word.startswith("ControlPath")] == ["ControlPath=none"]
    assert {"Port=2222", 'User="operator"', 'IdentityFile="/keys/operator"', "ProxyJump=jump.example.com"} <= set(words)
    assert used.get_option("host") == "db1.example.com"
    assert used.get_option("pipelining") is True
    assert used._shell.get_option("remote_tmp") == "/var/tmp/of-the-user"


def test_the_shared_connection_keeps_its_options() -> None:
    action = Action("ssh", [{}], RESOLVED)
    before = ssh_words(action._connection)
    run(action)
    assert ssh_words(action._connection) == before
    assert action._connection.get_option("reconnection_retries") == 3


def test_the_lifeline_is_never_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    action = Action("ssh", [AnsibleConnectionFailure("refused"), {}], RESOLVED)
    monkeypatch.setattr(type(action._connection), "reset", lambda self: pytest.fail("reset was called"))
    run(action)


@pytest.mark.parametrize("options", [{}, {"become_pass": "secret"}])
def test_sudo_forgets_for_this_login_only(options: dict[str, str]) -> None:
    action = Action("ssh", [{}], RESOLVED)
    plugin = action.become(become_flags="-H -S -n", **options)
    with FreshConnection(action) as fresh:  # type: ignore[arg-type]  # a stand-in for an ActionBase
        command = plugin.build_become_command("true", action._connection._shell)
        assert command.split()[:2] == ["sudo", "-k"]
        fresh.run_module("m", {}, {})
        assert action.used[0].become is plugin
    assert plugin.get_option("become_flags") == "-H -S -n"


def test_two_attempts_and_no_more(no_pause: list[float]) -> None:
    action = Action("ssh", [AnsibleConnectionFailure("first"), AnsibleConnectionFailure("second"), {}], RESOLVED)
    with pytest.raises(NoFreshLogin, match="second.*attempt 2"):
        run(action)
    assert len(action.used) == 2
    assert len(no_pause) == 1
    # one try for each: the connection plugin must not repeat by itself
    assert {connection.get_option("reconnection_retries") for connection in action.used} == {0}
    assert {connection.get_option("timeout") for connection in action.used} == {8}


def test_a_second_attempt_may_succeed() -> None:
    assert run(Action("ssh", [AnsibleConnectionFailure("reloading"), {"confirmed": True}], RESOLVED))["confirmed"]


@pytest.mark.parametrize("error", [AnsibleAuthenticationFailure("wrong password"), AnsibleError("no sudo password")])
def test_what_cannot_get_better_is_not_repeated(error: AnsibleError) -> None:
    action = Action("ssh", [error, {}], RESOLVED)
    with pytest.raises(NoFreshLogin, match=str(error.message)):
        run(action)
    assert len(action.used) == 1


def test_a_local_connection_runs_but_proves_nothing() -> None:
    action = Action("local", [{"confirmed": True}], {})
    with FreshConnection(action) as fresh:  # type: ignore[arg-type]  # a stand-in for an ActionBase
        assert fresh.run_module("m", {}, {}) == {"confirmed": True}
        assert not fresh.proves_login
    with FreshConnection(Action("ssh", [], RESOLVED)) as fresh:  # type: ignore[arg-type]  # a stand-in again
        assert fresh.proves_login
