# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstreams, maps, caches, limits, logs, proxies and TLS of the role nginx: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import nginx

TLS = {"certificate": "shop"}


def site(**change: Any) -> dict[str, Any]:
    """One site."""
    return {"nginx_sites": [{"name": "shop", "root": "/srv", **change}]}


def proxied(**change: Any) -> dict[str, Any]:
    """One site with one location that another server answers."""
    return site(locations=[{"path": "/x", "proxy_pass": "http://127.0.0.1:81", **change}])


def to(url: str) -> dict[str, Any]:
    """One site with one location that this URL answers."""
    return site(locations=[{"path": "/x", "proxy_pass": url}])


def upstream(*servers: dict[str, Any], **change: Any) -> dict[str, Any]:
    """One upstream."""
    return {"nginx_upstreams": [{"name": "app", "servers": list(servers), **change}]}


def secure(**change: Any) -> dict[str, Any]:
    """One site with TLS."""
    return site(tls={**TLS, **change})


def pair(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two sites of different names."""
    return {
        "nginx_sites": [
            {"name": "a", "server_names": ["a.net"], "root": "/a", **first},
            {"name": "b", "server_names": ["b.net"], "root": "/b", **second},
        ]
    }


SERVER = {"address": "192.0.2.1"}
ZONES = {"nginx_limits": [{"name": "rate", "rate": "10r/s"}, {"name": "open"}]}


@pytest.mark.parametrize(
    "good",
    [
        {**upstream(SERVER), **to("http://app/inner/")},
        to("http://$kind"),
        to("http://web1:8080"),
        to("https://[2001:db8::1]/"),
        upstream(SERVER, {"address": "unix:/run/app.sock", "backup": True}),
        upstream(SERVER, {**SERVER, "port": 81}),
        {**ZONES, **site(limits={"requests": {"zone": "rate", "burst": 5}, "connections": {"zone": "open", "max": 9}})},
        {"nginx_access_log": {"format": "json", "path": "syslog:server=192.0.2.1:514"}},
        {"nginx_real_ip": {"trusted": ["192.0.2.0/24", "unix:", "2001:db8::1"]}},
        {"nginx_gzip": {"types": ["*"]}},
        secure(),
        secure(certificate="/etc/ssl/a.pem", key="/etc/ssl/a.key"),
        site(listen=[], tls=TLS),
        secure(hsts={"seconds": 0}),
        secure(hsts={"preload": True, "subdomains": True}),
        pair({"tls": TLS}, {"tls": {**TLS, "http2": False}}),
        {"nginx_repository": "mainline", "nginx_repository_key": "files/nginx.key"},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert nginx.problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        # upstreams
        (upstream(), "nginx_upstreams: 'app': servers is empty; allowed is a list with at least one server."),
        (upstream({**SERVER, "backup": True}), "every server is a backup"),
        (upstream(SERVER, {**SERVER, "weight": 2}), "servers has '192.0.2.1:80' 2 times; allowed is once."),
        (upstream({**SERVER, "port": 70000}), "port is 70000; allowed is an integer from 1 to 65535."),
        (upstream({**SERVER, "weight": 0}), "weight is 0; allowed is an integer from 1 to 65535."),
        (upstream({**SERVER, "max_fails": -1}), "max_fails is -1; allowed is an integer from 0"),
        (upstream({**SERVER, "fail_timeout": "soon"}), "fail_timeout is 'soon'; allowed is a duration, like 500ms"),
        (upstream({"address": "a; b"}), "address is 'a; b'; allowed is one word"),
        (upstream({"port": 80}), "address is missing"),
        (upstream(SERVER, balance="first"), "balance is 'first'; allowed is round_robin, least_conn"),
        (upstream(SERVER, balance="hash"), "hash_key is missing"),
        (
            upstream(SERVER, {"address": "b", "backup": True}, balance="ip_hash"),
            "backup is true with balance 'ip_hash'",
        ),
        (upstream(SERVER, zone_size="big"), "zone_size is 'big'; allowed is a size, like 512k"),
        (upstream(SERVER, keepalive=-1), "keepalive is -1; allowed is an integer from 0"),
        (upstream(SERVER, name="a b"), "nginx_upstreams: name is 'a b'; allowed are letters"),
        (
            to("http://app"),
            "proxy_pass is 'http://app', which is no upstream; allowed is the name of one",
        ),
        # maps
        (
            {"nginx_maps": [{"name": "$kind", "source": "$uri", "default": "a"}]},
            "name is '$kind'; allowed is the name of",
        ),
        ({"nginx_maps": [{"name": "kind", "entries": {"a": "b"}}]}, "nginx_maps: 'kind': source is missing"),
        ({"nginx_maps": [{"name": "kind", "source": "$uri"}]}, "neither entries nor default is given"),
        (
            {"nginx_maps": [{"name": "k", "source": "$uri", "entries": {"a": "b\n"}}]},
            "entries is 'b\\n'; allowed is a single",
        ),
        # caches
        ({"nginx_caches": [{"name": "a"}, {"name": "a"}]}, "nginx_caches has 'a' 2 times; allowed is once."),
        ({"nginx_caches": [{"name": "a", "path": "cache"}]}, "path is 'cache'; allowed is an absolute path"),
        ({"nginx_caches": [{"name": "a", "max_size": "1 GB"}]}, "max_size is '1 GB'; allowed is a size"),
        ({"nginx_caches": [{"name": "a", "inactive": "1 day"}]}, "inactive is '1 day'; allowed is a duration"),
        ({"nginx_caches": [{"name": "a", "levels": "3"}]}, "levels is '3'; allowed is one to three levels"),
        (proxied(cache={"name": "pages"}), "cache: name is 'pages'; allowed is none, as none is given."),
        (proxied(cache={"valid": {200: "1m"}}), "cache: name is missing"),
        (
            {"nginx_caches": [{"name": "a"}], **proxied(cache={"name": "a", "valid": {"2xx": "1m"}})},
            "valid is '2xx'; allowed is 'any' or HTTP statuses",
        ),
        (
            {"nginx_caches": [{"name": "a"}], **proxied(cache={"name": "a", "valid": {"any": "1 m"}})},
            "valid: any is '1 m'; allowed is a duration",
        ),
        (
            {"nginx_caches": [{"name": "a"}], **proxied(cache={"name": "a", "use_stale": ["always"]})},
            "use_stale is 'always'; allowed is error, timeout",
        ),
        (
            {"nginx_caches": [{"name": "a"}], **proxied(cache={"name": "a", "bypass": ["session"]})},
            "bypass is 'session'; allowed is a variable",
        ),
        (
            {"nginx_caches": [{"name": "a"}], **site(locations=[{"path": "/", "root": "/a", "cache": {"name": "a"}}])},
            "cache is given without proxy_pass",
        ),
        # limits
        ({"nginx_limits": [{"name": "a", "rate": "10/s"}]}, "rate is '10/s'; allowed is a rate like 10r/s or 30r/m."),
        ({"nginx_limits": [{"name": "a", "size": "x"}]}, "size is 'x'; allowed is a size"),
        ({"nginx_limits_status": 200}, "nginx_limits_status is 200; allowed is an integer from 400 to 599."),
        ({**ZONES, **site(limits={"requests": {"zone": "open"}})}, "limits.requests.zone is 'open'; allowed is rate."),
        (
            {**ZONES, **site(limits={"connections": {"zone": "rate", "max": 1}})},
            "limits.connections.zone is 'rate'; allowed is open.",
        ),
        ({**ZONES, **site(limits={"connections": {"zone": "open"}})}, "limits.connections: max is missing"),
        ({**ZONES, **proxied(limits={"requests": {"burst": 1}})}, "limits.requests: zone is missing"),
        ({**ZONES, **site(limits={"requests": {"zone": "rate", "burst": -1}})}, "burst is -1; allowed is an integer"),
        # logs
        ({"nginx_log_formats": [{"name": "json", "text": "x"}]}, "nginx_log_formats: 'json' is built in"),
        ({"nginx_log_formats": [{"name": "a"}]}, "given are none; allowed is exactly one of text, fields."),
        ({"nginx_log_formats": [{"name": "a", "text": "x", "escape": "xml"}]}, "escape is 'xml'; allowed is default"),
        (site(access_log={"format": "xml"}), "access_log: format is 'xml'; allowed is combined, json."),
        (
            {"nginx_access_log": {"path": "access.log"}},
            "nginx_access_log: path is 'access.log'; allowed is an absolute",
        ),
        # what stands in front, and sizes
        ({"nginx_real_ip": {"header": "X-Real-IP"}}, "nginx_real_ip: trusted is empty"),
        (site(real_ip={"trusted": ["proxies"]}), "real_ip: trusted is 'proxies'; allowed is an address or a network"),
        (site(real_ip={"trusted": ["192.0.2.1"], "header": "a b"}), "real_ip: header is 'a b'; allowed is the name"),
        ({"nginx_gzip": {"level": 10}}, "nginx_gzip: level is 10; allowed is an integer from 1 to 9."),
        ({"nginx_gzip": {"types": ["css"]}}, "nginx_gzip: types is 'css'; allowed is a media type"),
        ({"nginx_gzip": {"min_length": "1 k"}}, "nginx_gzip: min_length is '1 k'; allowed is a size"),
        ({"nginx_http_lines": ["a;\nb;"]}, "nginx_http_lines is 'a;\\nb;'; allowed is a single line"),
        (site(client_max_body_size="20MB"), "client_max_body_size is '20MB'; allowed is a size"),
        (site(timeouts={"send": "ten"}), "timeouts: send is 'ten'; allowed is a duration"),
        (site(error_pages={200: "/a"}), "error_pages is 200; allowed is HTTP statuses, like 404"),
        (
            site(error_pages={404: "lost.html"}),
            "error_pages: 404 is 'lost.html'; allowed is a path that starts with '/'",
        ),
        (site(headers={"X Y": "1"}), "headers is 'X Y'; allowed is the name of a header"),
        (site(headers={"X-A": "1", "x-a": "2"}), "headers has 'x-a' 2 times; allowed is once."),
        (proxied(proxy={"read_timeout": "long"}), "proxy: read_timeout is 'long'; allowed is a duration"),
        (proxied(proxy={"next_upstream": ["busy"]}), "proxy: next_upstream is 'busy'; allowed is error"),
        (
            proxied(proxy={"next_upstream_tries": 101}),
            "next_upstream_tries is 101; allowed is an integer from 0 to 100.",
        ),
        (proxied(proxy={"tls": {"verify": True}}), "proxy: tls: ca is missing"),
        (proxied(allow=["office"]), "allow is 'office'; allowed is an address or a network"),
        (
            site(locations=[{"path": "/", "root": "/a", "proxy": {"websocket": True}}]),
            "proxy is given without proxy_pass",
        ),
        # TLS
        (site(tls={}), "tls has no certificate; allowed is a name of the role certificates"),
        (site(tls={"http3": True}), "tls has no certificate"),
        (secure(certificate="/etc/ssl/a.pem"), "tls: key is missing"),
        (
            secure(key="/etc/ssl/a.key"),
            "tls.key is '/etc/ssl/a.key'; allowed is a key beside a certificate that is a path",
        ),
        (secure(certificate="a b"), "tls.certificate is 'a b'; allowed are letters"),
        (secure(profile="old"), "tls.profile is 'old'; allowed is intermediate, modern."),
        ({"nginx_tls_profile": "old"}, "nginx_tls_profile is 'old'; allowed is intermediate, modern."),
        (site(listen=[], tls={**TLS, "redirect": True}), "tls.redirect is true, but listen is empty"),
        (secure(listen=[70000]), "listen port is '70000'; allowed is an integer from 1 to 65535."),
        (secure(listen=[80]), "listen has '80' 2 times; allowed is once."),
        (secure(hsts="a year"), "tls.hsts is 'a year'; allowed is true, false, or a mapping"),
        (secure(hsts={"age": 1}), "tls.hsts: key is 'age'; allowed is seconds, subdomains, preload."),
        (secure(hsts={"seconds": -1}), "tls.hsts: seconds is -1; allowed is an integer"),
        (secure(hsts={"preload": True}), "tls.hsts: preload is true without subdomains"),
        (
            secure(client_verify="required"),
            "tls.client_verify is 'required'; allowed is client_verify beside client_ca.",
        ),
        (secure(client_verify="maybe", client_ca="/a"), "tls.client_verify is 'maybe'; allowed is required, optional."),
        ({"nginx_acme_root": "acme"}, "nginx_acme_root: path is 'acme'; allowed is an absolute path"),
        # what sites of one port share
        (
            pair({"tls": TLS}, {"tls": {**TLS, "profile": "modern"}}),
            "site 'b': tls.profile is modern on listen '443', but intermediate for site 'a'",
        ),
        (pair({}, {"proxy_protocol": True}), "site 'b': proxy_protocol is true on listen '80', but false for site 'a'"),
        (
            pair({"tls": TLS}, {"tls": TLS, "server_names": ["a.net"], "listen": []}),
            "'a.net' on listen '443' already belongs",
        ),
        # the repository
        ({"nginx_repository": "mainline"}, "nginx_repository_key is ''; allowed with nginx_repository mainline"),
        ({"nginx_repository": "stable"}, "nginx_repository is 'stable'; allowed is distribution, mainline."),
        ({"nginx_repository_url": "nginx.org"}, "nginx_repository_url is 'nginx.org'; allowed is an http(s) URL."),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = nginx.problems(bad)
    assert len(found) == 1, found
    assert sentence in found[0]


def test_ports_with_tls_are_told() -> None:
    inputs = secure(listen=["443", "[::]:8443"])
    assert [str(listener) for listener in nginx.listeners(inputs)] == ["*:80", "*:443", "[[::]]:8443"]
    assert {"default_server 80", "default_server 443"} <= set(nginx.claims(inputs))


def test_a_port_is_plain_or_secure() -> None:
    found = nginx.problems(pair({"listen": [443]}, {"listen": [], "tls": TLS}))
    assert any("tls is given on listen '443', but absent for site 'a'" in problem for problem in found)
