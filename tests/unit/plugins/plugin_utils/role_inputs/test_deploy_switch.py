"""A deployment by a switch: what is refused before any host is touched, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.deploy import problems

BALANCERS = ["lb1", "lb2"]
POOLS = {"web1": ["blue"], "web2": ["green"]}


def chosen(*backends: str, **more: Any) -> list[dict[str, Any]]:
    """What each load balancer answers."""
    return [
        {
            "item": balancer,
            "switches": [{"name": "shop", "backend": each, "kept": each, "backends": ["blue", "green"], **more}],
        }
        for balancer, each in zip(BALANCERS, backends, strict=True)
    ]


def play(**more: Any) -> dict[str, Any]:
    """Return inputs as the play sees them."""
    own = {
        "deploy_role": "app",
        "deploy_switch": "shop",
        "__deploy_hosts": list(POOLS),
        "__deploy_backends_of": POOLS,
        "__deploy_balancers_of": dict.fromkeys(POOLS, BALANCERS),
        "__deploy_left_out": [],
        "__deploy_asked": chosen("blue", "blue"),
    }
    return {**own, **more}


@pytest.mark.parametrize(
    "good",
    [
        play(),
        play(deploy_role="", deploy_switch_back=True),
        play(deploy_watch_seconds=0, deploy_watch_error_percent=0.5),
        play(deploy_switch_checks=[{"http": {"url": "http://127.0.0.1/"}, "within": 3}]),
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"deploy_switch": ""}, "deploy_switch is ''; allowed is the name of a switch"),
        (
            {"deploy_switch_back": True},
            "deploy_role is 'app' with deploy_switch_back; allowed is to deploy nothing then.",
        ),
        ({"deploy_watch_seconds": -1}, "deploy_watch_seconds is -1; allowed is an integer from 0 to 3600."),
        ({"deploy_watch_error_percent": 101}, "deploy_watch_error_percent is 101; allowed is a number from 0 to 100."),
        ({"deploy_watch_error_percent": "few"}, "deploy_watch_error_percent is 'few'; allowed is a number"),
        ({"deploy_warm_up_tasks": "no.yml"}, "deploy_warm_up_tasks is 'no.yml', which is no file on the controller"),
        ({"deploy_switch_checks": [{"unit": "x", "from": "host"}]}, "deploy_switch_checks[0] has 'from'; allowed are"),
        ({"__deploy_left_out": ["web3"]}, "deploy_hosts has web3, which --limit leaves out; allowed is the whole"),
        ({"__deploy_backends_of": {**POOLS, "web2": []}}, "rotation_backends of web2 is []; allowed is one backend"),
        ({"__deploy_backends_of": {**POOLS, "web2": ["red"]}}, "rotation_backends of web2 is ['red']; allowed are the"),
        ({"__deploy_backends_of": {"web1": ["blue"]}}, "deploy_hosts has no host of the idle pool 'green'; allowed"),
        ({"__deploy_balancers_of": {"web1": [], "web2": []}}, "rotation_balancers of web1 is empty; allowed is a list"),
        (
            {"__deploy_balancers_of": {"web1": BALANCERS, "web2": ["lb1"]}},
            "rotation_balancers of web2 is ['lb1']; allowed is ['lb1', 'lb2'], that of web1.",
        ),
        (
            {"__deploy_asked": [*chosen("blue", "blue")[:1], {"item": "lb2", "unreachable": True}]},
            "rotation_balancers has lb2, which cannot be reached; no host is touched.",
        ),
        (
            {"deploy_switch": "shp", "__deploy_asked": chosen("blue", "blue")[:1]},
            "deploy_switch is 'shp', which lb1 does not have; allowed are shop.",
        ),
        (
            {"__deploy_asked": chosen("blue", "green")},
            "the load balancers disagree: lb1 has blue, lb2 has green; allowed is one for all",
        ),
        ({"__deploy_asked": chosen("blue", "blue", kept="green")}, "is blue on lb1, and would be green after a reload"),
        ({"__deploy_asked": chosen("blue", "blue", backends=["blue"])}, "allowed is a switch with two backends."),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = problems(play(**bad))
    assert len(found) == 1, found
    assert sentence in found[0]
