"""Switches of the role haproxy: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.haproxy import problems

SHOP = {"name": "shop", "backends": ["blue", "green"]}


def inputs(own: dict[str, Any] | None = None, **frontend: Any) -> dict[str, Any]:
    """Return two pools behind one frontend with a switch."""
    server = {"name": "web1", "address": "192.0.2.1", "port": 80}
    return {
        "haproxy_metrics_enabled": False,
        "haproxy_backends": [
            {"name": "blue", "servers": [server]},
            {"name": "green", "servers": [server]},
            {"name": "raw", "mode": "tcp", "servers": [server]},
        ],
        "haproxy_switches": [{**SHOP, **(own or {})}],
        "haproxy_frontends": [{"name": "http", "bind": [{"port": 80}], "switch": "shop", **frontend}],
    }


@pytest.mark.parametrize("good", [inputs(), inputs({"initial": "green"}), inputs(default_backend="blue")])
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (inputs({"initial": "red"}), "switch 'shop': initial is 'red'; allowed are its backends: 'blue', 'green'."),
        (inputs({"backends": ["blue"]}), "backends is ['blue']; allowed are at least two names in haproxy_backends."),
        (
            inputs({"backends": ["blue", "red"]}),
            "backends has 'red'; allowed are the names in haproxy_backends: 'blue'",
        ),
        (inputs({"backends": ["blue", "green", "blue"]}), "backends has 'blue' 2 times; allowed is once."),
        (inputs({"backends": ["blue", "raw"]}), "mode is 'http'; allowed is 'tcp', the mode of backend 'raw' of its"),
        (inputs(switch="shp"), "frontend 'http': switch is 'shp'; allowed are the names in haproxy_switches: 'shop'."),
        ({**inputs(), "haproxy_switches": [SHOP, SHOP]}, "haproxy_switches has 'shop' 2 times; allowed is once."),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = problems(bad)
    assert len(found) == 1
    assert sentence in found[0]


def test_a_name_cannot_be_another_file() -> None:
    (found,) = problems(inputs({"name": "../shop"}, switch="../shop"))
    assert found.startswith("haproxy_switches: name is '../shop'; allowed are letters, digits, '_', '.' and '-'")
