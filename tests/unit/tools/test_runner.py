"""The test runner and the benchmark: what they choose and count."""

from __future__ import annotations

import dataclasses
import sys
import threading
from pathlib import Path

import pytest

from tools import bench, bench_balancer, bench_controls, bench_fleet, runs, test
from tools.lab.inventory import Host, Publish
from tools.lab.settings import LabError

HOSTS = [
    Host("lb1", "10.1.2.11", "debian12", (Publish("127.0.0.1", 8080, 80),)),
    Host("mon1", "10.1.2.31", "debian13", (Publish("127.0.0.1", 9090, 9090),)),
    Host("web1", "10.1.2.21", "debian12"),
    Host("web2", "10.1.2.22", "debian13"),
]


def result(changed: int = 0) -> runs.Result:
    hosts = {host.name: {"changed": 0} for host in HOSTS}
    hosts["web1"]["changed"] = changed
    return runs.Result(hosts, {"evenkeel.ops.nginx": 8}, 12, ["web1: Deploy"] * changed, 4.0, 2.0)


def test_the_benchmark_counts_by_host() -> None:
    assert bench.site_row(result())[1:5] == ("4", "2.0", "3.0", "0.50 s")
    cost = bench_controls.Cost(200, result(), 3.0, 150.4, 2.6, 0.25)
    assert bench.controls_row(cost)[5:] == ("150 ms / 3 ms", "0.25 s", "3.0 s")


def test_the_large_balancer_has_two_thousand_different_servers() -> None:
    pools = bench_balancer.pools(bench_balancer.BACKENDS)
    assert len({pool["name"] for pool in pools}) == 200
    assert len({server["address"] for pool in pools for server in pool["servers"]}) == 2000
    assert bench.balancer_row(result(1)) == ("8", "12", "1", "2.0 s", "4.0 s")


def test_the_benchmark_fails_where_a_promise_is_broken() -> None:
    def broken(site: int = 0, modules: int = 60) -> list[str]:
        fleet = bench_fleet.FleetCost(result(), dataclasses.replace(result(), modules=modules), result())
        cost = bench_controls.Cost(200, result(), 3.0, 150.4, 2.6, 0.25)
        return bench.promises_broken(result(site), cost, fleet, bench_balancer.BalancerCost(result(5), result()))

    assert broken() == []
    assert broken(site=1) == ["a second run changed something: web1: Deploy"]
    assert broken(modules=61) == ["the second run of hardening took 15.2 modules per host; promised are at most 15"]


def test_the_benchmark_replaces_only_its_part_of_the_page() -> None:
    page = f"# Title\n{bench.BEGIN}old\n{bench.END}after\n"
    assert bench.written(page, "new") == f"# Title\n{bench.BEGIN}\nnew\n{bench.END}after\n"
    with pytest.raises(LabError, match="lost its marks"):
        bench.written("# Title\n", "new")


def test_the_page_has_the_marks() -> None:
    assert bench.written(bench.PAGE.read_text(encoding="utf-8"), "new")


def part(name: str, code: str, needs: str = "", alone: bool = False, patient: bool = False) -> test.Part:
    return test.Part(name, [[sys.executable, "-c", code]], needs=needs, alone=alone, patient=patient)


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runs, "LOGS", tmp_path)
    return tmp_path


def test_a_failed_part_shows_its_log_and_stops_only_what_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [part("a", "print('boom'); exit(3)"), part("b", "pass", needs="a"), part("c", "pass")]
    outcomes = test.run_all(chosen)
    assert [outcome.good for outcome in outcomes] == [False, False, True]
    assert "exit status 3" in outcomes[0].remark
    assert outcomes[1].remark == "not run: it needs a"
    assert "boom" in capsys.readouterr().out
    assert test.table(outcomes, 0, 1).splitlines()[-1] == "1 passed, 2 failed"


def test_two_parts_run_at_a_time_and_alone_means_alone() -> None:
    a, b, c = part("a", ""), part("b", ""), part("c", "")
    alone, after = part("alone", "", alone=True), part("after", "", needs="alone")
    assert test.next_part([a, b], []) == a
    assert test.next_part([b, c], [a]) == b
    assert test.next_part([c], [a, b]) is None
    assert test.next_part([alone, after], [a]) is None
    assert test.next_part([alone, after], []) == alone
    assert test.next_part([c, after], [alone]) is None
    assert test.next_part([after, c], [a]) == after
    assert test.next_part([part("d", "", needs="a"), c], [a]) == c


def test_one_patient_part_fills_what_a_part_that_is_alone_leaves() -> None:
    first, second = part("first", "", patient=True), part("second", "", patient=True)
    alone, hurried = part("alone", "", alone=True), part("hurried", "")
    assert test.next_part([hurried, first], []) == hurried
    assert test.next_part([first, alone], [hurried]) == first
    assert test.next_part([second, alone], [first]) == alone
    assert test.next_part([second], [alone]) == second
    assert test.next_part([second], [first]) == second
    assert test.next_part([second, alone], [first, hurried]) is None
    assert test.next_part([hurried, first], [alone]) is None, "what stands before it is not overtaken beside setup"
    assert test.next_part([alone], [first, hurried]) is None


def test_a_patient_part_gives_way() -> None:
    code = "import os, sys; sys.exit(os.sched_getscheduler(0) != os.SCHED_IDLE)"
    assert test.run_part(part("patient", code, patient=True)).good
    assert not test.run_part(part("hurried", code)).good


@pytest.mark.skipif(not test.AUTOGROUP.exists(), reason="this kernel does not share processors by session")
def test_the_session_of_a_patient_part_gives_way() -> None:
    code = f"import sys; sys.exit('nice 19' not in open('{test.AUTOGROUP}').read())"
    assert test.run_part(part("patient", code, patient=True)).good
    assert not test.run_part(part("hurried", code)).good


def test_a_stopped_run_ends_its_commands_and_begins_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    running = test.Running()
    monkeypatch.setattr(test, "RUNNING", running)
    threading.Timer(0.5, running.stop).start()
    assert not test.run_part(part("slow", "import time; time.sleep(600)")).good
    assert "was stopped" in test.run_part(part("next", "pass")).remark


def test_all_commands_of_a_part_run_although_one_fails(logs: Path) -> None:
    commands = [[sys.executable, "-c", "exit(1)"], [sys.executable, "-c", "print('second ran')"]]
    assert not test.run_part(test.Part("lint", commands)).good
    assert "second ran" in (logs / "lint.log").read_text(encoding="utf-8")


def test_a_part_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test, "PATIENCE", 0)
    assert test.run_part(part("slow", "import time; time.sleep(600)")).remark.endswith("stopped after 0 minutes")


def test_chosen_parts_bring_what_they_need() -> None:
    every = [
        part("engine", ""),
        part("images", "", needs="engine"),
        part("molecule-x", "", needs="images"),
        part("unit", ""),
    ]
    assert [item.name for item in test.choose("molecule-x,unit", every)] == ["engine", "images", "molecule-x", "unit"]
    assert test.choose("", every) == every
    with pytest.raises(SystemExit, match="PART=nonsense is not a part; parts are: engine, images"):
        test.choose("nonsense", every)


def test_every_scenario_is_a_part() -> None:
    names = {item.name for item in test.parts(full=False)}
    scenarios = {path.parent.name for path in (runs.CHECKOUT / "molecule").glob("*/molecule.yml")}
    assert {f"molecule-{name}" for name in scenarios} <= names
    assert "demo" not in names
    assert "demo" in {item.name for item in test.parts(full=True)}
