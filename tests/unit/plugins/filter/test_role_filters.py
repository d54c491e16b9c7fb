# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the roles, called the way Ansible calls them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

HOSTVARS = {"web1": {"ansible_host": "192.0.2.21"}, "lost": {}}


def filter_named(name: str) -> Callable[..., Any]:
    module = import_module(f"ansible_collections.evenkeel.ops.plugins.filter.{name}")
    return module.FilterModule().filters()[name]


def test_role_problems_asks_the_role() -> None:
    bad = {"haproxy_backends": [{"name": "web", "servers": []}]}
    assert filter_named("role_problems")(bad, "haproxy") == [
        "haproxy_backends: backend 'web': servers is empty; allowed is a list with at least one server."
    ]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (({}, "apache"), "role is 'apache'; allowed are .*exporters, haproxy, .*nginx, .*prometheus"),
        (([], "nginx"), "the input is list; allowed is a mapping of inputs"),
    ],
)
def test_role_problems_refuses_nonsense(arguments: tuple[Any, str], text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=text):
        filter_named("role_problems")(*arguments)


@pytest.mark.parametrize(("name", "arguments"), [("haproxy_servers", (80,)), ("prometheus_targets", ())])
def test_a_host_without_an_address_is_an_error_of_the_filter(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(AnsibleFilterError, match=f"{name}: host 'lost' has no address: set ansible_host"):
        filter_named(name)(["web1", "lost"], HOSTVARS, *arguments)


REGISTRY = {"node": {"unit": "node.service", "program": "/usr/bin/node", "drop_in": "/etc/node.conf"}}


def test_exporter_units_tells_how_each_one_runs_and_is_tried() -> None:
    (unit,) = filter_named("exporter_units")(["node"], REGISTRY, {"node": "9101"}, "2001:db8::1", {"node": ["--quiet"]})
    assert unit["command"] == ["/usr/bin/node", "--web.listen-address=[2001:db8::1]:9101", "--quiet"]
    assert unit["trial"] == [*unit["command"], "--version"]
    assert unit["probe"] == {"tcp": {"host": "2001:db8::1", "port": 9101}}
    assert unit["unit"] == "node.service"


def test_exporter_units_probes_every_address_on_the_loopback() -> None:
    (unit,) = filter_named("exporter_units")(["node"], REGISTRY)
    assert unit["command"] == ["/usr/bin/node", "--web.listen-address=:9100"]
    assert unit["probe"] == {"tcp": {"host": "127.0.0.1", "port": 9100}}


def test_exporter_units_names_what_is_allowed() -> None:
    with pytest.raises(AnsibleFilterError, match="exporter 'nude' is unknown; allowed are node"):
        filter_named("exporter_units")(["nude"], REGISTRY)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", '"plain"'),
        ('say "hi"\n', '"say \\"hi\\"\\n"'),
        ("back\\slash $hostname; }", '"back\\\\slash $hostname; }"'),
        (200, '"200"'),
    ],
)
def test_nginx_quote_keeps_a_text_one_argument(text: Any, quoted: str) -> None:
    assert filter_named("nginx_quote")(text) == quoted
