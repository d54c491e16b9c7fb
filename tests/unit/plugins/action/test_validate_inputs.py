"""validate_inputs in a real play: every role, every problem, and no connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PLAYBOOK = """
- name: Check
  hosts: all
  gather_facts: false
  pre_tasks:
    - name: Refuse wrong inputs
      evenkeel.ops.validate_inputs:
        %(arguments)s
  roles: %(roles)s
"""
SPEC = """
argument_specs:
  main:
    short_description: Serve
    options:
      web_port: {type: int, required: true, description: Port}
      web_password: {type: str, no_log: true, choices: [a, b], description: Password}
      web_names: {type: list, elements: str, default: [], description: Names}
"""
# A host that nobody can reach: a connection would fail the run with another message.
HOST = "nowhere.invalid"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the roles web, web_cache and plain; only the first has a specification."""
    for role in ("web", "web_cache", "plain"):
        (tmp_path / "roles" / role / "tasks").mkdir(parents=True)
        (tmp_path / "roles" / role / "tasks/main.yml").write_text("[]\n")
    (tmp_path / "roles/web/meta").mkdir()
    (tmp_path / "roles/web/meta/argument_specs.yml").write_text(SPEC)
    (tmp_path / "roles/web_cache/meta").mkdir()
    (tmp_path / "roles/web_cache/meta/argument_specs.yml").write_text(
        "argument_specs: {main: {short_description: Cache, options: {web_cache_size: {type: int}}}}\n"
    )
    return tmp_path


def play(project: Path, roles: Any, variables: dict[str, Any], arguments: str = "{}") -> tuple[int, str]:
    """Run the playbook; return its exit code and all it said."""
    (project / "play.yml").write_text(PLAYBOOK % {"roles": json.dumps(roles), "arguments": arguments})
    (project / "ansible.cfg").write_text("")
    (project / "group_vars").mkdir(exist_ok=True)
    (project / "group_vars/all.yml").write_text(json.dumps(variables))
    return run(project, "-i", f"{HOST},", "play.yml")


def run(project: Path, *arguments: str) -> tuple[int, str]:
    """Run ansible-playbook in a project; return its exit code and all it said."""
    collections = next(path for path in sys.path if Path(path, "ansible_collections/evenkeel").is_dir())
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_ROLES_PATH": str(project / "roles"),
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_good_inputs_pass_without_a_connection(project: Path) -> None:
    code, said = play(project, ["web", "plain"], {"web_port": "{{ 8000 + 80 }}", "__web_internal": 1, "other": 2})
    assert (code, "unreachable=0" in said) == (0, True), said


def test_all_problems_of_all_roles_come_in_one_report(project: Path) -> None:
    wrong = {"web_port": "many", "web_password": "hunter2hunter2", "web_name": [], "web_cache_size": "big"}
    code, said = play(project, ["web", "web_cache"], wrong)
    assert code == 2
    assert "Inputs are refused, 4 problems; nothing was touched:" in said
    assert "web_port is 'many'; allowed is an integer." in said
    assert "web_password is (secret); allowed is one of a, b." in said
    assert "web_name is no input of the role web; did you mean web_names?" in said
    assert "web_cache_size is 'big'; allowed is an integer." in said
    assert "hunter2" not in said
    assert "unreachable=0" in said


def test_required_and_undefined(project: Path) -> None:
    _code, said = play(project, ["web"], {"web_names": "{{ nobody_set_this }}"})
    assert "web_port is not set; it is required, an integer." in said
    assert "web_names cannot be templated" in said
    assert "nobody_set_this" in said


def test_values_given_in_the_play_are_checked(project: Path) -> None:
    _code, said = play(project, [{"role": "web", "web_port": "many", "vars": {"web_names": {"a": 1}}}], {})
    assert "web_port is 'many'; allowed is an integer." in said
    assert "web_names is {'a': 1}; allowed is a list" in said


def test_explicit_roles(project: Path) -> None:
    _code, said = play(project, [], {"web_port": "many"}, "{roles: [web]}")
    assert "web_port is 'many'; allowed is an integer." in said
    _code, said = play(project, [], {}, "{roles: [wbe]}")
    assert "roles has 'wbe', which cannot be found" in said
    _code, said = play(project, [], {}, "{roles: web}")
    assert "roles is 'web'; allowed is a list of role names" in said


def test_contradictions_between_inputs_are_found(project: Path) -> None:
    frontends = [{"name": "a", "bind": [{"port": 80}], "default_backend": "gone"}]
    _code, said = play(project, ["evenkeel.ops.haproxy"], {"haproxy_frontends": frontends})
    assert "default_backend is 'gone'; allowed are the names in haproxy_backends" in said


