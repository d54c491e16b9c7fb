# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts over what stands on a host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import preview_verdicts
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.checks import Listener
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_plans import RolePlan, Touch

HAPROXY = RolePlan(
    "haproxy",
    [Touch("/etc/haproxy/haproxy.cfg", "replaced", "haproxy")],
    [Listener("haproxy_frontends", "*", 80)],
    ("haproxy",),
)
NGINX = RolePlan(
    "nginx",
    [Touch("/etc/nginx/sites-enabled/default", "removed", "nginx")],
    claims=frozenset({"server_name a.net", "default_server 80"}),
)
PROMETHEUS = RolePlan(
    "prometheus", [Touch("/etc/systemd/system/prometheus.service.d/10-evenkeel.conf", "replaced", "prometheus")]
)
HARDENING = RolePlan(
    "hardening",
    [
        Touch("/etc/ssh/sshd_config.d/10-evenkeel.conf", "replaced", "hardening"),
        Touch("/etc/login.defs", "edited", "hardening"),
        Touch("/etc/shadow", "owned", "hardening"),
    ],
    keys={
        "ssh": {"permitrootlogin": ("no", "/etc/ssh/sshd_config.d/10-evenkeel.conf")},
        "sysctl": {"kernel/kptr_restrict": ("2", "/etc/sysctl.d/98-evenkeel-hardening.conf")},
    },
    stopped={"cups.service"},
    let_in=[(443, 443), (8000, 8010)],
)


def file(path: str, topic: str = "other", origin: str = "foreign", **more: Any) -> dict[str, Any]:
    return {"topic": topic, "path": path, "origin": origin, "manager": "", "keys": {}, "claims": [], **more}


def port(number: int, process: str = "x", address: str = "0.0.0.0", protocol: str = "tcp") -> dict[str, Any]:  # noqa: S104 - said, not bound to
    return {"protocol": protocol, "address": address, "port": number, "process": process, "pid": 1}


def judged(*plans: RolePlan, **found: Any) -> list[dict[str, str]]:
    nothing: dict[str, Any] = {"files": [], "managers": [], "firewalls": [], "listeners": [], "active_units": []}
    return preview_verdicts.judge({**nothing, **found}, plans)


@pytest.mark.parametrize(
    ("plan", "found", "verdict", "words"),
    [
        (HAPROXY, file("/etc/haproxy/haproxy.cfg"), "replaced (journalled)", ""),
        (HAPROXY, file("/etc/haproxy/haproxy.cfg", manager="ansible"), "replaced (journalled)", "says that ansible"),
        (HAPROXY, file("/etc/haproxy/haproxy.cfg", manager="puppet"), "conflict", "haproxy would write it too"),
        (HAPROXY, file("/etc/haproxy/other.cfg", manager="puppet"), "kept", "says that puppet"),
        (HAPROXY, file("/etc/haproxy/haproxy.cfg", origin="package"), "replaced (journalled)", ""),
        (
            NGINX,
            file("/etc/nginx/sites-enabled/default", "nginx", claims=["default_server 80"]),
            "removed (journalled)",
            "",
        ),
        (NGINX, file("/etc/nginx/conf.d/x", "nginx", claims=["default_server 80"]), "conflict", "default_server 80"),
        (NGINX, file("/etc/nginx/conf.d/x", "nginx", claims=["default_server 81", "server_name b.net"]), "kept", ""),
        (
            PROMETHEUS,
            file("/etc/systemd/system/prometheus.service.d/x.conf", "drop-in", claims=["ExecStart"]),
            "conflict",
            "sets ExecStart",
        ),
        (PROMETHEUS, file("/etc/systemd/system/prometheus.service.d/x.conf", "drop-in", claims=["User"]), "kept", ""),
        (PROMETHEUS, file("/etc/systemd/system/nginx.service.d/x.conf", "drop-in", claims=["ExecStart"]), "kept", ""),
        (HARDENING, file("/etc/login.defs"), "edited per key", "other lines stay"),
        (HARDENING, file("/etc/shadow"), "edited per key", "owner and mode only"),
        (
            HARDENING,
            file("/etc/ssh/sshd_config.d/00-x.conf", "ssh", keys={"permitrootlogin": "yes"}),
            "conflict",
            "permitrootlogin",
        ),
        (HARDENING, file("/etc/ssh/sshd_config.d/00-x.conf", "ssh", keys={"permitrootlogin": "no"}), "kept", ""),
        (HARDENING, file("/etc/ssh/sshd_config.d/50-x.conf", "ssh", keys={"permitrootlogin": "yes"}), "kept", ""),
        (HARDENING, file("/etc/sysctl.d/99-x.conf", "sysctl", keys={"kernel/kptr_restrict": "0"}), "conflict", "kptr"),
        (HARDENING, file("/etc/sysctl.d/10-x.conf", "sysctl", keys={"kernel/kptr_restrict": "0"}), "kept", ""),
    ],
)
def test_a_file_has_its_verdict(plan: RolePlan, found: dict[str, Any], verdict: str, words: str) -> None:
    (entry,) = judged(plan, files=[found])
    assert (entry["what"], entry["verdict"]) == (found["path"], verdict)
    assert words in entry["why"]


@pytest.mark.parametrize("origin", ["package", "evenkeel"])
def test_what_is_as_it_came_or_ours_and_stays_is_left_out(origin: str) -> None:
    assert judged(NGINX, files=[file("/etc/haproxy/haproxy.cfg", origin=origin)]) == []


@pytest.mark.parametrize(
    ("plan", "found", "verdict"),
    [
        (HAPROXY, port(80, "apache2"), "conflict"),
        (HAPROXY, port(80, "haproxy"), "kept"),
        (HAPROXY, port(80, "apache2", protocol="udp"), "kept"),
        (HAPROXY, port(81, "apache2"), "kept"),
        (HARDENING, port(5432, "postgres"), "conflict"),
        (HARDENING, port(5432, "postgres", address="127.0.0.1"), "kept"),
        (HARDENING, port(443, "postgres"), "kept"),
        (HARDENING, port(8005, "postgres"), "kept"),
        (HARDENING, port(22, "sshd"), "kept"),
    ],
)
def test_a_listener_has_its_verdict(plan: RolePlan, found: dict[str, Any], verdict: str) -> None:
    (entry,) = judged(plan, listeners=[found])
    assert entry["verdict"] == verdict


def test_managers_that_come_again_are_in_conflict_and_stand_first() -> None:
    managers = [
        {"name": "cloud-init", "converges": False, "path": "/a"},
        {"name": "chef", "converges": True, "path": "/b"},
    ]
    entries = judged(managers=managers)
    assert [(entry["what"], entry["verdict"]) for entry in entries] == [
        ("chef (/b)", "conflict"),
        ("cloud-init (/a)", "kept"),
    ]
    assert preview_verdicts.totals(entries) == {"conflict": 1, "kept": 1}


def test_a_firewall_is_in_conflict_only_with_ours() -> None:
    assert judged(HAPROXY, firewalls=["ufw"])[0]["verdict"] == "kept"
    assert judged(HAPROXY, HARDENING, firewalls=["ufw"])[0]["verdict"] == "conflict"


def test_a_service_that_would_be_stopped_is_told() -> None:
    (entry,) = judged(HARDENING, active_units=["cups.service", "ssh.service"])
    assert (entry["topic"], entry["what"]) == ("service", "cups.service")
