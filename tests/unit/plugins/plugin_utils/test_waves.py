"""Waves: every host once, no limit ever broken, nothing refused that could be done."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.waves import (
    WaveError,
    floor_problem,
    out_of_service,
    plan_waves,
)
from hypothesis import given
from hypothesis import strategies as st

HOSTS = st.integers(1, 12).map(lambda count: [f"h{number}" for number in range(count)])
SIZES = st.sets(st.integers(1, 99), max_size=3).map(lambda found: [*(f"{size}%" for size in sorted(found)), "100%"])


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[str], dict[str, Any]]:
    hosts = draw(HOSTS)
    racks = {host: {"rack": draw(st.sampled_from("abc"))} for host in hosts}
    members = draw(st.lists(st.sampled_from(hosts), unique=True, min_size=1))
    outside = [f"o{number}" for number in range(draw(st.integers(0, 2)))]
    pool = [*members, *outside]
    return hosts, {
        "canary": draw(st.integers(0, 4)),
        "waves": draw(SIZES),
        "floor": draw(st.integers(0, len(hosts) - 1)),
        "spread": draw(st.sampled_from([[], ["rack"]])),
        "hostvars": racks,
        "apart": draw(st.lists(st.lists(st.sampled_from(hosts), unique=True), max_size=2)),
        "pools": [{"name": "web", "hosts": pool, "floor": draw(st.integers(0, len(pool) - 1))}],
    }


def keeps_limits(hosts: list[str], wave: list[str], options: dict[str, Any]) -> bool:
    pool = options["pools"][0]
    racks = [options["hostvars"][host]["rack"] for host in wave]
    return (
        len(hosts) - len(wave) >= options["floor"]
        and len(set(pool["hosts"]) - set(wave)) >= pool["floor"]
        and all(len(set(group) & set(wave)) <= 1 for group in options["apart"])
        and (not options["spread"] or len(set(racks)) == len(racks))
    )


@given(plans())
def test_every_host_is_in_exactly_one_wave_and_no_wave_is_empty(plan: tuple[list[str], dict[str, Any]]) -> None:
    hosts, options = plan
    waves = plan_waves(hosts, **options)
    assert sorted(itertools.chain(*waves)) == sorted(hosts)
    assert all(waves)


@given(plans())
def test_no_wave_breaks_a_limit(plan: tuple[list[str], dict[str, Any]]) -> None:
    hosts, options = plan
    for wave in plan_waves(hosts, **options):
        assert keeps_limits(hosts, wave, options)


@given(plans())
def test_the_canaries_are_done_before_any_other_host(plan: tuple[list[str], dict[str, Any]]) -> None:
    hosts, options = plan
    order = list(itertools.chain(*plan_waves(hosts, **options)))
    canaries = options["canary"]
    assert set(order[:canaries]) == set(hosts[:canaries])


@given(plans())
def test_the_same_input_gives_the_same_plan(plan: tuple[list[str], dict[str, Any]]) -> None:
    hosts, options = plan
    assert plan_waves(hosts, **options) == plan_waves(hosts, **options)


@given(plans())
def test_two_waves_of_one_step_could_not_have_been_one(plan: tuple[list[str], dict[str, Any]]) -> None:
    """No wave is smaller than its limits ask: the first host of the next wave of the same step did not fit."""
    hosts, options = plan
    free = plan_waves(hosts, canary=options["canary"], waves=options["waves"])
    waves = plan_waves(hosts, **options)
    for one, other in itertools.pairwise(waves):
        if any({*one, other[0]} <= set(step) for step in free):
            assert not keeps_limits(hosts, [*one, other[0]], options)


@pytest.mark.parametrize(
    ("count", "options", "sizes"),
    [
        (1, {}, [1]),
        (3, {}, [1, 2]),
        (8, {}, [1, 1, 6]),
        (8, {"canary": 0}, [2, 6]),
        (8, {"canary": 2}, [2, 6]),
        (10, {"waves": [3, 6, "100%"]}, [1, 2, 3, 4]),
        (3, {"floor": 2}, [1, 1, 1]),
        (5, {"floor": "50%"}, [1, 2, 2]),
        (4, {"canary": 3, "floor": 2}, [2, 1, 1]),
        (2, {"waves": [10, 20]}, [1, 1]),
        (0, {}, []),
        (0, {"floor": 2}, []),
    ],
)
def test_sizes(count: int, options: dict[str, Any], sizes: list[int]) -> None:
    hosts = [f"h{number}" for number in range(count)]
    assert [len(wave) for wave in plan_waves(hosts, **options)] == sizes


def test_both_load_balancers_are_never_in_one_wave() -> None:
    waves = plan_waves(["web1", "lb1", "lb2", "web2"], waves=["100%"], apart=[["lb1", "lb2"]])
    assert waves == [["web1"], ["lb1", "web2"], ["lb2"]]


def test_members_of_a_pool_that_are_not_patched_count_as_in_service() -> None:
    pool = {"name": "web", "hosts": ["web1", "web2", "web3"], "floor": 1}
    assert plan_waves(["web1", "web2"], canary=0, waves=["100%"], pools=[pool]) == [["web1", "web2"]]


def test_a_pool_that_is_not_touched_keeps_any_floor() -> None:
    pool = {"name": "web", "hosts": ["web1"], "floor": 1}
    assert plan_waves(["db1"], pools=[pool]) == [["db1"]]


@pytest.mark.parametrize(
    ("hosts", "options", "words"),
    [
        (["a", "b"], {"floor": 2}, r"floor is 2, which keeps 2 of 2 hosts in service, .*allowed is at most 1"),
        (["a", "b"], {"floor": "60%"}, r"floor is '60%', which keeps 2 of 2 hosts"),
        (["a"], {"floor": "10%"}, r"floor is '10%', which keeps 1 of 1 hosts"),
        (["a", "b", "a"], {}, r"hosts has 'a' 2 times; allowed is once"),
        ("abc", {}, r"hosts is 'abc'; allowed is a list"),
        (["a"], {"canary": -1}, r"canary is -1; allowed is a number of hosts from 0"),
        (["a"], {"canary": True}, r"canary is True; allowed"),
        (["a"], {"canary": "50%"}, r"canary is '50%'; allowed is a number of hosts"),
        (["a"], {"waves": ["101%"]}, r"waves\[0\] is '101%'; allowed"),
        (["a"], {"waves": [1.5]}, r"waves\[0\] is 1.5; allowed"),
        (["a"], {"waves": []}, r"waves is \[\], which ends with 0 of 1 hosts done"),
        (
            ["a", "b", "c"],
            {"waves": [1, 2]},
            r"waves is \[1, 2\], which ends with 2 of 3 hosts done; allowed are",
        ),
        (["a", "b"], {"waves": ["25%", "75%"]}, r"ends with 1 of 2 hosts done"),
        (["a", "b"], {"waves": ["50%", "25%", "100%"]}, r"waves\[1\] is '25%' after '50%'; allowed are cumulative"),
        (["a", "b"], {"spread": ["rack"], "hostvars": {"a": {"rack": 1}, "b": {}}}, r"'rack', but b has no value"),
        (["a", "b"], {"spread": "rack"}, r"spread is 'rack'; allowed is a list"),
        (["a", "b"], {"apart": [["a", "a"]]}, r"apart\[0\] has 'a' 2 times"),
        (["a", "b"], {"pools": [{"name": "web", "hosts": ["a"]}]}, r"pools\[0\] is .*; allowed is a dictionary with"),
        (
            ["a"],
            {"pools": [{"name": "w", "hosts": ["a", "b"], "floor": 2}]},
            r"pool 'w': floor is 2, which keeps 2 of 2",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused(hosts: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(WaveError, match=words):
        plan_waves(hosts, **options)


WEB = {"name": "web", "hosts": ["web1", "web2", "web3", "web4"], "floor": "50%"}


@pytest.mark.parametrize(
    ("wave", "out", "left"),
    [
        (["web1", "web2"], [], None),
        (["web1"], ["web3"], None),
        (["web1", "web2"], ["web3"], 1),
        (["web1"], ["web3", "web4"], 1),
        # Who is taken out is not counted twice, and who is of no pool does not count.
        (["web1", "web2"], ["web1", "db1"], None),
        (["db1"], ["web1", "web2", "web3"], None),
    ],
)
def test_who_does_not_serve_now_counts_for_the_floor(wave: list[str], out: list[str], left: int | None) -> None:
    said = floor_problem(WEB, wave, out)
    assert (f"{left} would be left without {', '.join(wave)};" in said) if left is not None else said == ""


def test_a_host_is_out_where_one_load_balancer_sends_it_nothing() -> None:
    def row(server: str, backend: str, up: bool) -> dict[str, Any]:
        return {"server": server, "backend": backend, "up": up}

    first = [row("web1", "web", True), row("two", "web", True), row("web3", "other", False)]
    second = [row("web1", "web", False), row("two", "web", True), row("web3", "web", True)]
    hostvars = {"web2": {"rotation_server": "two"}, "web3": {"rotation_backends": ["web"]}, "web1": {}, "web4": {}}
    assert out_of_service(WEB["hosts"], [first, second], hostvars) == ["web1"]
    assert out_of_service(WEB["hosts"], [first, [row("two", "web", False)]], hostvars) == ["web2"]
