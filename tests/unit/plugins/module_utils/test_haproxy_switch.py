"""Turning a switch against an HAProxy that is played; the real one is tried in molecule/blue_green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_states, haproxy_switch, haproxy_watch
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_runtime import Runtime, RuntimeRefused
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_switch import Answer, Turn
from ansible_collections.evenkeel.ops.plugins.module_utils.haproxy_watch import Counted, Verdict, Watch
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import transaction
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Refused
from ansible_collections.evenkeel.ops.plugins.module_utils.undo import Request, undo

BACKENDS = ("shop-blue", "shop-green")


class Played(Runtime):
    """An HAProxy with the switch shop and one server in each pool."""

    def __init__(self, map_file: Path) -> None:
        super().__init__("/run/haproxy/admin.sock", "/run/haproxy-master.sock")
        self.map_file = str(map_file)
        self.entries = {"shop": "shop-blue"}
        self.status = dict.fromkeys(BACKENDS, "UP")
        self.refuses = ""
        self.told: list[str] = []

    def ask(self, command: str) -> str:
        if command.startswith("show map"):
            rows = [f"0x55d0 {key} {value}\n" for key, value in self.entries.items()]
            return "".join(rows) + "\n" if command.endswith(self.map_file) else "Unknown map identifier.\n"
        if command == "show stat":
            return "# pxname,svname,qcur,scur,status,bck,type,check_status\n" + "".join(
                f"{backend},web1,0,0,{status},0,2,L7OK\n" for backend, status in self.status.items()
            )
        assert command == "show servers state"
        rows = [f"1 {backend} 1 web1 192.0.2.1 2 0 1 1 0 0 0 0 0 0 0 0 - 80 -" for backend in self.status]
        return haproxy_states.HEADER + "\n".join(rows)

    def query(self, _socket: str, command: str) -> str:
        """What the program that tells HAProxy says to it."""
        self.told.append(command)
        _set, _map, path, key, value = command.split()
        assert path == self.map_file
        if not self.refuses:
            self.entries[key] = value
        return self.refuses or "\n"


class InProcess(Runner):
    """Runs the program in this process, against the played HAProxy."""

    def run(self, argv: Any, stdin: Any = None, env: Any = None, timeout: float = 300.0) -> Result:
        assert argv[:2] == ["/usr/bin/python3", "-I"] or argv[:2] == ("/usr/bin/python3", "-I")
        assert argv[3] == haproxy_states.SWITCH
        words = haproxy_states.tell_switch(*argv[4:])
        return Result(tuple(argv), 1 if words else 0, "", words)


class World:
    """A balancer: HAProxy, its files, the journal."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.map_file = place / "switches" / "shop.map"
        self.map_file.parent.mkdir()
        self.map_file.write_text("# Which backend answers.\nshop shop-blue\n", encoding="utf-8")
        self.map_file.with_suffix(".backends").write_text("shop-blue\nshop-green\n", encoding="utf-8")
        self.haproxy = Played(self.map_file)
        self.host = Host(runner=InProcess())
        self.state_dir = str(place / "state")
        monkeypatch.setattr(haproxy_states, "query", self.haproxy.query)
        monkeypatch.setattr(haproxy_states, "old_workers", lambda _socket: [])

    def options(self, **more: Any) -> dict[str, Any]:
        given = {"name": "shop", "to": "shop-green", "require_up": True, "map_file": str(self.map_file)}
        return {**given, "program": __file__, "state_dir": self.state_dir, "run": "r1", "scope": "deploy", **more}

    def turn(self, check_mode: bool = False, **more: Any) -> Answer:
        return Turn(self.options(**more), self.haproxy, check_mode, self.host).serve()

    @property
    def kept(self) -> str:
        return haproxy_states.parse_map(self.map_file.read_text(encoding="utf-8"))["shop"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_turn_is_in_force_and_lasts(world: World) -> None:
    answer = world.turn()
    assert (answer.changed, answer.error, answer.before.backend, answer.after) == (True, "", *BACKENDS)
    assert (world.haproxy.entries["shop"], world.kept) == ("shop-green", "shop-green")
    assert world.map_file.read_text(encoding="utf-8").startswith("# Which backend answers.\n")
    assert world.haproxy.told == [f"set map {world.map_file} shop shop-green"]


def test_the_second_time_changes_nothing(world: World) -> None:
    world.turn()
    again = world.turn(run="r2")
    assert (again.changed, again.run, len(world.haproxy.told)) == (False, "", 1)
    assert [info.run for info in Journal(world.state_dir, world.host).runs()] == ["r1"]


def test_check_mode_predicts_and_touches_nothing(world: World) -> None:
    answer = world.turn(check_mode=True)
    assert (answer.changed, answer.after) == (True, "shop-green")
    assert (world.kept, world.haproxy.told, Path(world.state_dir).exists()) == ("shop-blue", [], False)


def test_an_undo_turns_the_running_haproxy_back(world: World) -> None:
    world.turn()
    undo(transaction(world.options(run="r2"), "undo", False, world.host), Request("r1"))
    assert (world.haproxy.entries["shop"], world.kept) == ("shop-blue", "shop-blue")


def test_a_refusal_of_haproxy_puts_the_file_back(world: World) -> None:
    world.haproxy.refuses = "entry not found."
    answer = world.turn()
    assert "refused `set map" in answer.error
    assert "entry not found." in answer.error
    assert (answer.changed, world.kept) == (False, "shop-blue")


def test_what_was_set_by_hand_is_set_right(world: World) -> None:
    world.haproxy.entries["shop"] = "shop-green"
    answer = world.turn(to="shop-green")
    assert (answer.changed, world.kept) == (True, "shop-green")
    world.haproxy.entries["shop"] = "shop-blue"
    assert world.turn(to="shop-green", run="r2").changed
    assert world.haproxy.entries["shop"] == "shop-green"


def test_a_backend_without_a_server_that_is_up_is_refused(world: World) -> None:
    world.haproxy.status["shop-green"] = "DOWN"
    with pytest.raises(RuntimeRefused, match=r"stays at shop-blue: no server of shop-green is up \(web1 is DOWN\)"):
        world.turn()
    assert world.turn(require_up=False).changed


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"to": "shop-red"}, r"to is 'shop-red', which switch 'shop' .* allowed are shop-blue, shop-green\."),
        ({"name": "shp"}, r"has no switch 'shp'; allowed are shop\."),
        ({"state_dir": "here"}, r"state_dir is 'here'; allowed is an absolute path\."),
        ({"name": "../shop"}, r"name is '\.\./shop'; allowed are letters"),
    ],
)
def test_what_is_not_known_is_refused(world: World, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RuntimeRefused, match=sentence):
        world.turn(**more)
    assert world.kept == "shop-blue"


