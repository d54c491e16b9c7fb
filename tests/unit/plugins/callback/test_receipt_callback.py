"""The callback in real runs: what it writes, what it never writes, and how it is checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import receipt

HIDDEN = "s3cr3t-value"
PLAYBOOK = """
- name: Play of {{ hidden }}
  hosts: all
  gather_facts: false
  vars: {hidden: s3cr3t-value}
  tasks:
    - name: Run {{ hidden }}
      ansible.builtin.command: {argv: [echo, "{{ hidden }}"]}
    - name: Loop over what is hidden
      ansible.builtin.debug: {msg: "{{ item }}"}
      loop: ["{{ hidden }}", "{{ hidden }}"]
    - name: Write without a log
      ansible.builtin.copy: {content: "{{ hidden }}", dest: "{{ work }}/{{ inventory_hostname }}", mode: "0600"}
      no_log: true
      diff: true
    - name: Fail with it
      ansible.builtin.fail: {msg: "{{ hidden }}"}
      ignore_errors: true
    - name: Change through the engine
      evenkeel.ops.config_tree:
        roots: ["{{ work }}/etc-{{ inventory_hostname }}"]
        files: [{path: "{{ work }}/etc-{{ inventory_hostname }}/a", content: "{{ hidden }}", secret: true}]
        state_dir: "{{ work }}/state-{{ inventory_hostname }}"
      when: inventory_hostname == 'one'
    - name: Keep the head
      evenkeel.ops.receipt_head: {state_dir: "{{ work }}/state-{{ inventory_hostname }}"}
"""
VERIFY = """
- name: Verify
  hosts: all
  gather_facts: false
  tasks:
    - name: Compare
      evenkeel.ops.verify_receipt: {path: "{{ file }}", state_dir: "{{ work }}/state-{{ inventory_hostname }}"}
"""


class Project:
    """Playbooks, and a place for the receipts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "ansible.cfg").write_text("")
        (path / "play.yml").write_text(PLAYBOOK)
        (path / "verify.yml").write_text(VERIFY)

    def play(self, name: str, *arguments: str, **environment: str) -> str:
        """Run a playbook on two local hosts; return all it said."""
        collections = next(path for path in sys.path if Path(path, "ansible_collections/evenkeel").is_dir())
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWX_"))}
        settings = {
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_CONFIG": str(self.path / "ansible.cfg"),
            "ANSIBLE_CALLBACKS_ENABLED": "evenkeel.ops.receipt",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "EVENKEEL_RECEIPT_DIR": str(self.path / "receipts"),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "one,two,", "-c", "local", name]
        command += ["-e", json.dumps({"work": str(self.path)}), *arguments]
        done = subprocess.run(
            command, cwd=self.path, env=inherited | settings | environment, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    @property
    def receipts(self) -> list[Path]:
        return sorted((self.path / "receipts").glob("*.jsonl"))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project after one real run, and what it said."""
    project = Project(tmp_path_factory.mktemp("receipt"))
    return project, project.play("play.yml", "--limit", "one:two", "-vvv")


def test_receipt_is_whole_and_says_who_did_what_where(ran: tuple[Project, str]) -> None:
    project, said = ran
    (path,) = project.receipts
    checked = receipt.check(path.read_bytes())
    assert checked.problems == []
    first, last = checked.entries[0], checked.entries[-1]
    assert (first["type"], first["limit"], first["playbook"]) == ("run", "one:two", "play.yml")
    assert first["run"] == path.stem
    assert last["hosts"]["one"]["ignored"] == 1
    statuses = {(entry["host"], entry["task"]): entry["status"] for entry in checked.entries if entry["type"] == "task"}
    assert statuses[("two", "Fail with it")] == "ignored"
    assert statuses[("two", "Change through the engine")] == "skipped"
    assert f"receipt head: {checked.head}" in said


def test_no_value_is_in_the_receipt(ran: tuple[Project, str]) -> None:
    project, _said = ran
    assert HIDDEN not in project.receipts[0].read_text()


def test_undo_is_printed_for_hosts_that_changed(ran: tuple[Project, str]) -> None:
    project, said = ran
    run = project.receipts[0].stem
    assert f"run {run} changed one; undo with: ansible-playbook evenkeel.ops.undo -e evenkeel_run={run}" in said


def test_only_changed_hosts_keep_the_head(ran: tuple[Project, str]) -> None:
    project, _said = ran
    assert (project.path / "state-one/receipts" / f"{project.receipts[0].stem}.json").is_file()
    assert not (project.path / "state-two").exists()


def test_verification_compares_with_the_host(ran: tuple[Project, str]) -> None:
    project, _said = ran
    (path,) = project.receipts
    said = project.play("verify.yml", "-e", f"file={path}", "-v", ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.junit")
    assert '"host_knows": true' in said
    assert '"host_knows": false' in said
    forged, prev = [], receipt.START
    for line in path.read_bytes().splitlines():
        entry = {key: value for key, value in json.loads(line).items() if key not in {"prev", "hash"}}
        entry = receipt.seal({**entry, "changed": False} if entry.get("task") == "Run {{ hidden }}" else entry, prev)
        prev = entry["hash"]
        forged.append(receipt.canonical(entry) + b"\n")
    (project.path / "forged.jsonl").write_bytes(b"".join(forged))
    said = project.play("verify.yml", "-e", "file=forged.jsonl", ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.junit")
    assert "The receipt was rewritten." in said
    assert "failed=1" in said


def test_check_mode_promises_no_undo(ran: tuple[Project, str], tmp_path: Path) -> None:
    project = Project(tmp_path)
    said = project.play("play.yml", "--check")
    assert "undo with" not in said
    assert not (project.path / "state-one").exists()
    assert receipt.check(project.receipts[0].read_bytes()).entries[0]["check"] is True


def test_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    said = Project(tmp_path).play("play.yml", EVENKEEL_RECEIPT_DIR="/proc/nowhere")
    assert "receipt: no record is written for this run" in said
    assert "receipt head" not in said


def test_artifacts_of_ansible_runner_are_used(tmp_path: Path) -> None:
    import ansible_runner  # noqa: PLC0415 - slow to import, and only needed here

    project = Project(tmp_path)
    (tmp_path / "hosts").write_text("one ansible_connection=local\n")
    collections = next(path for path in sys.path if Path(path, "ansible_collections/evenkeel").is_dir())
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_CALLBACKS_ENABLED": "evenkeel.ops.receipt",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_CONFIG": str(project.path / "ansible.cfg"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = ansible_runner.run(
        private_data_dir=str(tmp_path),
        project_dir=str(tmp_path),
        playbook="play.yml",
        inventory=str(tmp_path / "hosts"),
        extravars={"work": str(tmp_path)},
        envvars=settings,
        ident="7",
        quiet=True,
    )
    assert done.rc == 0, done.stdout.read()
    (path,) = (tmp_path / "artifacts/7/evenkeel_receipts").glob("*.jsonl")
    assert receipt.check(path.read_bytes()).problems == []
