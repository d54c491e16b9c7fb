"""Wrong inputs of the role common are named before a package manager is asked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import common

GOOD: dict[str, Any] = {
    "common_packages": ["nginx", "g++", "libc6"],
    "common_package_lists_max_age": 3600,
    "common_package_proxy": "http://proxy.example.net:3128",
    "common_package_no_proxy": ["mirror.example.net", ".internal", "192.0.2.0/24", "[2001:db8::1]"],
    "common_offline": False,
}


@pytest.mark.parametrize("inputs", [{}, GOOD, {"common_offline": True, "common_package_proxy": ""}])
def test_good_inputs_are_accepted(inputs: dict[str, Any]) -> None:
    assert common.problems(inputs) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"common_package_lists_max_age": -2}, "common_package_lists_max_age is -2; allowed is an integer from -1 to"),
        ({"common_package_lists_max_age": 10**9}, "common_package_lists_max_age is 1000000000; allowed is an integer"),
        (
            {"common_package_proxy": "proxy.example.net:3128"},
            "common_package_proxy is 'proxy.example.net:3128'; allowed",
        ),
        (
            {"common_package_proxy": "ftp://proxy.example.net"},
            "common_package_proxy is 'ftp://proxy.example.net'; allow",
        ),
        ({"common_package_proxy": "http://"}, "common_package_proxy is 'http://'; allowed is a URL that begins"),
        ({"common_package_proxy": "http://proxy:port"}, "common_package_proxy is 'http://proxy:port'; allowed"),
        ({"common_package_proxy": "http://a b"}, "common_package_proxy is 'http://a b'; allowed"),
        ({"common_package_no_proxy": ["a;b"]}, "common_package_no_proxy is 'a;b'; allowed is hosts, domains"),
        ({"common_packages": ["nginx=1.22"]}, "common_packages is 'nginx=1.22'; allowed is names without version"),
        ({"common_packages": ["-o"]}, "common_packages is '-o'; allowed is names without version"),
        ({"common_packages": ["nginx-"]}, "common_packages is 'nginx-'; allowed is names without version"),
        ({"common_offline": True}, "common_offline is true, but common_package_proxy is set; allowed is"),
    ],
)
def test_wrong_inputs_are_named(wrong: dict[str, Any], sentence: str) -> None:
    (found,) = common.problems({**GOOD, **wrong})
    assert found.startswith(sentence)


def test_a_proxys_password_does_not_show() -> None:
    (found,) = common.problems({"common_package_proxy": "ftp://ops:hunter2@proxy.example.net"})
    assert "hunter2" not in found
