# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role keepalived: what is refused, with which sentence, on one host and between hosts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.filter.keepalived_peers import keepalived_peers
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.keepalived import between_hosts, problems
from ansible_collections.evenkeel.ops.plugins.plugin_utils.virtual_routers import advert_interval, shared_network
from hypothesis import given
from hypothesis import strategies as st

WEB: dict[str, Any] = {"name": "web", "router_id": 51, "addresses": [{"address": "192.0.2.10/24"}]}
API: dict[str, Any] = {"name": "api", "router_id": 52, "addresses": [{"address": "192.0.2.11/24"}]}
GOOD: dict[str, Any] = {
    "keepalived_instances": [WEB, API],
    "keepalived_hosts": ["lb1", "lb2"],
    "keepalived_priority": 100,
    "keepalived_processes": [{"name": "haproxy"}],
    "keepalived_checks": [
        {"name": "site", "url": "http://127.0.0.1:8080/healthz?x=1", "interval": 2},
        {"name": "own", "command": ["/usr/local/bin/check", "--fast"]},
    ],
    "keepalived_script_user": "nobody",
    "keepalived_metrics_dir": "/var/lib/prometheus/node-exporter",
    "__keepalived_known_hosts": ["lb1", "lb2", "web1"],
    "__keepalived_host": "lb1",
}


def web(**other: Any) -> dict[str, Any]:
    """The inputs with one instance that differs from WEB."""
    return {"keepalived_instances": [{**WEB, **other}]}


def secret(word: str) -> dict[str, str]:
    """The password of version 2."""
    return {"password": word}


