# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters haproxy_lint and nginx_lint, and the playbook that calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

WAIVER = {"id": "HA026", "where": "backend *", "owner": "ops", "reason": "being moved", "until": "2999-12-31"}
SERVERS = [{"name": name, "address": name, "port": 80, "weight": 0} for name in ("web1", "web2")]
HAPROXY = {
    "haproxy_metrics_address": "192.0.2.10",
    "haproxy_frontends": [
        {"name": "http", "bind": [{"port": 80}], "default_backend": "web", "options": ["forwardfor"]}
    ],
    "haproxy_backends": [{"name": "web", "http_check": {"path": "/healthz"}, "servers": "{{ servers }}"}],
    "haproxy_userlists": "{{ vault_that_is_not_there }}",
    "servers": SERVERS,
}
NGINX = {"nginx_sites": [{"name": "shop", "return": 1, "lines": ["autoindex on;"]}]}


def filter_named(name: str) -> Callable[..., Any]:
    """A filter as Ansible gets it."""
    module = import_module(f"ansible_collections.evenkeel.ops.plugins.filter.{name}")
    found: Callable[..., Any] = module.FilterModule().filters()[name]
    return found


@pytest.mark.parametrize("name", ["haproxy_lint", "nginx_lint"])
def test_filters_refuse_nonsense(name: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"{name}: the input is list; allowed is a mapping of inputs"):
        filter_named(name)([])
    with pytest.raises(AnsibleFilterError, match=rf"{name}: waivers\[0\] \(HA026\) has no owner"):
        filter_named(name)({}, waivers=[{**WAIVER, "owner": ""}])


def test_filters_judge_their_program() -> None:
    both = {**HAPROXY, **NGINX, "haproxy_backends": [{"name": "web", "http_check": {}, "servers": SERVERS}]}
    assert {each["id"][:2] for each in filter_named("haproxy_lint")(both)} == {"HA"}
    (waived,) = [each for each in filter_named("haproxy_lint")(both, [WAIVER]) if each["id"] == "HA026"]
    assert waived["waived"] == "being moved (ops, until 2999-12-31)"
    assert [each["id"] for each in filter_named("nginx_lint")(both)] == ["NG010"]


def lint(project: Path, *arguments: str, **lint_variables: Any) -> tuple[int, str]:
    """Run the playbook on a balancer, a web server, and a host that is neither; none can be reached."""
    hosts = {"lb1": HAPROXY, "web1": NGINX, "db1": {"nginx_status_address": "*"}}
    inventory = {"all": {"hosts": hosts, "vars": {"ansible_host": "nowhere.invalid", **lint_variables}}}
    (project / "hosts.yml").write_text(json.dumps(inventory))
    (project / "ansible.cfg").write_text("")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": next(p for p in sys.path if Path(p, "ansible_collections/evenkeel").is_dir()),
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "evenkeel.ops.lint_balancers", "-i", "hosts.yml", *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_playbook_shows_all_hosts_and_fails_for_an_error(tmp_path: Path) -> None:
    """Inputs are templated; a host without sections is left out."""
    code, said = lint(tmp_path)
    assert code == 2, said
    assert "lb1            HA026  error    backend web: the weight of every server is 0" in said
    assert "web1           NG010  warning  site shop: autoindex is on" in said
    assert "2 found on 2 of 3 hosts, 0 more waived" in said
    assert "1 not waived from error on: HA026" in said
    assert "db1            NG" not in said
    assert "unreachable=0" in said and "changed=0" in said


def test_playbook_passes_what_is_waived_or_below_the_line(tmp_path: Path) -> None:
    code, said = lint(tmp_path, lint_waivers=[WAIVER])
    assert code == 0, said
    assert "lb1            HA026  waived   backend web: being moved (ops, until 2999-12-31)" in said
    code, said = lint(tmp_path, "-e", "lint_fail_from=warning", lint_waivers=[WAIVER])
    assert (code, "1 not waived from warning on: NG010" in said) == (2, True), said


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"lint_fail_from": "errors"}, 'lint_fail_from is \\"errors\\"'),
        ({"lint_waiver": []}, "inputs of the linter that are given are lint_waiver;"),
        ({"lint_waivers": [{**WAIVER, "until": "soon"}]}, "until is 'soon': allowed is a date such as 2027-03-31"),
    ],
)
def test_playbook_refuses_wrong_inputs(tmp_path: Path, variables: dict[str, Any], words: str) -> None:
    code, said = lint(tmp_path, **variables)
    assert code == 2 and words in said, said