def test_without_the_program_nothing_is_touched(world: World) -> None:
    with pytest.raises(Refused, match="program is '/no/such', which is not there; the role evenkeel.ops.haproxy"):
        world.turn(program="/no/such")
    assert world.kept == "shop-blue"


def test_all_switches_are_found(world: World) -> None:
    found = haproxy_switch.find_all(world.haproxy, str(world.map_file.parent))
    assert [switch.as_data() for switch in found] == [
        {
            "name": "shop",
            "backend": "shop-blue",
            "kept": "shop-blue",
            "backends": list(BACKENDS),
            "map_file": str(world.map_file),
        }
    ]
    assert haproxy_switch.find_all(world.haproxy, "/no/such") == []


def test_an_entry_that_is_missing_is_added() -> None:
    assert haproxy_switch.replace_entry("# why\nother x\n", "shop", "y") == "# why\nother x\nshop y\n"


# --- the program, and the workers of former generations ---

PROCESSES = """#<PID>          <type>          <reloads>       <uptime>        <version>
1               master          2               0d00h01m        3.0.11
# workers
9               worker          0               0d00h00m        3.0.11
# old workers
7               worker          1               0d00h01m        3.0.11
8               worker          1               0d00h01m        3.0.11
# programs

"""


def test_old_workers_are_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []

    def query(socket: str, command: str) -> str:
        said.append((socket, command))
        return PROCESSES if command == "show proc" else "\n"

    monkeypatch.setattr(haproxy_states, "query", query)
    map_file = tmp_path / "shop.map"
    map_file.write_text("shop shop-green\n", encoding="utf-8")
    assert haproxy_states.main([haproxy_states.SWITCH, "admin", "master", str(map_file)]) == 0
    command = f"set map {map_file} shop shop-green"
    assert [each for each in said if each[1] != "show proc"] == [
        ("admin", command),
        ("master", f"@!7 {command}"),
        ("master", f"@!8 {command}"),
    ]


