# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services in the place of ports: the inputs of their roles have these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.firewall import rule_problems
from ansible_collections.evenkeel.ops.plugins.plugin_utils import given_roles
from ansible_collections.evenkeel.ops.plugins.plugin_utils.firewall_services import (
    SERVICES,
    expand,
    inputs_of,
    problems,
)

SPECS = Path(__file__).resolve().parents[4] / "roles/hardening/meta/argument_specs.yml"
FRONTENDS = [
    {
        "name": "http",
        "bind": [{"port": 80}, {"port": 443}, {"port": 8404, "address": "127.0.0.1"}],
        "default_backend": "a",
    }
]
SITE = {"name": "a", "server_names": ["a.net"], "tls": {"certificate": "a", "listen": ["8443"], "http3": True}}
TWINS = [{"name": name, "address": f"192.0.2.{i}", "port": 1024 + i} for i, name in enumerate("ab")]
PEERS = {"haproxy_listens": [], "haproxy_peers": [{"name": "twins", "peers": TWINS}]}


def opened(service: str, **variables: Any) -> list[tuple[str, list[int]]]:
    """Protocol and ports of each rule that a service becomes."""
    rules = expand([{"service": service}], {"inventory_hostname": "a", **variables}, None)
    assert all(rule_problems("rule", rule) == [] for rule in rules)
    return [(rule["protocol"], rule.get("ports", [])) for rule in rules]


@pytest.mark.parametrize(
    ("service", "variables", "rules"),
    [
        ("exporters", {}, [("tcp", [9100])]),
        ("exporters", {"exporters_ports": {"node": 9101}}, [("tcp", [9101])]),
        ("exporters", {"exporters_listen_address": "127.0.0.1"}, []),
        ("exporters", {"exporters_enabled": []}, []),
        ("haproxy", {"haproxy_frontends": FRONTENDS}, [("tcp", [80, 443])]),
        ("haproxy", {"haproxy_listens": [{"name": "db", "bind": [{"port": 5432}]}]}, [("tcp", [5432])]),
        ("haproxy", {}, []),
        ("haproxy_metrics", {"haproxy_frontends": FRONTENDS}, [("tcp", [8405])]),
        ("haproxy_metrics", {"haproxy_frontends": FRONTENDS, "haproxy_metrics_address": "::1"}, []),
        ("haproxy_metrics", {"haproxy_frontends": FRONTENDS, "haproxy_metrics_enabled": False}, []),
        ("haproxy_metrics", {}, []),
        ("haproxy_peers", PEERS, [("tcp", [1024])]),
        (
            "haproxy_peers",
            {**PEERS, "haproxy_local_peer": "b"},
            [("tcp", [1025])],
        ),
        ("nginx", {"nginx_sites": [SITE]}, [("tcp", [80, 8443]), ("udp", [8443])]),
        ("nginx", {"nginx_sites": [{**SITE, "listen": [], "tls": {"certificate": "a"}}]}, [("tcp", [443])]),
        ("nginx", {"nginx_sites": [{**SITE, "state": "absent"}]}, []),
        ("nginx", {}, []),
        ("keepalived", {"keepalived_instances": [{}]}, [("vrrp", [])]),
        ("keepalived", {}, []),
        ("prometheus", {"prometheus_port": 9999}, [("tcp", [9999])]),
        ("alertmanager", {"alertmanager_receivers": []}, [("tcp", [9093])]),
        ("alertmanager", {}, []),
        ("alertmanager_cluster", {"alertmanager_receivers": []}, []),
        (
            "alertmanager_cluster",
            {"alertmanager_receivers": [], "alertmanager_cluster_listen_address": "192.0.2.7:9094"},
            [("tcp", [9094]), ("udp", [9094])],
        ),
        ("backup_server", {"backup_server_users": []}, [("tcp", [8000])]),
        ("backup_server", {}, []),
    ],
)
def test_ports_come_from_the_role(service: str, variables: dict[str, Any], rules: list[Any]) -> None:
    """What is on the loopback interface stays shut, and so does what the host does not have."""
    assert opened(service, **variables) == rules


def test_the_rest_of_a_rule_stays() -> None:
    """Sources, interface and comment are the rule's; a rule with ports is left alone."""
    plain = {"ports": [22], "sources": ["192.0.2.1"]}
    asked = {"service": "exporters", "sources": ["@monitoring"], "interface": "eth1", "protocol": None}
    assert expand([plain, asked, {"service": "exporters", "comment": "metrics"}], {}, None) == [
        plain,
        {"sources": ["@monitoring"], "interface": "eth1", "comment": "exporters", "protocol": "tcp", "ports": [9100]},
        {"comment": "metrics", "protocol": "tcp", "ports": [9100]},
    ]


def test_a_service_has_no_ports_of_its_own() -> None:
    """Both would contradict each other."""
    assert problems("x[0]", {"service": "nginx", "sources": ["@web"]}) == [] == problems("x[0]", {"ports": [80]})
    assert problems("x[0]", {"service": "nginx", "protocol": "udp"}) == [
        "x[0] has service and protocol; allowed is one of them."
    ]
    assert problems("x[0]", {"service": "apache"})[0].startswith("x[0].service is 'apache'; allowed are alertmanager,")


@pytest.mark.parametrize("name", ["", "_group", "_host"])
def test_the_role_s_input_takes_every_service(name: str) -> None:
    """The specification and the services say the same."""
    options = yaml.safe_load(SPECS.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    assert options[f"hardening_firewall_allow{name}"]["options"]["service"]["choices"] == list(SERVICES)


@pytest.mark.parametrize("role", sorted({each.role for services in SERVICES.values() for each in services}))
def test_each_service_has_a_role_with_inputs(role: str) -> None:
    """A role that is renamed takes its service along."""
    names = given_roles.MARKS.get(role, ())
    assert set(names) <= set(inputs_of(role, {}, None))