def test_good_inputs_have_no_problem() -> None:
    assert problems(GOOD) == []
    assert problems({}) == []
    assert problems({**GOOD, **web(version=2, advert_interval=1, **secret("eight_ch"))}) == []
    assert problems({**GOOD, **web(preempt=True, preempt_delay=30, track=["site"], advert_interval="0.25")}) == []
    assert (
        problems({**GOOD, **web(addresses=[{"address": "2001:db8::10/64", "device": "eth1", "label": "eth1:a"}])}) == []
    )


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"keepalived_instances": []}, "keepalived_instances is empty; allowed is a list with at least one instance."),
        ({"keepalived_priority": 0}, "keepalived_priority is 0; allowed is an integer from 1 to 254."),
        (web(priority=255), "instance 'web': priority is 255; allowed is an integer from 1 to 254."),
        (web(router_id=256), "instance 'web': router_id is 256; allowed is an integer from 1 to 255."),
        (web(name="a b"), "keepalived_instances: name is 'a b'; allowed are letters"),
        (web(addresses=[]), "instance 'web': addresses is empty; allowed is a list with at least one address."),
        (
            web(addresses=[{"address": "192.0.2.300/24"}]),
            "address is '192.0.2.300/24'; allowed is an IP address with its",
        ),
        (
            web(addresses=[{"address": "192.0.2.10/33"}]),
            "address is '192.0.2.10/33'; allowed is an IP address with its",
        ),
        (
            web(addresses=[{"address": "192.0.2.10/24"}, {"address": "2001:db8::1/64"}]),
            "addresses are ['192.0.2.10/24', '2001:db8::1/64']; allowed are only IPv4 or only IPv6 ones",
        ),
        (
            web(addresses=[{"address": "192.0.2.10", "device": "eth 0"}]),
            "device is 'eth 0'; allowed is the name of an int",
        ),
        (
            web(addresses=[{"address": "192.0.2.10", "label": "x" * 16}]),
            "label is 'xxxxxxxxxxxxxxxx'; allowed is a text of",
        ),
        (web(interface="eth0;"), "instance 'web': interface is 'eth0;'; allowed is the name of an interface, up to 15"),
        (web(track_interfaces=["a/b"]), "instance 'web': interface is 'a/b'; allowed is the name of an interface"),
        (web(advert_interval=41), "advert_interval is 41; allowed are seconds from 0.01 to 40.95 in steps of 0.01."),
        (web(advert_interval=0.015), "advert_interval is 0.015; allowed are seconds from 0.01 to 40.95 in steps of"),
        (web(advert_interval="inf"), "advert_interval is 'inf'; allowed are seconds from 0.01 to 40.95 in steps of"),
        (web(version=2, advert_interval=0.5), "advert_interval is 0.5; allowed with version 2 is a whole number of"),
        (
            web(version=2, addresses=[{"address": "2001:db8::1/64"}]),
            "version is 2 and its addresses are IPv6; allowed is version 3.",
        ),
        (
            web(**secret("secret")),
            "password is given, which VRRP version 3 does not know; allowed is none, or version: 2.",
        ),
        (
            web(version=2, **secret("nine_char")),
            "password has 9 characters, of which VRRP sends 8; allowed are 1 to 8.",
        ),
        (web(version=2, **secret("a b")), "password has characters that keepalived would read in its own way; allowed"),
        (web(preempt_delay=30), "preempt_delay is 30, but preempt is false; allowed is 0, or preempt: true."),
        (web(preempt=True, preempt_delay=1001), "preempt_delay is 1001; allowed is an integer from 0 to 1000."),
        (web(garp_repeat=0), "garp_repeat is 0; allowed is an integer from 1 to 100."),
        (web(unicast_peers=["lb2"]), "unicast_peers has 'lb2'; allowed is an IP address, like 192.0.2.12."),
        (web(unicast_peers=["192.0.2.10"]), "unicast_peers has '192.0.2.10', which is one of its floating addresses"),
        (
            web(unicast_peers=["192.0.2.12"], unicast_source="192.0.2.12"),
            "unicast_peers has '192.0.2.12', its own unicast_source; allowed are the other hosts.",
        ),
        (
            web(unicast_peers=["192.0.2.12"] * 2),
            "instance 'web': unicast_peers has '192.0.2.12' 2 times; allowed is once",
        ),
        (
            web(unicast_peers=["2001:db8::2"]),
            "unicast_peers has '2001:db8::2', and the floating addresses are IPv4; allowed are addresses of one family",
        ),
        (web(track=["nginx"]), "instance 'web': track has 'nginx'; allowed are haproxy, own, site."),
        (web(lines=["a\nb"]), "instance 'web': lines is 'a\\nb'; allowed is a single line without control characters."),
        ({"keepalived_instances": [WEB, WEB | {"router_id": 52}]}, "name has 'web' 2 times; allowed is once."),
        ({"keepalived_instances": [WEB, WEB | {"name": "b"}]}, "address has '192.0.2.10' 2 times; allowed is once."),
        (
            {"keepalived_instances": [WEB, API | {"router_id": 51}]},
            "instance 'api': router_id is 51, which instance 'web' has too in the network 192.0.2.0/24; allowed is",
        ),
        (
            {"keepalived_instances": [WEB, API | {"router_id": 51, "addresses": [{"address": "198.51.100.1/24"}]}]},
            "instance 'api': router_id is 51, which instance 'web' has too; allowed is an id from 1 to 255 that no",
        ),
        ({"keepalived_hosts": ["lb1"]}, "keepalived_hosts has only 'lb1'; allowed are two hosts or more"),
        ({"keepalived_hosts": ["lb1", "lb9"]}, "keepalived_hosts has 'lb9'; allowed are hosts of the inventory."),
        (
            {"keepalived_hosts": ["lb2", "web1"]},
            "keepalived_hosts is ['lb2', 'web1']; allowed is a list that has 'lb1'",
        ),
        ({"keepalived_hosts": ["lb1", "lb2", "lb2"]}, "keepalived_hosts has 'lb2' 2 times; allowed is once."),
        (
            {"keepalived_processes": [{"name": "a" * 16}]},
            "process is 'aaaaaaaaaaaaaaaa'; allowed is the name of a proc",
        ),
        (
            {"keepalived_processes": [{"name": "haproxy", "delay": 61}]},
            "delay is 61; allowed is an integer from 0 to 60.",
        ),
        ({"keepalived_processes": [{"name": "site"}]}, "checks: name has 'site' 2 times; allowed is once."),
        ({"keepalived_checks": [{"name": "x"}]}, "check 'x' has neither command nor url; allowed is exactly one of"),
        (
            {"keepalived_checks": [{"name": "x", "url": "http://a/", "command": ["/a"]}]},
            "check 'x' has command and url; allowed is exactly one of command and url.",
        ),
        ({"keepalived_checks": [{"name": "x", "command": ["a"]}]}, "command is 'a'; allowed is a program with its abs"),
        ({"keepalived_checks": [{"name": "x", "command": ["/a", "b c"]}]}, "command has 'b c'; allowed are letters"),
        ({"keepalived_checks": [{"name": "x", "command": ["/a", "$(b)"]}]}, "command has '$(b)'; allowed are letters"),
        (
            {"keepalived_checks": [{"name": "x", "url": "https://a/"}]},
            "url is 'https://a/'; allowed is a URL like http:",
        ),
        (
            {"keepalived_checks": [{"name": "x", "url": "http://a/", "interval": 0}]},
            "interval is 0; allowed is an integer",
        ),
        (
            {"keepalived_checks": [{"name": "x", "url": "http://a/", "weight": 254}]},
            "weight is 254; allowed is an integer",
        ),
        (
            {"keepalived_checks": [{"name": "x", "url": "http://a/", "weight": -20}]},
            "instance 'web' tracks 'x' with weight -20, but preempt is false: nobody would take the addresses",
        ),
        ({"keepalived_script_user": "Root!"}, "keepalived_script_user is 'Root!'; allowed is the name of a user"),
        ({"keepalived_metrics_dir": "metrics"}, "keepalived_metrics_dir is 'metrics'; allowed is empty or a plain"),
        ({"keepalived_global_lines": ["a\nb"]}, "keepalived_global_lines is 'a\\nb'; allowed is a single line"),
    ],
)
def test_problems(bad: dict[str, Any], sentence: str) -> None:
    found = problems({**GOOD, **bad})
    assert any(sentence in problem for problem in found), found


