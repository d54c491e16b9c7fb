# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role haproxy: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.haproxy import listeners, problems

FRONTEND = {"name": "http", "bind": [{"port": 80}], "default_backend": "web"}
SERVER = {"name": "web1", "address": "192.0.2.1", "port": 80}
BACKEND = {"name": "web", "servers": [SERVER]}
API = {"name": "api", "when": "path_beg /api"}
HOSTS = {"name": "hosts", "entries": {"www.example.net": "web"}}
HASH = "$6$salt$abcdefghijklmnop"
STAFF = {"name": "staff", "groups": ["admins"], "users": [{"name": "ann", "password_hash": HASH, "groups": ["admins"]}]}
PEERS = [
    {"name": "lb1", "address": "192.0.2.11", "port": 10000},
    {"name": "lb2", "address": "192.0.2.12", "port": 10000},
]
PAIR = {"name": "pair", "peers": PEERS}
DNS = {"name": "dns", "nameservers": [{"name": "a", "address": "192.0.2.53"}], "hold": {"valid": "10s"}}
LISTEN = {"name": "smtp", "bind": [{"port": 25}], "servers": [SERVER]}


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
        inputs(haproxy_timeouts={"connect": "5s", "client": "500ms", "server": "3s", "queue": 0}),
        inputs({"use_backends": [{"backend": "web", "when": "api !{ path /x } or METH_GET"}], "acls": [API]}),
        inputs({"use_backends": [{"map": "hosts"}], "default_backend": None}, haproxy_maps=[HOSTS]),
        inputs({"use_backends": [{"backend": "%[req.hdr(host)]"}]}),
        inputs({"rules": [{"do": "deny", "when": "{ path '/a b' } unknown"}]}),
        inputs({"rules": [{"do": "deny", "when": "mine"}], "lines": ["acl mine src 192.0.2.1"]}),
        inputs({"rules": [{"do": "auth", "when": "!{ http_auth(staff) }"}]}, haproxy_userlists=[STAFF]),
        inputs({"rate_limit": {"requests": 5, "peers": "pair"}}, haproxy_peers=[PAIR], haproxy_local_peer="lb1"),
        inputs({"hsts": True, "bind": [{"port": 443, "tls": {"certificates": ["shop", "/etc/x.pem"]}}]}),
        inputs({"bind": [{"port": 80}, {"address": "::", "port": 80, "options": ["v6only"]}]}),
        inputs(backend={"cookie": {"name": "SRV", "max_idle": "30m"}, "agent_check": {"port": 9999}}),
        inputs(backend={"servers": [{**SERVER, "resolvers": "dns"}]}, haproxy_resolvers=[DNS]),
        inputs(backend={"http_check": {"expect_status": "200,204,300-399", "expect_body": "up"}}),
        inputs(backend={"stick": {"key": "src", "type": "string len 64", "size": "1m", "expire": "1h"}}),
        inputs(haproxy_listens=[{"name": "smtp", "mode": "tcp", "bind": [{"port": 25}], "servers": [SERVER]}]),
        inputs(haproxy_maxconn=2000, haproxy_file_limit=8192, haproxy_threads=2),
        inputs(haproxy_error_pages={503: "soon", "429": "slower"}),
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
        (inputs({"bind": [{"port": 80}, {"address": "::", "port": 80}]}), "is [::]:80, which"),
        (
            inputs(
                {"bind": [{"address": "2001:db8::1", "port": 80}, {"address": "::", "port": 80, "options": ["v6only"]}]}
            ),
            "is [::]:80, which",
        ),
        (inputs(haproxy_timeouts={"client": 30}), "haproxy_timeouts.client is 30; allowed is a number with the unit"),
        (inputs({"bind": [{"port": 80, "address": "* x"}]}), "bind address is '* x'; allowed is a word"),
        (inputs({"rate_limit": {"requests": 5, "size": "1m\n"}}), "rate_limit.size is '1m\\n'; allowed is a word"),
        (inputs({"compression": {"types": ["a b"]}}), "compression.types is 'a b'; allowed is a word"),
        (
            inputs(backend={"servers": [{**SERVER, "address": "192.0.2.1 x"}]}),
            "address is '192.0.2.1 x'; allowed is an IP",
        ),
        (inputs({"hsts": {"seconds": 60}}), "hsts is {'seconds': 60}, but no bind has tls"),
        (inputs({"hsts": True, "bind": [{"port": 80, "accept_proxy": True}]}), "hsts is True, but no bind has tls"),
        (
            inputs({"https_redirect": True, "bind": [{"port": 80, "accept_proxy": True}]}),
            "https_redirect is True, but its binds accept the PROXY protocol and none has tls",
        ),
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


