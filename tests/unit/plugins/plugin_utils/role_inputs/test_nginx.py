# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role nginx: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx import problems

SITE = {"name": "shop", "root": "/srv/shop"}


def sites(*changes: dict[str, Any]) -> dict[str, Any]:
    """Return one good site for each given change."""
    return {"nginx_sites": [{**SITE, **change} for change in changes]}


def location(**change: Any) -> dict[str, Any]:
    """Return a site with one location."""
    return sites({"locations": [{"path": "/x", **change}]})


@pytest.mark.parametrize(
    "good",
    [
        {},
        sites({}),
        sites({"server_names": ["a.net"]}, {"name": "b", "server_names": ["b.net"]}),
        sites({"default": True}, {"name": "b", "listen": [8080], "default": True}),
        sites({"listen": ["80", "[::]:80", "127.0.0.1:8080"]}),
        sites({}, {"state": "absent"}),
        location(**{"return": {"body": "hello"}}),
        location(lines=["return 404;"]),
        {"nginx_status_port": 8406, "nginx_status_address": "127.0.0.1", **sites({"listen": ["192.0.2.1:8406"]})},
        {"nginx_status_port": 80, "nginx_status_enabled": False, **sites({})},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (sites({"listen": [70000]}), "listen port is '70000'; allowed is an integer from 1 to 65535."),
        (sites({"listen": ["http"]}), "listen is 'http'; allowed is a port or address:port"),
        (sites({"listen": [80, 80]}), "listen has '80' 2 times; allowed is once."),
        (sites({"server_names": ["a"]}, {"name": "b", "server_names": ["a"]}), "already belongs to site 'shop'"),
        (sites({}, {"name": "b"}), "server name '' on listen '80' already belongs to site 'shop'"),
        (sites({"server_names": ["a;\nb"]}), "server_names is 'a;\\nb'; allowed is a single line"),
        (
            sites({"server_names": ["a"], "default": True}, {"name": "b", "server_names": ["b"], "default": True}),
            "default is true on listen '80', as it is for site 'shop'",
        ),
        (sites({"listen": [80]}, {"listen": [81]}), "nginx_sites has 'shop' 2 times; allowed is once."),
        (sites({"name": "../etc"}), "nginx_sites: name is '../etc'; allowed are letters"),
        ({"nginx_sites": [{"name": "shop"}]}, "neither root nor locations is given"),
        (sites({"locations": [{"path": "/", "alias": "/a/"}] * 2}), "locations has '/' 2 times; allowed is once."),
        (
            sites({"health_path": "/up", "locations": [{"path": "= /up", "alias": "/a/"}]}),
            "locations has '= /up' 2 times",
        ),
        (location(), "answers given are none; allowed is exactly one of return, proxy_pass"),
        (
            location(**{"alias": "/a/", "proxy_pass": "http://b.net"}),
            "answers given are proxy_pass, alias; allowed is exactly one",
        ),
        (location(**{"return": {"status": 600}}), "return.status is 600; allowed is an integer from 200 to 599."),
        ({"nginx_status_port": 0}, "nginx_status_port is 0; allowed is an integer from 1 to 65535."),
        ({"nginx_status_path": "status"}, "nginx_status_path is 'status'; allowed is a path that starts with '/'"),
        (
            {"nginx_status_port": 80, **sites({})},
            "listen is *:80, which nginx_status_port (127.0.0.1:80) already takes",
        ),
        ({"nginx_default_server_status": 200}, "nginx_default_server_status is 200; allowed is an integer from 400"),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = problems(bad)
    assert len(found) == 1, found
    assert sentence in found[0]
