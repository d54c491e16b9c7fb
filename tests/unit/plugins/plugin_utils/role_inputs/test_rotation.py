"""Inputs of the role rotation: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.rotation import problems


def check(**question: Any) -> dict[str, Any]:
    """Return inputs with one health check."""
    return {"rotation_health_checks": [question]}


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"rotation_balancers": ["lb1", "lb2"], "__rotation_known_hosts": ["lb1", "lb2", "web1"]},
        # Who does not see the inventory cannot miss a host in it.
        {"rotation_balancers": ["lb1"]},
        {"rotation_backends": ["web"], "rotation_server": "web1", "rotation_min_up": 0},
        check(http={"url": "https://www.example.net/", "status": [200, 302]}, within=120),
        check(tcp={"port": 5432}, **{"from": "controller"}),
        check(unit="nginx.service"),
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"rotation_balancers": ["lb9"], "__rotation_known_hosts": ["lb1"]},
            "rotation_balancers has 'lb9', which the inventory does not have; allowed are its hosts.",
        ),
        ({"rotation_balancers": ["lb1", "lb1"]}, "rotation_balancers has 'lb1' 2 times; allowed is once."),
        ({"rotation_backends": ["a b"]}, "rotation_backends is 'a b'; allowed are letters"),
        ({"rotation_server": "web/1"}, "rotation_server is 'web/1'; allowed are letters"),
        ({"rotation_drain_timeout": 0}, "rotation_drain_timeout is 0; allowed is an integer from 1 to 86400."),
        ({"rotation_ready_timeout": 3601}, "rotation_ready_timeout is 3601; allowed is an integer from 1 to 3600."),
        ({"rotation_health_timeout": "soon"}, "rotation_health_timeout is 'soon'; allowed is an integer from 1"),
        ({"rotation_min_up": -1}, "rotation_min_up is -1; allowed is an integer from 0 to 10000."),
        (check(), "rotation_health_checks[0] has no question; allowed is exactly one of http, tcp, unit, command."),
        (check(unit="a.service", tcp={"port": 1}), "has tcp and unit; allowed is exactly one of"),
        (check(http={"url": "ftp://x"}), "http.url is 'ftp://x'; allowed is a URL with http:// or https://."),
        (check(http={"url": "http://x", "status": [7]}), "http.status is 7; allowed is an integer from 100 to 599."),
        (check(tcp={"port": 70000}), "tcp.port is 70000; allowed is an integer from 1 to 65535."),
        (check(unit="a.service", within=0), "within is 0; allowed is an integer from 1 to 120."),
        (check(unit="a.service", **{"from": "controller"}), "from is 'controller' with unit; allowed is 'host'"),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = problems(bad)
    assert len(found) == 1
    assert sentence in found[0]
