"""Drain, ready, maint and weights against an HAProxy that is played; the real one is tried in molecule/haproxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_runtime, haproxy_states
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_runtime import (
    Answer,
    Request,
    Rotation,
    Runtime,
    RuntimeRefused,
)

ADMIN = {"ready": 0, "maint": 1, "drain": 8}
STATUS = {"ready": "UP", "maint": "MAINT", "drain": "DRAIN"}


class Played(Runtime):
    """An HAProxy with web1 and web2 in the backends web and api; requests end one by one as time goes by."""

    def __init__(self, **old_sessions: int) -> None:
        super().__init__("/run/haproxy/admin.sock")
        self.state = {f"{backend}/{name}": "ready" for backend in ("web", "api") for name in ("web1", "web2")}
        self.weight = dict.fromkeys(self.state, 1)
        self.sessions = dict.fromkeys(self.state, 0)
        self.check = dict.fromkeys(self.state, "L7OK")
        self.down: set[str] = set()
        self.old_sessions = {place.replace("_", "/"): count for place, count in old_sessions.items()}
        self.commands: list[str] = []

    def status(self, place: str) -> str:
        return "DOWN" if place in self.down and self.state[place] == "ready" else STATUS[self.state[place]]

    def ask(self, command: str) -> str:
        if command == "show stat":
            return "# pxname,svname,qcur,scur,status,bck,type,check_status\n" + "".join(
                f"{place.replace('/', ',')},0,{self.sessions[place]},{self.status(place)},0,2,{self.check[place]}\n"
                for place in self.state
            )
        if command == "show servers state":
            lines = [
                f"1 {place.split('/')[0]} 1 {place.split('/')[1]} 192.0.2.1 2 {ADMIN[state]} {self.weight[place]} 1 "
                "0 0 0 0 0 0 0 0 - 80 -"
                for place, state in self.state.items()
            ]
            return haproxy_states.HEADER + "\n".join(lines)
        self.commands.append(command)
        _set, _server, place, what, value = command.split()
        if what == "weight":
            self.weight[place] = int(value)
        else:
            self.state[place] = value
        return "\n"

    def ask_old(self, command: str) -> list[str]:
        if not command.startswith("show stat"):
            self.commands.append(f"old: {command}")
            return []
        return [
            "# pxname,svname,qcur,scur,status,bck,type,check_status\n"
            + "".join(f"{place.replace('/', ',')},0,{count},UP,0,2,\n" for place, count in self.old_sessions.items())
        ]

    def tick(self, _seconds: float) -> None:
        """One request of each is answered."""
        for counts in (self.sessions, self.old_sessions):
            counts.update({place: max(0, count - 1) for place, count in counts.items()})


def rotate(haproxy: Played, monkeypatch: pytest.MonkeyPatch, check_mode: bool = False, **wanted: Any) -> Answer:
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        haproxy.tick(seconds)

    monkeypatch.setattr(haproxy_runtime.time, "sleep", sleep)
    monkeypatch.setattr(haproxy_runtime.time, "monotonic", lambda: clock[0])
    kept: list[str] = []
    answer = Rotation(haproxy, Request("web1", **wanted), lambda: kept.append("kept"), check_mode).serve()
    assert bool(kept) == (answer.changed and not check_mode)
    return answer


def test_drain_waits_for_the_last_request_of_every_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played(web_web1=4)
    haproxy.sessions["api/web1"] = 2
    answer = rotate(haproxy, monkeypatch, state="drain", timeout=60)
    assert (answer.changed, answer.missing, answer.sessions_left) == (True, "", 0)
    assert answer.waited == 4 * haproxy_runtime.INTERVAL
    assert "old: set server web/web1 state drain" in haproxy.commands
    assert haproxy.state["web/web2"] == "ready"


def test_drain_says_how_many_sessions_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    haproxy.sessions["web/web1"] = 100
    answer = rotate(haproxy, monkeypatch, backends=("web",), state="drain", timeout=2)
    assert answer.missing == f"web/web1 still serves {answer.sessions_left} sessions"
    assert answer.sessions_left > 90
    assert haproxy.state["web/web1"] == "drain"


def test_without_time_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    haproxy.sessions["web/web1"] = 3
    answer = rotate(haproxy, monkeypatch, state="drain", timeout=0)
    assert (answer.missing, answer.waited, answer.sessions_left) == ("", 0, 3)


def test_the_second_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    rotate(haproxy, monkeypatch, state="drain", weight=7, timeout=1)
    commands = list(haproxy.commands)
    assert not rotate(haproxy, monkeypatch, state="drain", weight=7, timeout=1).changed
    assert haproxy.commands == commands


def test_check_mode_predicts_and_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    answer = rotate(haproxy, monkeypatch, check_mode=True, backends=("web",), state="drain", weight=3, timeout=1)
    assert (answer.changed, [(each.state, each.weight) for each in answer.after]) == (True, [("drain", 3)])
    assert haproxy.commands == []


def test_the_last_server_is_not_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    haproxy.down.add("api/web2")
    with pytest.raises(RuntimeRefused, match=r"api/web1 is not taken out: min_up is 1, but only 0 other .* \(none\)"):
        rotate(haproxy, monkeypatch, state="maint", min_up=1, timeout=1)
    assert haproxy.commands == []
    # One that is down itself is missed by nobody.
    haproxy.down.add("api/web1")
    assert rotate(haproxy, monkeypatch, state="maint", min_up=1, timeout=1).changed


def test_ready_waits_until_the_server_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    haproxy.down.add("web/web1")
    answer = rotate(haproxy, monkeypatch, state="ready", timeout=1)
    assert answer.missing == "web/web1 is DOWN (last check L7OK); expected UP"


def test_a_drained_server_starts_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    rotate(haproxy, monkeypatch, state="drain", timeout=1)
    haproxy.commands.clear()
    rotate(haproxy, monkeypatch, state="ready", timeout=1)
    web = [command for command in haproxy.commands if command.startswith("set server web/web1")]
    assert web == ["set server web/web1 state maint", "set server web/web1 state ready"]


@pytest.mark.parametrize("why", ["sessions", "down"])
def test_a_server_that_is_down_or_busy_goes_straight(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    haproxy.state["web/web1"] = "drain"
    if why == "sessions":
        haproxy.sessions["web/web1"] = 5
    else:
        monkeypatch.setitem(STATUS, "drain", "DOWN")
    rotate(haproxy, monkeypatch, state="ready")
    assert [c for c in haproxy.commands if "old" not in c] == ["set server web/web1 state ready"]


def test_a_sick_server_is_not_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    rotate(haproxy, monkeypatch, state="drain", timeout=1)
    haproxy.check["web/web1"] = "L7STS"
    answer = rotate(haproxy, monkeypatch, state="ready", timeout=1)
    assert answer.missing == "the last health check of web/web1 failed (L7STS); it is left in drain"
    assert haproxy.state["web/web1"] == haproxy.state["api/web1"] == "drain"


def test_maint_of_a_person_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    haproxy.state["web/web1"] = "maint"
    answer = rotate(haproxy, monkeypatch, state="ready", leave_maint=True, timeout=1)
    assert (answer.changed, answer.left_in_maint, answer.missing) == (False, ("web/web1",), "")


def test_somebody_else_puts_it_back_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    haproxy.sessions["web/web1"] = 8
    before = haproxy.tick

    def interfere(seconds: float) -> None:
        before(seconds)
        haproxy.state["web/web1"] = "ready"

    monkeypatch.setattr(haproxy, "tick", interfere)
    answer = rotate(haproxy, monkeypatch, backends=("web",), state="drain", timeout=1)
    assert answer.missing == "web/web1 is ready, not drain: somebody else set it meanwhile"


@pytest.mark.parametrize(
    ("name", "backends", "sentence"),
    [
        (
            "web9",
            (),
            "server is 'web9', which no backend of HAProxy at .* has; allowed are api/web1, api/web2, web/web1",
        ),
        ("web1", ("no",), "backends has 'no', which HAProxy at .* does not have; allowed are api, web."),
        ("web9", ("web",), "server is 'web9', which backend 'web' of .* does not have; allowed are web1, web2."),
    ],
)
def test_what_is_unknown_is_named_with_what_exists(name: str, backends: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(RuntimeRefused, match=sentence):
        Played().find(name, backends)


def test_a_missing_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeRefused, match=r"does not answer on socket .*no\.sock: there is no such socket"):
        Runtime(str(tmp_path / "no.sock")).servers()


def test_haproxys_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Played()
    server = haproxy.find("web1", ("web",))[0]
    monkeypatch.setattr(haproxy, "ask", lambda command: "Permission denied\n")
    with pytest.raises(RuntimeRefused, match="refused `set server web/web1 state drain`: Permission denied"):
        haproxy.set(server, "state drain")


def test_values_are_numbers_where_they_are() -> None:
    assert haproxy_runtime.read_values({"scur": "3", "status": "UP", "qmax": "", "": "x"}) == {
        "scur": 3,
        "status": "UP",
    }
    assert haproxy_runtime.read_process("Name: HAProxy\nPid: 7\n\n") == {"Name": "HAProxy", "Pid": 7}
