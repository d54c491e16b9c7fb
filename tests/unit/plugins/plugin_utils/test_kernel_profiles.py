# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings: what profiles compute for machines of all sizes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.filter.kernel_controls import kernel_controls
from ansible_collections.evenkeel.ops.plugins.module_utils import controls_input
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from ansible_collections.evenkeel.ops.plugins.plugin_utils import kernel_profiles
from ansible_collections.evenkeel.ops.plugins.plugin_utils.kernel_profiles import (
    KernelProfileError,
    Machine,
    bounds,
    compute,
    state_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SETTINGS: list[dict[str, Any]] = [dict(setting) for setting in kernel_profiles.own_settings()]
PROFILES = kernel_profiles.profile_names(SETTINGS)
# How fast the machine is that tests is of no concern.
patiently = settings(deadline=None)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """From a router's 64 MiB to 16 TiB; huge pages take no more than their share."""
    memory = draw(st.integers(64, 2**24))
    return Machine(
        memory,
        draw(st.integers(1, 1024)),
        draw(st.integers(0, 10**7)),
        draw(st.integers(0, 10**6)),
        draw(st.integers(0, memory * 3 // 4)),
        draw(st.sampled_from([2048, 16384, 524288])),
    )


MACHINES, SOME_PROFILE = machines(), st.sampled_from(PROFILES)


def computed(profile: str, machine: Machine) -> dict[str, Any]:
    """What the rules give, by id, before a kind puts words around it."""
    made = {control["id"] for control in kernel_profiles.controls(SETTINGS, profile, machine)}
    return {s["id"]: compute(s["profiles"][profile], machine)[0] for s in SETTINGS if s["id"] in made}


def numbers(value: Any) -> list[int]:
    """The numbers of a value; none of a text."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int)]


def rules(setting: dict[str, Any], profile: str) -> list[dict[str, Any]]:
    """The rules among a setting's values."""
    rule = setting["profiles"][profile]
    return [each for each in (rule if isinstance(rule, list) else [rule]) if isinstance(each, dict)]


@patiently
@given(machine=MACHINES, profile=SOME_PROFILE, persist_only=st.booleans())
def test_every_machine_gets_controls_that_the_engine_takes(machine: Machine, profile: str, persist_only: bool) -> None:
    """Whatever the size, the engine finds nothing wrong, and all numbers are whole."""
    made = kernel_profiles.controls(SETTINGS, profile, machine, persist_only=persist_only)
    controls_input.read([{k: v for k, v in each.items() if k not in controls_input.PROSE} for each in made])
    for value in computed(profile, machine).values():
        assert isinstance(value, str) or len(numbers(value)) == len(value if isinstance(value, list) else [value])


@patiently
@given(machine=MACHINES, profile=SOME_PROFILE)
def test_the_same_machine_gets_the_same(machine: Machine, profile: str) -> None:
    """Nothing but the machine counts, and nothing of the settings is changed on the way."""
    given_settings = copy.deepcopy(SETTINGS)
    first = kernel_profiles.controls(given_settings, profile, machine)
    assert kernel_profiles.controls(given_settings, profile, machine) == first
    assert given_settings == SETTINGS


@patiently
@given(machine=MACHINES, profile=SOME_PROFILE)
def test_values_stay_between_floor_and_ceiling(machine: Machine, profile: str) -> None:
    """Each rule names both, and its value lies between them."""
    for setting in SETTINGS:
        for rule in rules(setting, profile) if profile in setting["profiles"] else ():
            value, how = compute(rule, machine)
            assert rule["floor"] <= value <= rule["ceiling"], (setting["id"], value)
            assert str(rule["floor"]) in how and str(rule["ceiling"]) in how
            assert bounds(rule) == (rule["floor"], rule["ceiling"])


@patiently
@given(machine=MACHINES, more=st.integers(0, 2**22), profile=SOME_PROFILE)
def test_a_larger_machine_never_gets_less(machine: Machine, more: int, profile: str) -> None:
    """Limits grow with the memory; per cents of it shrink."""
    bigger = Machine(machine.memory_mib + more, *[getattr(machine, name) for name in GROWS], machine.hugepage_kib)
    assert_grows(profile, machine, bigger)


GROWS = ("cores", "connections", "nic_mbits", "hugepages_mib")


@patiently
@given(machine=MACHINES, name=st.sampled_from(GROWS[:3]), more=st.integers(1, 2**20), profile=SOME_PROFILE)
def test_more_of_anything_never_gives_less(machine: Machine, name: str, more: int, profile: str) -> None:
    """Connections, cores and the speed of the card; 0 of them is unknown and stands outside of the order."""
    sizes = {field: getattr(machine, field) or 1 for field in GROWS[:3]}
    rest = (machine.hugepages_mib, machine.hugepage_kib)
    small = Machine(machine.memory_mib, *sizes.values(), *rest)
    assert_grows(profile, small, Machine(machine.memory_mib, *{**sizes, name: sizes[name] + more}.values(), *rest))


def assert_grows(profile: str, small: Machine, large: Machine) -> None:
    """No number is less on the larger machine, but for per cents of its memory."""
    before, after = computed(profile, small), computed(profile, large)
    for setting in (each for each in SETTINGS if each["id"] in before):
        shrinks = any("per_cent_of_memory_for_mib" in rule for rule in rules(setting, profile))
        for less, more in zip(numbers(before[setting["id"]]), numbers(after[setting["id"]])):
            assert (more <= less) if shrinks else (more >= less), setting["id"]


@patiently
@given(machine=MACHINES)
def test_open_files_never_exceed_what_the_kernel_allows(machine: Machine) -> None:
    """systemd would refuse a limit above fs.nr_open."""
    values = computed("web_proxy", machine)
    assert values["limit-open-files-services"] <= values["fs-nr-open"]
    assert values["limit-open-files-logins"] == values["limit-open-files-services"]


@patiently
@given(machine=MACHINES)
def test_the_firewall_has_a_bucket_for_each_connection(machine: Machine) -> None:
    """As the kernel does by itself."""
    values = computed("web_proxy", machine)
    assert values["module-conntrack-table"] == values["net-tracked-connections"]


@patiently
@given(machine=MACHINES, profile=SOME_PROFILE)
def test_huge_pages_hold_what_was_asked_for(machine: Machine, profile: str) -> None:
    """Rounded up to whole pages; without the wish there is no such setting."""
    pages = computed(profile, machine).get("vm-hugepages", 0)
    assert 0 <= pages * machine.hugepage_kib - machine.hugepages_mib * 1024 < machine.hugepage_kib


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"of": "connections", "times": 0.25, "floor": 4096, "ceiling": 65536, "power_of_two": True}, 16384),
        ({"of": "connections", "times": 0.001, "floor": 4096, "ceiling": 65536, "power_of_two": True}, 4096),
        ({"of": "connections", "times": 10, "floor": 4096, "ceiling": 65536}, 65536),
        ({"of": "cores", "times": 1000, "floor": 1, "ceiling": 9000}, 4000),
        ({"of": "memory_kib", "times": 0.01, "floor": 1, "ceiling": 10**6}, 41943),
        ({"of": "nic_mbits", "times": 12500, "floor": 1, "ceiling": 10**9}, 125000000),
        (
            {
                "of": "nic_mbits",
                "times": 12500,
                "at_most": {"of": "memory_bytes", "times": 0.001},
                "floor": 1,
                "ceiling": 10**9,
            },
            4294967,
        ),
        ({"per_cent_of_memory_for_mib": 1024, "floor": 1, "ceiling": 20}, 20),
        ({"per_cent_of_memory_for_mib": 256, "floor": 1, "ceiling": 20}, 6),
        ([4096, {"of": "memory_bytes", "times": 0.001, "floor": 1, "ceiling": 10**9}], [4096, 4294967]),
        ("madvise", "madvise"),
        (10, 10),
    ],
)
def test_rules_compute_as_by_hand(rule: Any, value: Any) -> None:
    """A machine of 4 GiB, 4 cores, 50000 connections and a card that does not tell its speed."""
    assert compute(rule, Machine(4096, 4, 50000))[0] == value


