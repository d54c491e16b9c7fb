"""Wrong inputs are named with variable, value and what is allowed; secrets are not shown."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import inputs

OPTIONS: dict[str, Any] = {
    "web_port": {"type": "int"},
    "web_on": {"type": "bool"},
    "web_level": {"type": "str", "choices": ["low", "high"]},
    "web_names": {"type": "list", "elements": "str"},
    "web_levels": {"type": "list", "elements": "str", "choices": ["low", "high"]},
    "web_timeouts": {"type": "dict"},
    "web_password": {"type": "str", "no_log": True, "choices": ["correct-horse"]},
    "web_sites": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "port": {"type": "int"},
            "key": {"type": "str", "no_log": True},
            "mode": {"type": "str", "choices": ["http", "tcp"], "default": "http"},
        },
    },
}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("web_port", "many", "web_port is 'many'; allowed is an integer."),
        ("web_port", True, "web_port is True; allowed is an integer."),
        ("web_port", [80], "web_port is [80]; allowed is an integer."),
        ("web_on", "maybe", "web_on is 'maybe'; allowed is true or false."),
        ("web_level", "mid", "web_level is 'mid'; allowed is one of low, high."),
        ("web_level", {"a": 1}, "web_level is {'a': 1}; allowed is one of low, high."),
        ("web_names", {"a": 1}, "web_names is {'a': 1}; allowed is a list, each element a string."),
        ("web_names", ["a", ["b"]], "web_names[1] is ['b']; allowed is a string."),
        ("web_names", [None], "web_names[0] is null; it is required, a string."),
        ("web_levels", ["low", "mid"], "web_levels[1] is 'mid'; allowed is one of low, high."),
        ("web_timeouts", 7, "web_timeouts is 7; allowed is a mapping."),
        ("web_sites", 3, "web_sites is 3; allowed is a list, each element a mapping."),
        ("web_sites", [5], "web_sites[0] is 5; allowed is a mapping."),
        ("web_sites", [{"port": 1}], "web_sites[0].name is not set; it is required, a string."),
        ("web_sites", [{"name": "a", "prot": 1}], "web_sites[0] has 'prot'; did you mean port?"),
        ("web_sites", [{"name": "a", "zzz": 1}], "web_sites[0] has 'zzz'; allowed are key, mode, name, port."),
        ("web_sites", [{"name": "a", "mode": "ftp"}], "web_sites[0].mode is 'ftp'; allowed is one of http, tcp."),
        ("web_sites", [{"name": "a", "port": "x"}], "web_sites[0].port is 'x'; allowed is an integer."),
    ],
)
def test_wrong_value_is_named(name: str, value: Any, sentence: str) -> None:
    assert inputs.problems(OPTIONS, {name: value}) == [sentence]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("web_port", "80"),
        ("web_on", "yes"),
        ("web_names", "a,b"),
        ("web_names", []),
        ("web_port", None),
        ("web_sites", [{"name": "a", "port": "80"}]),
        ("web_other", object()),
    ],
)
def test_what_the_core_takes_is_taken(name: str, value: Any) -> None:
    assert inputs.problems(OPTIONS, {name: value}) == []


def test_all_problems_come_at_once() -> None:
    assert len(inputs.problems(OPTIONS, {"web_port": "x", "web_on": "x", "web_sites": [{}, {"port": "y"}]})) == 5


def test_secrets_do_not_show() -> None:
    values = {"web_password": "hunter2hunter2", "web_sites": [{"name": "a", "key": ["hunter3hunter3"]}]}
    found = inputs.problems(OPTIONS, values)
    assert "web_password is (secret); allowed is one of correct-horse." in found
    assert "web_sites[0].key is (secret); allowed is a string." in found
    assert inputs.secrets(OPTIONS, values) == {"hunter2hunter2", "hunter3hunter3"}
    assert inputs.mask(["x is 'hunter2hunter2'"], inputs.secrets(OPTIONS, values)) == ["x is '(secret)'"]


def test_core_knows_more() -> None:
    tls: dict[str, Any] = {"type": "dict", "options": {"cert": {"type": "str"}, "key": {"type": "str"}}}
    tls["required_together"] = [["cert", "key"]]
    (problem,) = inputs.problems({"web_tls": tls}, {"web_tls": {"cert": "a"}})
    assert problem.startswith("web_tls is refused: parameters are required together: cert, key")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("web_prot", "web_prot is no input of the role web; did you mean web_port?"),
        ("web_zzzzzzzzzzz", "web_zzzzzzzzzzz is no input of the role web; allowed are web_level, "),
    ],
)
def test_unknown_name(name: str, words: str) -> None:
    assert words in inputs.unknown(name, "web", OPTIONS)


def test_long_values_are_cut() -> None:
    (problem,) = inputs.problems(OPTIONS, {"web_port": "x" * 1000})
    assert len(problem) < 300
