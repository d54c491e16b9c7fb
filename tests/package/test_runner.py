"""Playbooks of the installed collection run by their full names under ansible-runner, as AWX runs them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from place import TOOLS, succeeded


class Runner:
    """A private data directory: project/ with the collection that its requirements name, inventory/, env/."""

    def __init__(self, directory: Path, artifact: Path) -> None:
        self.directory = directory
        project, env, inventory = (directory / name for name in ("project", "env", "inventory"))
        for path in (project / "collections", env, inventory):
            path.mkdir(parents=True)
        requirements = project / "collections/requirements.yml"
        requirements.write_text(
            yaml.safe_dump({"collections": [{"name": str(artifact), "type": "file"}]}), encoding="utf-8"
        )
        # A thin project: each file imports one playbook of the collection.
        for name in ("audit", "preview"):
            text = f"---\n- name: Run it\n  ansible.builtin.import_playbook: evenkeel.ops.{name}\n"
            (project / f"{name}.yml").write_text(text, encoding="utf-8")
        (inventory / "hosts.yml").write_text(
            "---\nall:\n  hosts:\n    localhost: {ansible_connection: local}\n", encoding="utf-8"
        )
        (env / "envvars").write_text(
            yaml.safe_dump(
                {"ANSIBLE_COLLECTIONS_PATH": str(project / "collections"), "ANSIBLE_HOME": str(directory / "home")}
            ),
            encoding="utf-8",
        )
        (env / "settings").write_text(
            yaml.safe_dump({"idle_timeout": 120, "suppress_ansible_output": True}), encoding="utf-8"
        )
        self._run(
            "ansible-galaxy", "collection", "install", "--offline", "-p", project / "collections", "-r", requirements
        )

    def _run(self, tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment["PATH"] = f"{TOOLS}:{environment['PATH']}"
        done = subprocess.run(
            [TOOLS / tool, *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        succeeded(done)
        return done

    def run(self, playbook: str, ident: str, **variables: Any) -> tuple[int, list[dict[str, Any]]]:
        """Return code and events of a run."""
        (self.directory / "env/extravars").write_text(yaml.safe_dump(variables), encoding="utf-8")
        self._run("ansible-runner", "run", self.directory, "-p", playbook, "--ident", ident)
        artifacts = self.directory / "artifacts" / ident
        events = [json.loads(path.read_text(encoding="utf-8")) for path in (artifacts / "job_events").glob("*.json")]
        events.sort(key=lambda event: int(event["counter"]))
        return int((artifacts / "rc").read_text(encoding="utf-8")), events


def last(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The statistics at the end."""
    (stats,) = [event["event_data"] for event in events if event["event"] == "playbook_on_stats"]
    return dict(stats)


@pytest.fixture(scope="module")
def runner(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("runner"), artifact)


@pytest.mark.parametrize("playbook", ["evenkeel.ops.audit", "audit.yml"])
def test_audit_runs_by_its_full_name_and_from_a_thin_project(runner: Runner, playbook: str) -> None:
    """It succeeds, changes nothing, and its events tell the tasks."""
    code, events = runner.run(playbook, f"audit-{playbook}")
    stats = last(events)
    assert code == 0
    assert stats["ok"]["localhost"] > 0
    assert not stats["changed"] and not stats["failures"], stats
    tasks = {event["event_data"].get("resolved_action") for event in events if event["event"] == "runner_on_ok"}
    assert "evenkeel.ops.host_summary_info" in tasks


@pytest.mark.parametrize("playbook", ["evenkeel.ops.preview", "preview.yml"])
def test_preview_finds_the_site_of_the_collection(runner: Runner, playbook: str) -> None:
    """site.yml is beside preview.yml, wherever the run began."""
    code, events = runner.run(playbook, f"preview-{playbook}")
    assert code == 0
    (seen,) = [
        event["event_data"]["res"]
        for event in events
        if event["event"] == "runner_on_ok"
        and event["event_data"].get("resolved_action") == "evenkeel.ops.preview_info"
    ]
    assert {"hardening", "kernel", "exporters"} <= set(seen["roles"])
    assert not last(events)["changed"]