def test_connections_come_from_memory_where_none_are_given() -> None:
    """Eight for each MiB."""
    assert Machine(4096, 4).size("connections") == 32768
    assert Machine(4096, 4, 1).size("connections") == 1


def test_each_value_says_why_how_and_where_to_read_more() -> None:
    """The comment of the drop-in; an override says that it is one, and may lower."""
    made = {
        c["id"]: c for c in kernel_controls(SETTINGS, "web_proxy", 4096, 4, 50000, overrides={"net-syn-backlog": 512})
    }
    assert made["net-somaxconn"]["sysctl"]["comment"].splitlines() == [
        "What does not fit is dropped, and the client tries again only after a second.",
        "Computed: 0.25 x 50000 connections, rounded up to a power of two, from 4096 to 65536.",
        "Source: man 2 listen",
    ]
    backlog = made["net-syn-backlog"]["sysctl"]
    assert (backlog["value"], backlog["raise_only"]) == (512, False)
    assert "Computed: set by kernel_overrides." in backlog["comment"]
    assert made["net-somaxconn"]["sysctl"]["raise_only"]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting["id"]))
def test_each_setting_is_told_and_known_to_the_engine(setting: dict[str, Any]) -> None:
    """Title, reason and source; exactly one thing that it is about; profiles that there are."""
    for name in ("title", "why", "source"):
        assert isinstance(setting[name], str) and setting[name] == setting[name].strip()
    assert setting["why"].endswith(".") and not setting["title"].endswith(".")
    assert set(setting["profiles"]) <= {
        "balanced",
        "throughput",
        "latency",
        "database",
        "web_proxy",
        "kubernetes_node",
        "virtual_guest",
    }
    assert len(set(state_of(setting, 1)) & set(PROVIDERS)) == 1


