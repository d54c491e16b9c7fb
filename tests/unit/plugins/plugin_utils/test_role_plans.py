# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles will do to a host, and that what they say of it is true of their own files."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from ansible_collections.evenkeel.ops.plugins.plugin_utils import role_plans

NAMES = sorted(path.name for path in role_plans.ROLES.iterdir() if (path / "tasks").is_dir())
# Programs, pid files and the like are read or run, never written.
ETC = re.compile(r"/etc/[A-Za-z0-9._/*-]+")
# Roots of trees, and directories that only hold what is told.
KEYS = {"files", "mirrors", "mainline", "catalogue", "settings", "processes"}


def said(role: str) -> dict[str, Any]:
    about = role_plans.told(role)
    assert about is not None, f"roles/{role}: no {role_plans.TOUCHES}, which tells playbooks/preview.yml what it writes"
    return about


def files_of(role: str) -> dict[str, str]:
    about = said(role)
    return {item["path"]: item["how"] for room in ("files", "mirrors", "mainline") for item in about.get(room, ())}


def how(path: str, plan: role_plans.RolePlan) -> str:
    touch = role_plans.touch_of(path, [plan])
    return touch.how if touch else ""


# What another role puts in place, and this one only reads.
READ = {"haproxy": {"/etc/evenkeel/certificates"}}
# Whose paths its modules know, and not its tasks.
IN_MODULES = {"certificates"}


