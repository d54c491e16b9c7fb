"""The load's command line, and what it sends to the host."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tools import load
from tools.lab.settings import LabError


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Commands and their input, in order; `cat` answers with a report."""
    calls: list[tuple[str, str]] = []

    def run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append((argv[-1], options["input"]))
        answer = json.dumps({"total": 7}) if argv[-1].startswith("sudo cat") else ""
        return subprocess.CompletedProcess(argv, 3 if "refused" in argv[-1] else 0, answer, "no")

    monkeypatch.setattr(load.subprocess, "run", run)
    monkeypatch.setattr(load, "ssh_command", lambda address: ["ssh", address])
    return calls


def test_start_brings_the_program_and_its_plan(sent: list[tuple[str, str]]) -> None:
    arguments = ["start", "192.0.2.1", "http://a/", "http://b/", "--slow", "http://a/slow", "--clients", "2"]
    assert load.main(arguments) == 0
    plan = next(json.loads(content) for command, content in sent if command.endswith("load.json"))
    assert [(each["name"], each["count"], each["keep_alive"]) for each in plan["clients"]] == [
        ("new", 2, False),
        ("keep-alive", 2, True),
        ("slow", 8, False),
    ]
    assert sent[-1][0].startswith("sudo systemd-run --quiet --collect --unit=evenkeel-load.service python3 ")
    assert ("quiet" in content for _command, content in sent)


def test_http2_is_asked_where_urls_are_given_for_it(sent: list[tuple[str, str]]) -> None:
    assert load.main(["start", "192.0.2.1", "http://a/", "--http2", "https://a/", "--http2-clients", "3"]) == 0
    plan = next(json.loads(content) for command, content in sent if command.endswith("load.json"))
    last = plan["clients"][-1]
    assert (last["name"], last["urls"], last["count"], last["http2"]) == ("HTTP/2", ["https://a/"], 3, True)


def test_stop_prints_the_report(sent: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert load.main(["stop", "192.0.2.1"]) == 0
    assert json.loads(capsys.readouterr().out) == {"total": 7}
    assert sent[-1][0] == f"sudo rm -rf {load.DIRECTORY}"


def test_an_event_is_written_as_it_is(sent: list[tuple[str, str]]) -> None:
    assert load.main(["mark", "192.0.2.1", "deploy web1"]) == 0
    assert sent == [(f"sudo install -D -m 0644 /dev/stdin {load.DIRECTORY}/event", "deploy web1")]


@pytest.mark.usefixtures("sent")
def test_what_the_host_says_is_told() -> None:
    with pytest.raises(LabError, match="192.0.2.1: `refused` returned 3: no"):
        load.Load("192.0.2.1")._run(["refused"])