def test_one_id_in_two_networks_of_a_host_is_fine() -> None:
    other = API | {"router_id": 51, "addresses": [{"address": "198.51.100.1/24"}], "interface": "eth1"}
    assert problems({**GOOD, "keepalived_instances": [WEB | {"interface": "eth0"}, other]}) == []
    six = API | {"router_id": 51, "addresses": [{"address": "2001:db8::1/64"}]}
    assert problems({**GOOD, "keepalived_instances": [WEB, six]}) == []


# Between hosts -----------------------------------------------------------------------------------------------------

ADDRESSES = {"lb1": "192.0.2.1", "lb2": "192.0.2.2", "lb3": "192.0.2.3", "named": "lb.example.net"}


def ask(host: str, variable: str) -> Any:
    return ADDRESSES.get(host) if variable == "ansible_host" else None


def beside(mine: dict[str, Any], theirs: dict[str, Any], **inputs: Any) -> list[str]:
    own = {"keepalived_instances": [mine], **inputs}
    return between_hosts("lb1", own, {"lb2": {"keepalived_instances": [theirs]}}, ask)


def test_hosts_that_share_an_address_agree() -> None:
    assert beside(WEB, WEB | {"priority": 50}, keepalived_hosts=["lb1", "lb2"]) == []
    assert beside(WEB | {"unicast_peers": ["192.0.2.2"]}, WEB | {"unicast_peers": ["192.0.2.1"]}) == []
    assert beside(WEB, API) == []
    assert beside(WEB, API | {"router_id": 51, "addresses": [{"address": "198.51.100.1/24"}]}) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "sentence"),
    [
        (
            WEB,
            API | {"router_id": 51},
            "instance 'web': router_id is 51, which instance 'api' of 'lb2' has too in the network 192.0.2.0/24; a",
        ),
        # Without a prefix an address counts for its surroundings.
        (
            WEB | {"addresses": [{"address": "192.0.2.10"}]},
            API | {"router_id": 51, "addresses": [{"address": "192.0.2.200"}]},
            "router_id is 51, which instance 'api' of 'lb2' has too in the network 192.0.2.0/24; a",
        ),
        (
            WEB,
            WEB | {"router_id": 77},
            "router_id is 51, and instance 'web' of 'lb2', which has the same address 192.0.2.10, has 77; allowed is",
        ),
        (
            WEB,
            WEB | {"addresses": [{"address": "192.0.2.10/24"}, {"address": "192.0.2.12/24"}]},
            "addresses are 192.0.2.10, and those of instance 'web' of 'lb2' with the same router_id 192.0.2.10, 192",
        ),
        (
            WEB,
            WEB | {"advert_interval": 1},
            "advert_interval is 0.5, and 1.0 in instance 'web' of 'lb2'; allowed is the",
        ),
        (WEB, WEB | {"version": 2, "advert_interval": 1}, "version is 3, and 2 in instance 'web' of 'lb2'; allowed is"),
        (
            WEB | {"unicast_peers": ["192.0.2.3"]},
            WEB,
            "unicast_peers is ['192.0.2.3'], without 192.0.2.2 of 'lb2', which has the same address; allowed is a list",
        ),
        (
            WEB | {"unicast_peers": ["192.0.2.1", "192.0.2.2"]},
            WEB,
            "unicast_peers has '192.0.2.1', which is 'lb1' itself; allowed are the other hosts.",
        ),
    ],
)
def test_hosts_that_do_not_agree(mine: dict[str, Any], theirs: dict[str, Any], sentence: str) -> None:
    found = beside(mine, theirs)
    assert any(sentence in problem for problem in found), found