def own_text(role: str) -> str:
    """What the role itself says of paths, without comments."""
    paths = [path for room in ("tasks", "vars") for path in sorted((role_plans.ROLES / role / room).rglob("*.yml"))]
    lines = (line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("role", NAMES)
def test_each_role_says_what_it_touches(role: str) -> None:
    about = said(role)
    assert set(about) <= KEYS
    for item in [*about["files"], *about.get("mirrors", ()), *about.get("mainline", ())]:
        assert set(item) == {"path", "how"}
        assert item["how"] in role_plans.HOWS


@pytest.mark.parametrize("role", NAMES)
def test_no_path_of_a_role_is_kept_silent(role: str) -> None:
    """Each path below /etc in its tasks and variables is one that it tells of, or a directory of one."""
    told = files_of(role)
    parents = {str(parent) for path in told for parent in Path(path).parents}
    found = {path.rstrip("/.") for path in ETC.findall(own_text(role))}
    untold = {path for path in found if path not in parents and not any(fnmatchcase(path, each) for each in told)}
    untold = {path for path in untold if not any(each.startswith(path) for each in told)}
    untold -= READ.get(role, set())
    assert not untold, f"roles/{role}: {sorted(untold)} is in its tasks or vars, and not in {role_plans.TOUCHES}"


@pytest.mark.parametrize("role", sorted(set(NAMES) - IN_MODULES))
def test_nothing_is_told_that_the_role_does_not_do(role: str) -> None:
    """The directory of each path that it tells of is in its tasks or variables."""
    text = own_text(role)
    invented = [path for path in files_of(role) if str(Path(path).parent) not in text]
    assert not invented, f"roles/{role}/{role_plans.TOUCHES}: {invented} is nowhere in its tasks or vars"


def test_nginx_tells_of_a_repository_where_it_is_asked_for() -> None:
    site = "/etc/nginx/conf.d/default.conf"
    assert how(site, role_plans.plan("nginx", {})) == ""
    assert how(site, role_plans.plan("nginx", {"nginx_repository": "mainline"})) == "removed"


def test_hardening_is_told_by_the_controls_that_are_chosen() -> None:
    strict = role_plans.plan("hardening", {"hardening_profile": "strict", "hardening_areas": ["ssh", "firewall"]})
    assert how("/etc/ssh/sshd_config.d/10-evenkeel.conf", strict) == "replaced"
    assert how("/etc/ssh/sshd_config", strict) == "owned"
    assert strict.keys["ssh"]["permitrootlogin"] == ("no", "/etc/ssh/sshd_config.d/10-evenkeel.conf")
    assert strict.let_in == []
    assert how("/etc/login.defs", strict) == ""
    accounts = role_plans.plan("hardening", {"hardening_profile": "strict"})
    assert how("/etc/login.defs", accounts) == "edited"


def test_the_firewall_lets_in_what_the_inputs_say() -> None:
    inputs = {
        "hardening_profile": "strict",
        "hardening_firewall_allow": [{"ports": [80, "8000-8010"]}],
        "hardening_firewall_allow_host": [{"protocol": "vrrp"}, {"chain": "output", "ports": [25]}],
    }
    assert role_plans.plan("hardening", inputs).let_in == [(80, 80), (8000, 8010), (1, 65535)]
    assert role_plans.plan("hardening", {"hardening_profile": "baseline"}).let_in is None


def test_the_firewall_lets_in_the_services_that_the_playbook_has() -> None:
    """And nothing for those that it has not."""
    allow = [{"service": "nginx"}, {"service": "prometheus"}, {"service": "keepalived"}]
    firewall = role_plans.plan("hardening", {"hardening_profile": "strict", "hardening_firewall_allow": allow})
    site = {"name": "a", "server_names": ["a.net"], "listen": ["8080", "127.0.0.1:8081"], "root": "/srv"}
    role_plans.let_services_in([firewall, role_plans.plan("nginx", {"nginx_sites": [site]})])
    assert firewall.let_in == [(8080, 8080)]


def test_kernel_is_told_by_its_settings() -> None:
    found = role_plans.plan("kernel", {"kernel_profile": "web_proxy", "kernel_settings_disabled": ["vm-swappiness"]})
    assert "/etc/sysctl.d/98-evenkeel-kernel.conf" in {touch.path for touch in found.touches}
    assert "vm/swappiness" not in found.keys["sysctl"]
    assert found.keys["sysctl"]


def test_listeners_and_claims_come_from_the_inputs() -> None:
    sites = [
        {"name": "a", "server_names": ["a.net"], "listen": ["8080"], "root": "/srv"},
        {"name": "b", "state": "absent", "server_names": ["b.net"]},
    ]
    found = role_plans.plan("nginx", {"nginx_sites": sites, "nginx_default_server_enabled": False})
    assert [listener.port for listener in found.listeners] == [8080]
    assert found.claims == {"server_name a.net"}
    assert "default_server 8080" in role_plans.plan("nginx", {"nginx_sites": sites}).claims


@pytest.mark.parametrize(
    ("inputs", "removed"),
    [
        ({}, False),
        ({"common_package_mirrors": [{"name": "x"}]}, True),
        ({"common_package_mirrors": [{"name": "x"}], "common_package_sources_replaced": ["/etc/apt/x"]}, False),
    ],
)
def test_sources_go_only_where_mirrors_come(inputs: dict[str, Any], removed: bool) -> None:
    found = {touch.path: touch.how for touch in role_plans.plan("common", inputs).touches}
    assert ("/etc/apt/sources.list" in found) == removed
    assert ("/etc/apt/x" in found) == ("common_package_sources_replaced" in inputs)


def test_a_role_of_others_is_silent() -> None:
    assert role_plans.plan("haproxy", {}, own=False).silent
    assert role_plans.plan("no_such_role", {}).silent


def test_a_whole_replacement_goes_before_a_change_of_mode() -> None:
    plans = [
        role_plans.RolePlan("a", [role_plans.Touch("/etc/x", "owned", "a")]),
        role_plans.RolePlan("b", [role_plans.Touch("/etc/*", "replaced", "b")]),
    ]
    touch = role_plans.touch_of("/etc/x", plans)
    assert touch is not None
    assert touch.role == "b"
    assert role_plans.touch_of("/usr/x", plans) is None


def test_each_kind_of_control_says_what_it_writes() -> None:
    """A new provider needs a reader. Packages go by name, probes write nothing, no role sets a mode of AppArmor."""
    assert set(PROVIDERS) - set(role_plans.READERS) == {"apparmor", "package", "probe"}
