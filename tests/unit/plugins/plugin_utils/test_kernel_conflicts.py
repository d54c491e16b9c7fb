# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts between two lists of settings: which differ on some machine, and who wins."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.kernel_conflicts import sentences

RULE = {"of": "memory_kib", "times": 0.1, "floor": 100, "ceiling": 200}


def found(setting: dict[str, Any], other: dict[str, Any], overrides: dict[str, Any] | None = None) -> list[str]:
    """One setting against one control."""
    return sentences([{"id": "mine", **setting}], "p", overrides or {}, [], [{"id": "theirs", **other}], "strict")


@pytest.mark.parametrize(
    ("value", "raise_only", "other", "overrides", "conflict"),
    [
        (1, False, 1, {}, False),
        (1, False, 0, {}, True),
        (["1", "2"], False, "1  2", {}, False),
        (RULE, False, 150, {}, True),
        (RULE, True, 200, {}, False),
        (RULE, True, 199, {}, True),
        ([1, 2], True, [1, 2, 3], {}, True),
        (RULE, True, 500, {"mine": 50}, True),
        (RULE, True, 50, {"mine": 50}, False),
    ],
)
def test_what_differs_on_some_machine_is_a_conflict(
    value: Any, raise_only: bool, other: Any, overrides: dict[str, Any], conflict: bool
) -> None:
    """A value that only rises leaves a higher one; an override does not."""
    setting = {"key": "vm.some", "raise_only": raise_only, "profiles": {"p": value}}
    assert bool(found(setting, {"sysctl": {"key": "vm/some", "value": other}}, overrides)) is conflict


@pytest.mark.parametrize(
    ("setting", "other", "words"),
    [
        (
            {"key": "a.b", "profiles": {"p": 1}},
            {"sysctl": {"key": "a.b", "value": 0}},
            "98-evenkeel-kernel.conf is read",
        ),
        (
            {"key": "a.b", "profiles": {"p": RULE}},
            {"sysctl": {"key": "a.b", "value": 0, "file": "/etc/sysctl.d/99-r-evenkeel-hardening.conf"}},
            "to be a number from 100 to 200 (mine), hardening_profile strict wants it to be 0 (theirs)."
            " At boot 99-r-evenkeel-hardening.conf is read after 98-evenkeel-kernel.conf and wins",
        ),
        (
            {"module": "x-y", "profiles": {"p": "loaded"}},
            {"kernel_module": {"name": "x_y", "state": "blocked"}},
            "kernel module x_y to be loaded (mine)",
        ),
        (
            {"parameter": "audit", "profiles": {"p": "0"}},
            {"cmdline": {"parameter": "audit", "value": "1"}},
            "The one that is configured first wins",
        ),
        (
            {"path": "/sys/kernel/x", "profiles": {"p": "a"}},
            {"sysfs": {"path": "/sys/kernel/x", "value": "b"}},
            "/sys/kernel/x to be a (mine)",
        ),
    ],
)
def test_the_winner_is_named(setting: dict[str, Any], other: dict[str, Any], words: str) -> None:
    """By the order in which the host reads its files."""
    (sentence,) = found(setting, other)
    assert words in sentence


@pytest.mark.parametrize(
    ("value", "other", "conflict"),
    [
        (1, {"sysctl": {"key": "net.ipv4.conf.default.forwarding", "value": 0}}, True),
        (1, {"sysctl": {"key": "net.ipv4.conf.default.forwarding", "value": 1}}, False),
        (1, {"sysctl": {"key": "net.ipv6.conf.default.forwarding", "value": 0}}, False),
        (1, {"firewall": {"policy": {"forward": "drop"}}}, True),
        (1, {"firewall": {"policy": {"input": "drop"}}}, False),
        (0, {"firewall": {"policy": {"forward": "drop"}}}, False),
    ],
)
def test_a_router_that_is_shut_is_a_conflict(value: int, other: dict[str, Any], conflict: bool) -> None:
    """By a key that the kernel sets along with the one of the profile, or by the firewall."""
    sentences_found = found({"key": "net.ipv4.ip_forward", "profiles": {"p": value}}, other)
    assert [("pass packets on (mine)" in each and "(theirs)" in each) for each in sentences_found] == [True] * conflict


def test_other_profiles_and_other_things_do_not_count() -> None:
    """Only what both set."""
    assert found({"key": "a.b", "profiles": {"q": 1}}, {"sysctl": {"key": "a.b", "value": 0}}) == []
    assert found({"key": "a.b", "profiles": {"p": 1}}, {"sysctl": {"key": "a.c", "value": 0}}) == []
    assert found({"key": "a.b", "profiles": {"p": 1}}, {"service": {"name": "x", "state": "absent"}}) == []
