# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings: what profiles compute for machines of all sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.filter.kernel_controls import kernel_controls
from ansible_collections.evenkeel.ops.plugins.module_utils import controls_input
from ansible_collections.evenkeel.ops.plugins.plugin_utils import kernel_profiles
from ansible_collections.evenkeel.ops.plugins.plugin_utils.kernel_profiles import KernelProfileError, Machine, compute
from hypothesis import given
from hypothesis import strategies as st

SETTINGS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).resolve().parents[4] / "roles/kernel/files/settings.yml").read_bytes()
)
PROFILES = kernel_profiles.profile_names(SETTINGS)
MACHINES = st.builds(Machine, st.integers(64, 2**24), st.integers(1, 1024), st.integers(0, 10**7))


def values(profile: str, machine: Machine) -> dict[str, Any]:
    """The computed values by id."""
    made = kernel_profiles.controls(SETTINGS, profile, machine)
    return {control["id"]: (control.get("sysctl") or control["sysfs"])["value"] for control in made}


def numbers(value: Any) -> list[int]:
    """The numbers of a value; none of a text."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int)]


def rules(setting: dict[str, Any], profile: str) -> list[dict[str, Any]]:
    """The rules among a setting's values."""
    rule = setting["profiles"][profile]
    return [each for each in (rule if isinstance(rule, list) else [rule]) if isinstance(each, dict)]


@given(machine=MACHINES, profile=st.sampled_from(PROFILES))
def test_every_machine_gets_controls_that_the_engine_takes(machine: Machine, profile: str) -> None:
    """Whatever the size, the engine finds nothing wrong, and all numbers are whole."""
    made = kernel_profiles.controls(SETTINGS, profile, machine)
    controls_input.read([{k: v for k, v in each.items() if k not in controls_input.PROSE} for each in made])
    for value in values(profile, machine).values():
        assert isinstance(value, str) or len(numbers(value)) == len(value if isinstance(value, list) else [value])


@given(machine=MACHINES, profile=st.sampled_from(PROFILES))
def test_values_stay_between_floor_and_ceiling(machine: Machine, profile: str) -> None:
    """Each rule names both, and its value lies between them."""
    for setting in SETTINGS:
        for rule in rules(setting, profile) if profile in setting["profiles"] else ():
            value, how = compute(rule, machine)
            assert rule["floor"] <= value <= rule["ceiling"], (setting["id"], value)
            assert str(rule["floor"]) in how and str(rule["ceiling"]) in how


@given(machine=MACHINES, more=st.integers(0, 2**22), profile=st.sampled_from(PROFILES))
def test_a_larger_machine_never_gets_less(machine: Machine, more: int, profile: str) -> None:
    """Limits grow with the memory; per cents of it shrink."""
    small = values(profile, machine)
    large = values(profile, Machine(machine.memory_mib + more, machine.cores, machine.connections))
    for setting in (each for each in SETTINGS if profile in each["profiles"]):
        shrinks = any("per_cent_of_memory_for_mib" in rule for rule in rules(setting, profile))
        for before, after in zip(numbers(small[setting["id"]]), numbers(large[setting["id"]])):
            assert (after <= before) if shrinks else (after >= before), setting["id"]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"of": "connections", "times": 0.25, "floor": 4096, "ceiling": 65536, "power_of_two": True}, 16384),
        ({"of": "connections", "times": 0.001, "floor": 4096, "ceiling": 65536, "power_of_two": True}, 4096),
        ({"of": "connections", "times": 10, "floor": 4096, "ceiling": 65536}, 65536),
        ({"of": "cores", "times": 1000, "floor": 1, "ceiling": 9000}, 4000),
        ({"of": "memory_kib", "times": 0.01, "floor": 1, "ceiling": 10**6}, 41943),
        ({"per_cent_of_memory_for_mib": 1024, "floor": 1, "ceiling": 20}, 20),
        ({"per_cent_of_memory_for_mib": 256, "floor": 1, "ceiling": 20}, 6),
        ([4096, {"of": "memory_bytes", "times": 0.001, "floor": 1, "ceiling": 10**9}], [4096, 4294967]),
        ("madvise", "madvise"),
        (10, 10),
    ],
)
def test_rules_compute_as_by_hand(rule: Any, value: Any) -> None:
    """A machine of 4 GiB, 4 cores and 50000 connections."""
    assert compute(rule, Machine(4096, 4, 50000))[0] == value


def test_connections_come_from_memory_where_none_are_given() -> None:
    """Eight for each MiB."""
    assert Machine(4096, 4).size("connections") == 32768
    assert Machine(4096, 4, 1).size("connections") == 1


def test_each_value_says_why_how_and_where_to_read_more() -> None:
    """The comment of the drop-in; an override says that it is one, and may lower."""
    made = {c["id"]: c for c in kernel_controls(SETTINGS, "web_proxy", 4096, 4, 50000, {"net-syn-backlog": 512})}
    assert made["net-somaxconn"]["sysctl"]["comment"].splitlines() == [
        "What does not fit is dropped, and the client tries again only after a second.",
        "Computed: 0.25 x 50000 connections, rounded up to a power of two, from 4096 to 65536.",
        "Source: man 2 listen",
    ]
    backlog = made["net-syn-backlog"]["sysctl"]
    assert (backlog["value"], backlog["raise_only"]) == (512, False)
    assert "Computed: set by kernel_overrides." in backlog["comment"]
    assert made["net-somaxconn"]["sysctl"]["raise_only"]


def test_network_keys_are_under_the_dead_mans_switch() -> None:
    """Whatever changes the network may cut off the operator."""
    wrong = [s["id"] for s in SETTINGS if s.get("key", "").startswith("net.") and s.get("risk") != "access"]
    assert not wrong


def test_persist_only_reaches_every_control() -> None:
    """The running kernel is left alone as a whole or not at all."""
    made = kernel_controls(SETTINGS, "balanced", 1024, 1, persist_only=True)
    assert all((control.get("sysctl") or control["sysfs"])["persist_only"] for control in made)


@pytest.mark.parametrize(
    ("profile", "options", "words"),
    [
        ("fast", {}, "profile is 'fast'; allowed are balanced, web_proxy"),
        ("balanced", {"overrides": {"x": 1}}, "overrides names 'x'; allowed in profile balanced are vm-swappiness"),
        ("balanced", {"memory_mib": 0}, "memory_mib is 0; allowed is a number from 1"),
        ("balanced", {"cores": -2}, "cores is -2; allowed is a number from 1"),
    ],
)
def test_wrong_input_is_refused(profile: str, options: dict[str, Any], words: str) -> None:
    """The option, its value and what is allowed."""
    with pytest.raises(Exception, match="kernel_controls: ") as refused:
        kernel_controls(SETTINGS, profile, **{"memory_mib": 1024, "cores": 1, **options})
    assert words in str(refused.value)


def test_a_rule_of_an_unknown_size_is_refused() -> None:
    """A profile's author is told."""
    with pytest.raises(KernelProfileError, match="of is 'disks'; allowed are memory_kib"):
        compute({"of": "disks", "times": 1, "floor": 1, "ceiling": 2}, Machine(1024, 1))