def test_where_haproxy_does_not_run_the_file_is_enough(tmp_path: Path) -> None:
    map_file = tmp_path / "shop.map"
    map_file.write_text("shop shop-green\n", encoding="utf-8")
    assert haproxy_states.tell_switch(str(tmp_path / "no.sock"), "", str(map_file)) == ""


# --- watching ---


class Counting(Runtime):
    """An HAProxy whose backend answers ten requests a second, of which some fail."""

    def __init__(self, failing: int = 0) -> None:
        super().__init__("/run/haproxy/admin.sock")
        self.failing, self.good, self.bad, self.status = failing, 1000, 10, "UP"

    def ask(self, command: str) -> str:
        if command == "show stat":
            return (
                "# pxname,svname,qcur,scur,status,bck,type,check_status,hrsp_2xx,hrsp_5xx\n"
                f"shop-green,web1,0,0,{self.status},0,2,L7OK,,\nshop-green,BACKEND,0,0,UP,0,1,,{self.good},{self.bad}\n"
            )
        return haproxy_states.HEADER + "1 shop-green 1 web1 192.0.2.1 2 0 1 1 0 0 0 0 0 0 0 0 - 80 -"

    def tick(self) -> None:
        self.good += 10 - self.failing
        self.bad += self.failing


def watch(
    haproxy: Counting, monkeypatch: pytest.MonkeyPatch, seconds: float = 5, backend: str = "shop-green"
) -> Verdict:
    clock = [0.0]

    def sleep(passed: float) -> None:
        clock[0] += passed
        haproxy.tick()

    monkeypatch.setattr(haproxy_watch.time, "sleep", sleep)
    monkeypatch.setattr(haproxy_watch.time, "monotonic", lambda: clock[0])
    return Watch(haproxy, backend, error_percent=10, min_up=1).serve(seconds)


def test_a_healthy_backend_is_watched_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(Counting(failing=1), monkeypatch) == Verdict(Counted(50, 5), 5.0)


def test_few_errors_are_judged_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = watch(Counting(failing=2), monkeypatch)
    assert verdict.problem == "10 of 50 requests to shop-green failed (20 %), more than error_percent 10"


def test_many_errors_end_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(Counting(failing=10), monkeypatch, seconds=60).seconds == 2


def test_a_server_that_goes_down_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy = Counting()
    haproxy.status = "DOWN"
    assert watch(haproxy, monkeypatch).problem == "0 servers of shop-green are up (none); min_up is 1"


def test_an_unknown_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeRefused, match="backend is 'api', which HAProxy .* allowed are shop-green"):
        watch(Counting(), monkeypatch, backend="api")


def test_a_new_worker_begins_at_nothing() -> None:
    assert Counted(5, 1).since(Counted(1000, 2)) == Counted(5, 1)
    assert Counted(0, 0).percent == 0


def test_in_mode_tcp_sessions_count() -> None:
    assert haproxy_watch.count({"stot": "8", "econ": "1", "eresp": "2", "hrsp_2xx": ""}) == Counted(8, 3)
