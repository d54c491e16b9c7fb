# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints derived from the inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.plugin_utils import exporters, given_roles, inventory_endpoints

ROLES = Path(__file__).resolve().parents[4] / "roles"
HOSTVARS: dict[str, dict[str, Any]] = {
    "lb1": {"ansible_host": "192.0.2.11", "haproxy_frontends": [{"name": "http"}]},
    "web1": {"ansible_host": "192.0.2.21", "backend_address": "10.0.0.21"},
    "web2": {"ansible_host": "2001:db8::22", "exporters_ports": {"node": "9101"}},
    "old1": {"ansible_host": "192.0.2.99", "exporters_enabled": []},
    "lost": {},
}


def targets(*hosts: str, hostvars: Any = None) -> list[tuple[str, str, list[str]]]:
    found = inventory_endpoints.prometheus_targets(hosts, hostvars or HOSTVARS, "ansible_host")
    return [(target["job"], target["labels"]["instance"], target["targets"]) for target in found]


def test_servers_are_ordered_by_name() -> None:
    assert inventory_endpoints.haproxy_servers(["web2", "web1"], HOSTVARS, 80, "ansible_host") == [
        {"name": "web1", "address": "192.0.2.21", "port": 80},
        {"name": "web2", "address": "2001:db8::22", "port": 80},
    ]


def test_the_address_may_come_from_another_variable() -> None:
    servers = inventory_endpoints.haproxy_servers(["web1"], HOSTVARS, 80, "backend_address")
    assert [server["address"] for server in servers] == ["10.0.0.21"]


@pytest.mark.parametrize("address", [{}, {"ansible_host": ""}, {"ansible_host": " "}, {"ansible_host": None}])
def test_a_host_without_an_address_is_refused_by_name(address: dict[str, Any]) -> None:
    with pytest.raises(inventory_endpoints.NoAddress, match="host 'lost' has no address: set ansible_host"):
        targets("web1", "lost", hostvars={**HOSTVARS, "lost": address})


def test_an_unknown_host_is_refused_by_name() -> None:
    with pytest.raises(inventory_endpoints.NoAddress, match="host 'nobody' is unknown to the inventory"):
        targets("nobody")


def test_every_host_is_a_target_without_a_variable_set() -> None:
    assert targets("web1") == [("node", "web1", ["192.0.2.21:9100"])]


def test_a_host_with_frontends_serves_its_own_metrics_too() -> None:
    assert targets("web1", "lb1") == [
        ("haproxy", "lb1", ["192.0.2.11:8405"]),
        ("node", "lb1", ["192.0.2.11:9100"]),
        ("node", "web1", ["192.0.2.21:9100"]),
    ]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"haproxy_metrics_enabled": False}, []),
        ({"haproxy_metrics_port": 9101}, [("haproxy", "lb1", ["192.0.2.11:9101"])]),
    ],
)
def test_inputs_of_the_balancer_count(change: dict[str, Any], wanted: list[Any]) -> None:
    found = targets("lb1", hostvars={"lb1": {**HOSTVARS["lb1"], **change}})
    assert [target for target in found if target[0] == "haproxy"] == wanted


def test_a_host_that_only_passes_connections_on_balances_too() -> None:
    hostvars = {"lb1": {"ansible_host": "192.0.2.11", "exporters_enabled": [], "haproxy_listens": [{"name": "db"}]}}
    assert targets("lb1", hostvars=hostvars) == [("haproxy", "lb1", ["192.0.2.11:8405"])]


def test_marks_are_inputs_without_a_default_that_gives_the_role() -> None:
    for role, names in given_roles.MARKS.items():
        defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())
        assert [defaults.get(name, []) for name in names] == [[]] * len(names)


def test_a_host_with_receivers_runs_alertmanager() -> None:
    hostvars = {
        "mon1": {"ansible_host": "192.0.2.31", "exporters_enabled": [], "alertmanager_receivers": [{"name": "a"}]}
    }
    assert targets("mon1", hostvars=hostvars) == [("alertmanager", "mon1", ["192.0.2.31:9093"])]
    hostvars["mon1"]["alertmanager_port"] = 9193
    assert targets("mon1", hostvars=hostvars) == [("alertmanager", "mon1", ["192.0.2.31:9193"])]


def test_an_address_with_colons_is_bracketed_and_a_port_of_its_own_counts() -> None:
    assert targets("web2") == [("node", "web2", ["[2001:db8::22]:9101"])]


def test_a_host_without_exporters_is_no_target() -> None:
    assert targets("old1") == []


def test_an_unknown_exporter_is_refused_with_its_host() -> None:
    with pytest.raises(exporters.UnknownExporter, match="of host 'web1': exporter 'nude' is unknown; allowed are node"):
        targets("web1", hostvars={"web1": {"ansible_host": "192.0.2.21", "exporters_enabled": ["nude"]}})


def test_constants_are_the_defaults_of_the_roles() -> None:
    """The filter cannot see other hosts' role defaults, so it repeats them."""
    defaults = {
        name: yaml.safe_load((ROLES / name / "defaults/main.yml").read_text())
        for name in ("alertmanager", "exporters", "haproxy")
    }
    assert defaults["exporters"]["exporters_enabled"] == list(exporters.ENABLED_BY_DEFAULT)
    assert defaults["alertmanager"]["alertmanager_port"] == exporters.ALERTMANAGER_PORT
    assert defaults["haproxy"]["haproxy_metrics_enabled"] is True
    assert defaults["haproxy"]["haproxy_metrics_port"] == exporters.HAPROXY_METRICS_PORT


@pytest.mark.parametrize("path", sorted((ROLES / "exporters/vars").glob("[!m]*.yml")), ids=lambda path: path.name)
def test_every_exporter_has_a_package_on_every_distribution(path: Path) -> None:
    registry = yaml.safe_load(path.read_text())["__exporters_registry"]
    assert set(registry) == set(exporters.PORTS)
    assert {frozenset(entry) for entry in registry.values()} == {frozenset({"package", "unit", "drop_in", "program"})}
