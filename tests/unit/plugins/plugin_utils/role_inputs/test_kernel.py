# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role kernel: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.kernel import conflicts, problems


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"kernel_profile": "web_proxy", "kernel_connections": 50000},
        {"kernel_overrides": {"vm-swappiness": 1, "net-receive-buffer": [4096, 65536, 1048576]}},
        {"kernel_overrides": {"vm-swappiness": "60", "transparent-hugepages": "never"}},
        {"kernel_settings_disabled": ["net-local-ports"], "kernel_confirm_deadline": 30},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"kernel_connections": -1}, "kernel_connections is -1; allowed is an integer from 0 to 10000000."),
        ({"kernel_confirm_deadline": 29}, "kernel_confirm_deadline is 29; allowed is an integer from 30 to 900."),
        ({"kernel_state_dir": "lib"}, "kernel_state_dir is 'lib'; allowed is an absolute path without blanks."),
        ({"kernel_overrides": {"x": 1}}, "kernel_overrides names 'x'; allowed in profile balanced are fs-aio-max,"),
        (
            {"kernel_overrides": {"net-local-ports": [1, 2]}},
            "kernel_overrides names 'net-local-ports'; allowed in profile balanced are",
        ),
        (
            {"kernel_overrides": {"vm-swappiness": True}},
            "kernel_overrides.vm-swappiness is True; allowed is a whole number from 0 to 200.",
        ),
        (
            {"kernel_overrides": {"vm-swappiness": -5}},
            "kernel_overrides.vm-swappiness is -5; allowed is a whole number from 0 to 200.",
        ),
        (
            {"kernel_overrides": {"net-receive-buffer": [4096]}},
            "kernel_overrides.net-receive-buffer is [4096]; allowed is a list of 3 whole numbers from 0.",
        ),
        (
            {"kernel_overrides": {"transparent-hugepages": 1}},
            "kernel_overrides.transparent-hugepages is 1; allowed is a word such as madvise.",
        ),
        ({"kernel_settings_disabled": ["swap"]}, "kernel_settings_disabled has 'swap'; allowed are fs-aio-max,"),
        ({"kernel_nic_mbits": 1000001}, "kernel_nic_mbits is 1000001; allowed is an integer from 0 to 1000000."),
        ({"kernel_hugepages_mib": "many"}, "kernel_hugepages_mib is 'many'; allowed is an integer from 0 to 16777216."),
        (
            {"kernel_overrides": {"vm-swappiness": 201}},
            "kernel_overrides.vm-swappiness is 201; allowed is a whole number from 0 to 200.",
        ),
        (
            {"kernel_profile": "web_proxy", "kernel_overrides": {"net-local-ports": [60000, 20000]}},
            "kernel_overrides.net-local-ports is [60000, 20000]; allowed are a first and a greater last port,",
        ),
        (
            {"kernel_profile": "web_proxy", "kernel_overrides": {"net-local-ports": "80 65535"}},
            "kernel_overrides.net-local-ports is '80 65535'; allowed are a first and a greater last port, from 1024",
        ),
        (
            {"kernel_profile": "kubernetes_node", "kernel_overrides": {"module-overlay": "blocked"}},
            "kernel_overrides.module-overlay is 'blocked'; a module is loaded or not, allowed is its name in",
        ),
        (
            {"kernel_profile": "latency", "kernel_overrides": {"cpu-governor": "fast; reboot"}},
            "kernel_overrides.cpu-governor is 'fast; reboot'; allowed is a word such as performance.",
        ),
    ],
)
def test_bad_inputs_are_named(bad: dict[str, Any], sentence: str) -> None:
    assert [problem for problem in problems(bad) if sentence in problem], problems(bad)


WAIVER = {"id": "net-no-forwarding-ipv4", "reason": "It routes.", "owner": "platform", "expires": "2099-01-01"}


def between(kernel: dict[str, Any], hardening: dict[str, Any]) -> list[str]:
    """What both roles of one play want in two ways."""
    return conflicts(
        {"kernel_profile": "kubernetes_node", **kernel}, {"hardening": {"hardening_profile": "strict", **hardening}}
    )


def test_a_conflict_names_key_both_values_the_winner_and_the_remedy() -> None:
    """Forwarding and the module of container images."""
    forwarding, firewall, later, overlay = between({}, {})
    assert forwarding == (
        "kernel_profile kubernetes_node wants kernel parameter net.ipv4.ip_forward to be 1 (net-forwarding),"
        " hardening_profile strict wants it to be 0 (net-no-forwarding-ipv4). At boot 98-evenkeel-kernel.conf is read"
        " after 98-evenkeel-hardening.conf and wins, and the next run of the hardening fails."
        " Allowed is one of the two: put net-no-forwarding-ipv4 into hardening_controls_disabled or waive it,"
        " or put net-forwarding into"
        " kernel_settings_disabled."
    )
    assert later == (
        "kernel_profile kubernetes_node wants the host to pass packets on (net-forwarding), hardening_profile strict"
        " keeps it from that (net-no-forwarding-ipv4-default). Allowed is one of the two: put"
        " net-no-forwarding-ipv4-default into hardening_controls_disabled or waive it, or put net-forwarding into"
        " kernel_settings_disabled."
    )
    assert "keeps it from that (firewall-no-forwarding)" in firewall
    assert "kernel module overlay to be loaded (module-overlay)" in overlay and "The blocked one wins" in overlay


SHUT = ["firewall-no-forwarding", "net-no-forwarding-ipv4-default"]


@pytest.mark.parametrize(
    ("kernel", "hardening", "left"),
    [
        ({"kernel_settings_disabled": ["net-forwarding"]}, {}, ["module-overlay"]),
        ({}, {"hardening_controls_disabled": ["module-no-overlayfs"]}, ["net-forwarding", *SHUT]),
        ({}, {"hardening_waivers": [WAIVER]}, [*SHUT, "module-overlay"]),
        ({}, {"hardening_waivers": [{**WAIVER, "id": name} for name in [WAIVER["id"], *SHUT]]}, ["module-overlay"]),
        ({"kernel_overrides": {"net-forwarding": 0}}, {}, ["module-overlay"]),
        ({}, {"hardening_overrides": {"net-no-forwarding-ipv4": 1}}, [*SHUT, "module-overlay"]),
        ({}, {"hardening_areas": ["ssh"]}, []),
        ({}, {"hardening_profile": "baseline"}, []),
        ({"kernel_profile": "web_proxy"}, {}, []),
        ({"kernel_profile": "balanced", "kernel_overrides": {"vm-swappiness": 60}}, {}, []),
    ],
)
def test_each_remedy_resolves_its_conflict(kernel: dict[str, Any], hardening: dict[str, Any], left: list[str]) -> None:
    """And only that."""
    found = between(kernel, hardening)
    assert len(found) == len(left) and all(f"({name})" in sentence for name, sentence in zip(left, found)), found


def test_without_hardening_in_the_play_there_is_no_conflict() -> None:
    """The role alone sets what its profile says."""
    assert conflicts({"kernel_profile": "kubernetes_node"}, {"exporters": {}}) == []
