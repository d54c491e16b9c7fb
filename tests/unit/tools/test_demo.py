"""The demo: what it reads out of runs, and that a broken promise decides the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import runs
from tools.demo import site
from tools.demo.fleet import Fleet
from tools.demo.story import Story
from tools.lab.inventory import Host, Publish
from tools.lab.settings import LabError

FLEET = Fleet(
    [
        Host("lb1", "10.1.2.11", "debian12", (Publish("127.0.0.1", 8080, 80),)),
        Host("mon1", "10.1.2.31", "debian13", (Publish("127.0.0.1", 9090, 9090), Publish("127.0.0.1", 9093, 9093))),
        Host("web1", "10.1.2.21", "debian12"),
        Host("web2", "10.1.2.22", "debian13"),
    ]
)
UP = [{"health": "up", "scrapeUrl": f"http://{host.address}"} for host in FLEET.hosts]
OUTPUT = """
ok: [web1] => {
    "msg": [
        "score 39.0 % before, 100.0 % now (strict, 236 controls that count)",
ok: [web2] => {
    "msg": [
        "score 41.5 % before, 98.5 % now (strict, 236 controls that count)",
run 20261124T1-cli-0a1b changed web1, web2; undo with: ansible-playbook evenkeel.ops.undo -e evenkeel_run=x
"""


def result(tmp_path: Path, changed: int = 0, output: str = OUTPUT) -> runs.Result:
    log = tmp_path / "run.log"
    log.write_text(output, encoding="utf-8")
    hosts = {"web1": {"changed": changed}, "web2": {"changed": 0}}
    return runs.Result(hosts, {"evenkeel.ops.nginx": 8}, 12, ["web1: Deploy"] * changed, 4.0, 2.0, log)


def verdicts(story: Story) -> list[bool]:
    return [good for good, _ in story.proofs]


def test_a_run_is_known_by_its_last_line(tmp_path: Path) -> None:
    assert result(tmp_path).run == "20261124T1-cli-0a1b"
    assert result(tmp_path, output="nothing").run == ""


@pytest.mark.parametrize(
    ("output", "good"),
    [
        (OUTPUT, True),
        (OUTPUT.replace("98.5", "40.0"), False),
        (OUTPUT.replace("[web2]", "[web1]"), False),
        ("", False),
    ],
)
def test_the_score_has_to_rise_on_every_host(
    output: str, good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "run_playbook", lambda *_args, **_more: result(tmp_path, 5, output))
    story = Story()
    site.first_run(story)
    assert verdicts(story) == [good]


@pytest.mark.parametrize(
    ("answers", "targets", "good"),
    [
        ({"web1": 100, "web2": 100}, UP, [True, True]),
        ({"web1": 200}, UP, [False, True]),
        ({"web1": 100, "web2": 99, "error: refused": 1}, UP, [False, True]),
        ({"web1": 1, "web2": 1}, UP[:3], [True, False]),
        ({"web1": 1, "web2": 1}, [*UP[:3], {"health": "down", "scrapeUrl": "x"}], [True, False]),
    ],
)
def test_every_server_answers_and_every_target_is_up(
    answers: dict[str, int], targets: list[Any], good: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "ask", lambda *_: Counter(answers))
    monkeypatch.setattr(site, "targets_of", lambda _: targets)
    monkeypatch.setattr(site, "wait_until", lambda _seconds, ask: ask())
    story = Story()
    site.answers_requests(story, FLEET)
    assert verdicts(story) == good


@pytest.mark.parametrize(("changed", "good"), [(0, True), (1, False)])
def test_the_second_run_changes_nothing(
    changed: int, good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "run_playbook", lambda *_args, **_more: result(tmp_path, changed))
    story = Story()
    site.second_run(story, {})
    assert verdicts(story) == [good]


def test_a_published_port_is_found_by_what_it_stands_for() -> None:
    assert FLEET.url("mon", 9093) == "http://127.0.0.1:9093"
    with pytest.raises(LabError, match="named web"):
        FLEET.url("web", 80)


def test_a_chapter_is_timed_and_a_broken_promise_is_repeated_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    story = Story()
    with story.chapter("One"):
        story.prove(True, "kept")
    assert story.good
    story.prove(False, "broken")
    assert not story.good
    assert "1 of 2 promises kept\n  NO  broken" in story.summary()
    assert "  0.0 min  One" in story.summary()
    assert "ok  kept" in capsys.readouterr().out


def test_a_story_that_proved_nothing_is_not_good() -> None:
    assert not Story().good


@pytest.mark.parametrize(("values", "text"), [([39.0, 41.2], "39 to 41 %"), ([100.0], "100 %"), ([], "none")])
def test_percentages_are_spoken_as_a_span(values: list[float], text: str) -> None:
    assert site.span(values) == text


def test_only_plays_are_told_once_each() -> None:
    story = Story()
    told: list[str] = []
    story.tell = told.append  # type: ignore[method-assign]  # listens in
    tell: Callable[[str], None] = site.tell_plays(story)
    for line in ("PLAY [Serve the sites] ****\n", "TASK [x] ***\n", "PLAY [Serve the sites] ****\n"):
        tell(line)
    assert told == ["· Serve the sites"]