def test_ids_and_subjects_are_unique_within_a_profile() -> None:
    """One master for each key."""
    assert len({setting["id"] for setting in SETTINGS}) == len(SETTINGS)


def test_network_keys_are_under_the_dead_mans_switch() -> None:
    """Whatever changes the network may cut off the operator."""
    wrong = [s["id"] for s in SETTINGS if s.get("key", "").startswith("net.") and s.get("risk") != "access"]
    assert not wrong


def test_modules_are_loaded_before_their_parameters_are_planned() -> None:
    """With a risk of their own they would be one transaction with what they bring, which is not there then."""
    assert not [setting["id"] for setting in SETTINGS if "module" in setting and "risk" in setting]


@pytest.mark.parametrize("profile", PROFILES)
def test_persist_only_reaches_every_control(profile: str) -> None:
    """The running kernel is left alone as a whole or not at all; the command line is for the next boot anyway."""
    for control in kernel_controls(SETTINGS, profile, 1024, 1, persist_only=True):
        (state,) = [control[key] for key in control if key in PROVIDERS]
        assert state.get("persist_only") or state.get("reload") == "" or "cmdline" in control, control["id"]


@pytest.mark.parametrize(
    ("profile", "options", "words"),
    [
        (
            "fast",
            {},
            "profile is 'fast'; allowed are balanced, database, kubernetes_node, latency, throughput, virtual_guest,",
        ),
        ("balanced", {"overrides": {"x": 1}}, "overrides names 'x'; allowed in profile balanced are"),
        ("balanced", {"memory_mib": 0}, "memory_mib is 0; allowed is a number from 1"),
        ("balanced", {"cores": -2}, "cores is -2; allowed is a number from 1"),
        ("database", {"hugepages_mib": 769}, "hugepages_mib is 769; allowed is a number from 0 to 768, three quarters"),
        ("database", {"hugepages_mib": -1}, "hugepages_mib is -1; allowed is a number from 0 to 768"),
        ("balanced", {"hugepage_kib": 0}, "hugepage_kib is 0; allowed is a number from 1"),
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


@pytest.mark.parametrize("about", [{}, {"key": "a.b", "path": "/sys/x"}])
def test_a_setting_is_about_one_thing(about: dict[str, str]) -> None:
    """A profile's author is told."""
    with pytest.raises(KernelProfileError, match="x has .* needed is one"):
        state_of({"id": "x", **about}, 1)
