# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall data becomes one table; the same data always the same text."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.nft_rules import (
    opens,
    port_range,
    render_rule,
    render_table,
    split_families,
)
from hypothesis import given
from hypothesis import strategies as st

DROP: dict[str, Any] = {"policy": {"input": "drop", "forward": None, "output": None}}


def test_a_table_as_a_whole() -> None:
    parts = {
        "a": DROP | {"icmp": False, "log_dropped": True},
        "b": {"allow": [{"ports": ["80", "443"]}], "sets": {"admins": ["192.0.2.0/24", "2001:db8::1"]}},
    }
    assert render_table("evenkeel", parts) == (
        "table inet evenkeel {\n"
        "\tset admins_4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 192.0.2.0/24 }\n\t}\n\n"
        "\tset admins_6 {\n\t\ttype ipv6_addr\n\t\tflags interval\n\t\telements = { 2001:db8::1 }\n\t}\n\n"
        "\tchain input {\n"
        "\t\ttype filter hook input priority filter; policy drop;\n"
        "\t\tct state established,related accept\n"
        "\t\tct state invalid drop\n"
        '\t\tiifname "lo" accept\n'
        "\t\tip saddr 127.0.0.0/8 drop\n"
        "\t\tip6 saddr ::1 drop\n"
        "\t\tudp sport 67 udp dport 68 accept\n"
        "\t\tip6 saddr fe80::/10 udp sport 547 udp dport 546 accept\n"
        "\t\ttcp dport { 80, 443 } accept\n"
        '\t\tlimit rate 5/minute log prefix "dropped input: "\n'
        "\t}\n\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ({"ports": ["22"]}, ["tcp dport 22 accept"]),
        ({"ports": ["443", "80", "8000-8010"]}, ["tcp dport { 80, 443, 8000-8010 } accept"]),
        ({"protocol": "udp", "ports": ["53"], "interface": "eth0"}, ['iifname "eth0" udp dport 53 accept']),
        ({"protocol": "vrrp"}, ["meta l4proto vrrp accept"]),
        ({"protocol": "tcp"}, ["meta l4proto tcp accept"]),
        (
            {"ports": ["22"], "sources": ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32", "@admins"]},
            [
                "ip saddr { 192.0.2.1, 198.51.100.0/24 } tcp dport 22 accept",
                "ip6 saddr 2001:db8::/32 tcp dport 22 accept",
                "ip saddr @admins_4 tcp dport 22 accept",
                "ip6 saddr @admins_6 tcp dport 22 accept",
            ],
        ),
        (
            {"chain": "output", "ports": ["25"], "sources": ["192.0.2.9"], "interface": "eth1", "comment": "mail"},
            ['oifname "eth1" ip daddr 192.0.2.9 tcp dport 25 accept comment "mail"'],
        ),
    ],
)
def test_rules(rule: dict[str, Any], lines: list[str]) -> None:
    assert render_rule(rule) == lines


@pytest.mark.parametrize("text", ["0", "65536", "http", "10-5", "-1", "1-", "22;", "1 2", "９"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ValueError, match="no port"):
        port_range(text)


@given(st.lists(st.ip_addresses().map(str), max_size=8))
def test_the_order_of_addresses_does_not_count(addresses: list[str]) -> None:
    assert split_families(addresses) == split_families(list(reversed(addresses)))


@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_parts_does_not_count(order: list[str]) -> None:
    said = {"a": DROP, "b": {"allow": [{"ports": ["1"]}]}, "c": {"sets": {"x": ["192.0.2.1"]}}}
    assert render_table("t", {name: said[name] for name in order}) == render_table("t", said)


RULES: list[tuple[dict[str, Any], bool]] = [
    ({"ports": ["22"]}, True),
    ({"ports": ["20-30"]}, True),
    ({"protocol": "tcp"}, True),
    ({"ports": ["22"], "sources": ["192.0.2.0/24"]}, True),
    ({"ports": ["22"], "sources": ["@admins"]}, True),
    ({"ports": ["2222"]}, False),
    ({"protocol": "udp", "ports": ["22"]}, False),
    ({"ports": ["22"], "sources": ["198.51.100.0/24"]}, False),
    ({"ports": ["22"], "sources": ["2001:db8::/32"]}, False),
    ({"ports": ["22"], "chain": "output"}, False),
]


@pytest.mark.parametrize(("rule", "expected"), RULES)
def test_whether_a_client_still_gets_in(rule: dict[str, Any], expected: bool) -> None:
    parts = {"base": DROP, "rule": {"allow": [rule]}, "sets": {"sets": {"admins": ["192.0.2.7"]}}}
    assert opens(parts, 22, "192.0.2.7") is expected
    assert opens({**parts, "base": {"policy": {"input": "accept"}}}, 22, "192.0.2.7")


def test_one_rule_that_lets_in_is_enough() -> None:
    for (first, one), (second, other) in itertools.product(RULES, RULES):
        parts = {"base": DROP, "rules": {"allow": [first, second], "sets": {"admins": ["192.0.2.7"]}}}
        assert opens(parts, 22, "192.0.2.7") is (one or other)
