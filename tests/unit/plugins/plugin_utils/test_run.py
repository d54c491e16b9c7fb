"""One id for a run, shared by every fork."""

from __future__ import annotations

import os
from datetime import datetime, timezone

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import run

STARTED = datetime(2026, 3, 1, 4, 5, 6, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("environment", "origin"),
    [
        ({}, "cli"),
        ({"JOB_ID": "42"}, "awx42"),
        ({"AWX_JOB_ID": "7"}, "awx7"),
        ({"JOB_ID": "nightly/../build"}, "cli"),  # other job runners use the name too; the id becomes a directory
        ({"JOB_ID": ""}, "cli"),
    ],
)
def test_id_names_start_and_origin(environment: dict[str, str], origin: str) -> None:
    made = run.make_run_id(STARTED, environment)
    assert made.startswith(f"20260301T040506Z-{origin}-")
    assert run.RUN_ID_PATTERN.fullmatch(made)


def test_two_runs_of_one_second_differ() -> None:
    assert run.make_run_id(STARTED, {}) != run.make_run_id(STARTED, {})


def test_forks_share_the_id() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, run.run_id().encode())
        os._exit(0)
    os.close(writer)
    seen = os.read(reader, 200).decode()
    os.close(reader)
    os.waitpid(child, 0)
    assert seen == run.RUN_ID == run.run_id()


def test_run_by_survives_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unnamed() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(run.getpass, "getuser", unnamed)
    assert run.run_by().startswith(f"uid{os.getuid()}@")
