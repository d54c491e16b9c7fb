# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role haproxy: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.haproxy import problems

FRONTEND = {"name": "http", "bind": [{"port": 80}], "default_backend": "web"}
SERVER = {"name": "web1", "address": "192.0.2.1", "port": 80}
BACKEND = {"name": "web", "servers": [SERVER]}


def inputs(frontend: dict[str, Any] | None = None, backend: dict[str, Any] | None = None, **others: Any) -> Any:
    """Return good inputs with something changed."""
    return {
        "haproxy_frontends": [{**FRONTEND, **(frontend or {})}],
        "haproxy_backends": [{**BACKEND, **(backend or {})}],
        "haproxy_metrics_port": 8405,
        **others,
    }


@pytest.mark.parametrize(
    "good",
    [
        {},
        inputs(),
        inputs({"bind": [{"port": 80}, {"port": "443", "options": ["ssl"]}]}),
        inputs({"bind": [{"address": "192.0.2.10", "port": 80}, {"address": "192.0.2.11", "port": 80}]}),
        inputs({"default_backend": None, "lines": ["use_backend web if TRUE"]}),
        inputs(haproxy_metrics_enabled=False, haproxy_metrics_port=80),
        inputs(backend={"http_check": {"path": "/healthz", "expect_status": "204"}}),
        inputs(backend={"servers": [{**SERVER, "weight": 0}, {**SERVER, "name": "web2", "port": 81, "weight": "256"}]}),
        inputs(haproxy_timeouts={"connect": "5s", "client": "500ms", "server": 3000}),
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (inputs({"bind": []}), "frontend 'http': bind is empty; allowed is a list with at least one address and port."),
        (inputs({"bind": [{"port": 0}]}), "bind port is 0; allowed is an integer from 1 to 65535."),
        (inputs({"bind": [{"port": 8405}]}), "bind is *:8405, which haproxy_metrics_port (*:8405) already takes;"),
        (inputs({"bind": [{"port": 80}, {"address": "192.0.2.1", "port": 80}]}), "is 192.0.2.1:80, which"),
        (inputs({"bind": [{"address": "::1", "port": 80}, {"address": "::1", "port": 80}]}), "is [::1]:80, which"),
        (
            inputs({"default_backend": "api"}),
            "default_backend is 'api'; allowed are the names in haproxy_backends: 'web'",
        ),
        (inputs({"default_backend": None}), "default_backend is not given; allowed are 'web', or lines"),
        (inputs({"mode": "tcp"}), "mode is 'tcp'; allowed is 'http', the mode of its default_backend 'web'."),
        (inputs({"name": "a b"}), "haproxy_frontends: name is 'a b'; allowed are letters"),
        (inputs({"lines": ["one\ntwo"]}), "lines is 'one\\ntwo'; allowed is a single line"),
        (
            inputs(backend={"servers": []}),
            "backend 'web': servers is empty; allowed is a list with at least one server.",
        ),
        (inputs(backend={"servers": [SERVER, {**SERVER, "port": 81}]}), "servers has 'web1' 2 times; allowed is once."),
        (inputs(backend={"servers": [SERVER, {**SERVER, "name": "b"}]}), "servers has '192.0.2.1:80' 2 times"),
        (inputs(backend={"servers": [{**SERVER, "port": 65536}]}), "'web1': port is 65536; allowed is an integer"),
        (inputs(backend={"servers": [{**SERVER, "port": True}]}), "'web1': port is True; allowed is an integer"),
        (
            inputs(backend={"servers": [{**SERVER, "weight": 257}]}),
            "weight is 257; allowed is an integer from 0 to 256.",
        ),
        (inputs(backend={"servers": [{**SERVER, "address": ""}]}), "address is ''; allowed is an IP address or a host"),
        (inputs(backend={"http_check": {"path": "healthz"}}), "http_check.path is 'healthz'; allowed is a path"),
        (inputs(backend={"http_check": {"expect_status": 42}}), "expect_status is 42; allowed is an integer from 100"),
        (inputs(backend={"check_interval": "soon"}), "check_interval is 'soon'; allowed is a number with the unit"),
        (inputs(backend={"check_fall": 0}), "check_fall is 0; allowed is an integer from 1"),
        (inputs(haproxy_timeouts={"client": "long"}), "haproxy_timeouts.client is 'long'; allowed is a number with"),
        (inputs(haproxy_metrics_path="metrics"), "haproxy_metrics_path is 'metrics'; allowed is a path that starts"),
        (inputs(haproxy_global_lines=["a\nb"]), "haproxy_global_lines is 'a\\nb'; allowed is a single line"),
        (
            {"haproxy_frontends": [FRONTEND]},
            "default_backend is 'web'; allowed are the names in haproxy_backends: none",
        ),
        ({"haproxy_backends": [BACKEND, BACKEND]}, "haproxy_backends has 'web' 2 times; allowed is once."),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = problems(bad)
    assert len(found) == 1, found
    assert sentence in found[0]


def test_wrong_types_are_left_to_the_argument_specs() -> None:
    assert problems({"haproxy_frontends": "http", "haproxy_backends": [1], "haproxy_timeouts": 5}) == []