def users(**user: Any) -> Any:
    """Good inputs with one user of a list."""
    return inputs(haproxy_userlists=[{"name": "staff", "users": [{"name": "ann", **user}]}])


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        # Where requests go.
        (
            inputs({"use_backends": [{"backend": "api"}]}),
            "use_backends backend is 'api'; allowed are the names in haproxy_b",
        ),
        (
            inputs({"use_backends": [{"when": "TRUE"}]}),
            "use_backends has neither backend nor map; allowed is exactly one",
        ),
        (
            inputs({"use_backends": [{"map": "hosts"}]}),
            "use_backends map is 'hosts'; allowed are the names in haproxy_maps",
        ),
        (
            inputs({"use_backends": [{"map": "hosts"}]}, haproxy_maps=[{"name": "hosts", "entries": {"a": "api"}}]),
            "use_backends map 'hosts' sends 'a' to 'api'; allowed are the names in haproxy_backends: 'web'.",
        ),
        (
            inputs({"use_backends": [{"backend": "smtp"}]}, haproxy_listens=[{**LISTEN, "mode": "tcp"}]),
            "mode is 'http'; allowed is 'tcp', the mode of the backend 'smtp' of its use_backends.",
        ),
        # Conditions.
        (
            inputs({"rules": [{"do": "deny", "when": "!inside"}], "acls": [API]}),
            "rules when is '!inside', which uses acl 'inside'; allowed are the names in its acls: 'api', and",
        ),
        (inputs({"rules": [{"do": " "}]}), "rules do is ' '; allowed is a text that is not empty."),
        (inputs({"tcp_rules": [{"do": "reject"}]}), "tcp_rules do is 'reject'; allowed is what begins with connection"),
        (
            inputs({"acls": [{"name": "known", "when": "http_auth(staff)"}]}),
            "acls when is 'http_auth(staff)', which uses userlist 'staff'; allowed are the names in haproxy_userl",
        ),
        (
            inputs({"mode": "tcp", "rules": [{"do": "deny"}]}, {"mode": "tcp"}),
            "rules is given, but mode is 'tcp'; allowed is it only where mode is 'http'.",
        ),
        # Limits.
        (inputs({"rate_limit": {"requests": 0}}), "rate_limit.requests is 0; allowed is an integer from 1 to 1000000."),
        (
            inputs({"rate_limit": {"requests": 1, "seconds": 0}}),
            "rate_limit.seconds is 0; allowed is an integer from 1",
        ),
        (inputs({"rate_limit": {"requests": 1, "status": 418}}), "rate_limit.status is 418; allowed are 200, 400,"),
        (
            inputs({"rate_limit": {"requests": 1, "peers": "pair"}}),
            "rate_limit.peers is 'pair'; allowed are the names in",
        ),
        (inputs(haproxy_threads=65), "haproxy_threads is 65; allowed is 0, or an integer from 1 to 64."),
        (inputs(haproxy_file_limit=10), "haproxy_file_limit is 10; allowed is 0, or an integer from 1024"),
        (
            inputs(haproxy_maxconn=5000, haproxy_file_limit=4096, haproxy_threads=2),
            "haproxy_maxconn is 5000; allowed is at most 2011 with haproxy_file_limit 4096.",
        ),
        # TLS.
        (inputs({"bind": [{"port": 443, "tls": {}}]}), "bind tls: certificates is empty; allowed is at least one"),
        (
            inputs({"bind": [{"port": 443, "tls": {"certificates": ["a"], "client_verify": "optional"}}]}),
            "bind tls.client_verify is 'optional'; allowed is it only with a client_ca.",
        ),
        (
            inputs({"bind": [{"port": 443, "tls": {"certificates": ["a"], "profile": "old"}}]}),
            "bind tls.profile is 'old'; allowed are intermediate, modern.",
        ),
        (inputs({"hsts": True}), "hsts is True, but no bind has tls; allowed is it only beside a bind with tls."),
        # Servers.
        (
            inputs(
                backend={
                    "cookie": {"name": "SRV"},
                    "servers": [SERVER, {**SERVER, "name": "b", "port": 81, "cookie": "web1"}],
                }
            ),
            "cookies of servers has 'web1' 2 times; allowed is once.",
        ),
        (
            inputs(backend={"servers": [{**SERVER, "cookie": "a"}]}),
            "cookie is 'a'; allowed is it only where the backend",
        ),
        (
            inputs(backend={"servers": [{**SERVER, "resolvers": "dns"}]}),
            "resolvers is 'dns'; allowed are the names in haprox",
        ),
        (
            inputs(backend={"servers": [{**SERVER, "slow_start": "soon"}]}),
            "slow_start is 'soon'; allowed is a number with",
        ),
        (inputs(backend={"agent_check": {"port": 0}}), "agent_check.port is 0; allowed is an integer from 1 to 65535."),
        (inputs(backend={"stick": {"type": "name"}}), "stick.type is 'name'; allowed is ip, ipv6, integer, string"),
        (
            inputs(backend={"timeouts": {"server": "long"}}),
            "timeouts.server is 'long'; allowed is a number with the unit",
        ),
        (inputs(backend={"timeouts": {"sever": "1s"}}), "timeouts has 'sever'; allowed are check, client,"),
        (
            inputs(backend={"http_check": {"expect_status": "2xx-299"}}),
            "expect_status is '2xx-299'; allowed is a status",
        ),
        # Listens.
        (
            inputs(haproxy_listens=[{**LISTEN, "bind": [{"port": 80}]}]),
            "haproxy_listens: listen 'smtp': bind is *:80, which haproxy_frontends: frontend 'http': bind (*:80)",
        ),
        (
            inputs(haproxy_listens=[{**LISTEN, "name": "web"}]),
            "haproxy_listens has 'web', which haproxy_backends has too;",
        ),
        (inputs({"name": "evenkeel-x"}), "name is 'evenkeel-x'; allowed is what does not begin with 'evenkeel-'."),
        # What sections refer to.
        (inputs(haproxy_maps=[{"name": "m", "entries": {"a b": "c"}}]), "entries has the key 'a b'; allowed is a word"),
        (inputs(haproxy_error_pages={418: "tea"}), "haproxy_error_pages has 418; allowed are 200, 400, 401,"),
        (inputs(haproxy_error_pages={503: "x" * 15001}), "haproxy_error_pages.503 has 15001 bytes; allowed are 1 to"),
        (
            inputs(haproxy_peers=[PAIR], haproxy_local_peer="lb3"),
            "haproxy_local_peer is 'lb3'; allowed are the peers of haproxy_peers: group 'pair': lb1, lb2.",
        ),
        (inputs(haproxy_resolvers=[{"name": "dns"}]), "resolver 'dns': nameservers is empty; allowed is at least one"),
        (
            inputs(haproxy_resolvers=[{**DNS, "hold": {"valid": "x"}}]),
            "hold.valid is 'x'; allowed is a number with the unit",
        ),
        (users(), "user 'ann': password_hash is not given; allowed is a hash"),
        (users(**{"password_hash": "open-sesame"}), "user 'ann': password_hash is no hash; allowed is a hash"),
        (users(**{"password": "open-sesame"}), "user 'ann': password is given in plain text; allowed is password_hash"),
        (
            users(password_hash=HASH, groups=["x"]),
            "user 'ann': groups has 'x'; allowed are the groups of the list: none.",
        ),
    ],
)
def test_the_whole_model_is_checked(bad: dict[str, Any], sentence: str) -> None:
    found = problems(bad)
    assert len(found) == 1, found
    assert sentence in found[0]
    assert "open-sesame" not in found[0]


def test_listens_metrics_and_the_own_peer_have_their_ports() -> None:
    wanted = inputs(haproxy_listens=[LISTEN], haproxy_peers=[PAIR], haproxy_local_peer="lb2")
    assert [str(each) for each in listeners(wanted)] == ["*:8405", "*:80", "*:25", "192.0.2.12:10000"]