def test_conflicts_between_roles_of_a_play_are_found(project: Path) -> None:
    """Before the host is asked; where a role by itself is wrong, that comes first."""
    roles = ["evenkeel.ops.hardening", "evenkeel.ops.kernel"]
    both = {"hardening_profile": "strict", "kernel_profile": "kubernetes_node"}
    code, said = play(project, roles, both)
    assert code == 2 and "refused, 4 problems" in said
    assert "wants kernel parameter net.ipv4.ip_forward to be 1 (net-forwarding)" in said
    _code, said = play(project, roles, {**both, "kernel_connections": -1})
    assert "kernel_connections is -1" in said and "refused, 1 problem" in said
    _code, said = play(project, roles, {**both, "hardening_profile": "baseline"})
    assert "are refused" not in said


def test_hosts_are_compared_with_the_others_of_their_play(project: Path) -> None:
    """Also those that the run is limited without; two routers of one network may not have one id."""
    (project / "hosts.yml").write_text(
        json.dumps(
            {
                "all": {
                    "hosts": {
                        f"lb{number}": {"ansible_host": f"192.0.2.{number}", "floating": f"192.0.2.{10 + number}/24"}
                        for number in (1, 2)
                    },
                    "vars": {
                        "keepalived_instances": [
                            {"name": "web", "router_id": 51, "addresses": [{"address": "{{ floating }}"}]}
                        ]
                    },
                }
            }
        )
    )
    play(project, ["evenkeel.ops.keepalived"], {})
    (project / "whole.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - evenkeel.ops.validate_inputs: {playbook: play.yml}\n      run_once: true\n"
    )
    sentence = "router_id is 51, which instance 'web' of 'lb2' has too in the network 192.0.2.0/24; allowed is an id"
    for arguments in (["play.yml", "--limit", "lb1"], ["whole.yml"]):
        code, said = run(project, "-i", "hosts.yml", *arguments)
        assert (code, sentence in " ".join(said.split())) == (2, True), said
    code, said = run(project, "-i", "hosts.yml", "whole.yml", "--extra-vars", "floating=192.0.2.20/24")
    assert code == 0, said


def test_missing_receipt_is_refused_with_the_remedy(project: Path) -> None:
    code, said = play(project, ["plain"], {"evenkeel_receipt_required": True})
    assert code == 2
    assert "callbacks_enabled = evenkeel.ops.receipt" in said


FIRST = """
- name: First
  hosts: all
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - name: Touch the host
      ansible.builtin.copy: {content: "", dest: "%(touched)s", mode: "0600"}
"""
LAST = """
- name: Last
  hosts: web_servers
  gather_facts: false
  roles: [web]
"""
SITE = """
- name: Refuse
  hosts: all
  gather_facts: false
  tasks:
    - name: Check the inputs of all plays
      evenkeel.ops.validate_inputs:
        playbook: site.yml
      run_once: true
- name: First
  ansible.builtin.import_playbook: first.yml
- name: Last
  ansible.builtin.import_playbook: plays/last.yml
"""


def site(project: Path, hosts: dict[str, Any], *options: str, guarded: bool = True) -> str:
    """Run a site of two imported playbooks, the first of which touches something; return all it said."""
    touched = project / "touched"
    (project / "plays").mkdir(exist_ok=True)
    (project / "first.yml").write_text(FIRST % {"touched": touched})
    (project / "plays/last.yml").write_text(LAST)
    whole = SITE
    (project / "site.yml").write_text(whole if guarded else whole[whole.index("- name: First") :])
    inventory = {"all": {"children": {"web_servers": {"hosts": hosts}, "others": {"hosts": {"other": {}}}}}}
    (project / "hosts.yml").write_text(json.dumps(inventory))
    (project / "ansible.cfg").write_text("")
    return run(project, "-i", "hosts.yml", "site.yml", *options)[1]


BAD = {"web1": {"web_port": "many"}, "web2": {"web_port": 80}, "web3": {"web_port": "many"}}


def test_wrong_input_of_the_last_play_leaves_every_host_untouched(project: Path) -> None:
    said = site(project, BAD)
    assert "Inputs are refused, 1 problem; nothing was touched:" in said
    assert "web1, web3: web_port is 'many'; allowed is an integer." in said
    assert not (project / "touched").exists()


def test_without_that_check_the_first_play_has_already_run(project: Path) -> None:
    site(project, BAD, guarded=False)
    assert (project / "touched").exists()


def test_hosts_that_the_run_leaves_out_are_not_asked(project: Path) -> None:
    said = site(project, BAD, "--limit", "web2,other", "--check")
    assert "refused" not in said


def test_a_playbook_that_is_not_there_is_refused(project: Path) -> None:
    site(project, BAD)
    text = (project / "site.yml").read_text().replace("playbook: site.yml", "playbook: gone.yml")
    (project / "site.yml").write_text(text)
    _code, said = run(project, "-i", "hosts.yml", "site.yml")
    assert "playbook is 'gone.yml'; allowed is a file beside the one that says so" in said