def test_hosts_of_another_family() -> None:
    six = WEB | {"addresses": [{"address": "2001:db8::1/64"}]}
    found = between_hosts("lb1", {"keepalived_instances": [six], "keepalived_hosts": ["lb1", "lb2"]}, {}, ask)
    assert len(found) == 1
    assert "instance 'web': 'lb1' has '192.0.2.1', and the floating addresses are IPv6; allowed are" in found[0]
    assert between_hosts("lb1", {"keepalived_instances": [six]}, {}, ask) == []


def test_hosts_without_an_address() -> None:
    found = between_hosts("lb1", {"keepalived_instances": [WEB], "keepalived_hosts": ["lb1", "named"]}, {}, ask)
    assert found == [
        "keepalived_hosts has 'named', whose ansible_host is 'lb.example.net'; allowed is an IP address, or another "
        "variable in keepalived_address_from."
    ]


def test_peers_are_the_other_hosts() -> None:
    hostvars = {host: {"ansible_host": address} for host, address in ADDRESSES.items()}
    assert keepalived_peers(["lb3", "lb1", "lb2"], hostvars, "lb2") == ["192.0.2.1", "192.0.2.3"]
    assert keepalived_peers([], hostvars, "lb2") == []
    with pytest.raises(AnsibleFilterError, match=r"ansible_host of host 'named' is 'lb.example.net'; allowed is an IP"):
        keepalived_peers(["lb1", "named"], hostvars, "lb1")
    with pytest.raises(AnsibleFilterError, match="host 'lb1' has no address: set private for it in the inventory"):
        keepalived_peers(["lb1"], hostvars, "lb2", "private")


@given(st.ip_addresses(v=4), st.integers(8, 32), st.ip_addresses(v=4), st.integers(8, 32))
def test_networks_are_shared_both_ways(one: Any, length: int, other: Any, other_length: int) -> None:
    mine = {"addresses": [{"address": f"{one}/{length}"}]}
    theirs = {"addresses": [{"address": f"{other}/{other_length}"}]}
    assert (shared_network(mine, theirs) is None) == (shared_network(theirs, mine) is None)
    assert shared_network(mine, mine) is not None


def test_intervals_follow_the_version() -> None:
    assert [advert_interval(each) for each in ({}, {"version": 2}, {"advert_interval": "0.25"})] == [0.5, 1.0, 0.25]
    assert [advert_interval({"advert_interval": each}) for each in ("soon", "nan", True)] == [None, None, None]
