# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of the NGINX linter: found where it should be, silent on a good model and just beside the fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint import nginx_model, registry
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.programs import lint

ROLES = Path(__file__).parents[5] / "roles"
GOOD = yaml.safe_load(r"""
nginx_sites:
  - name: shop
    server_names: [shop.example.net]
    root: /srv/www/shop
    tls: {certificate: shop, profile: intermediate, redirect: true, hsts: true}
    client_max_body_size: 20m
    locations:
      - {path: '~ /\.(?!well-known/)', return: {status: 404}}
      - {path: ^~ /static/, alias: /srv/www/static/}
      - {path: /api/, proxy_pass: "http://app/", headers: {X-Api: "1"}, cache: {name: pages}}
      - {path: /account/, proxy_pass: "http://app", cache: {name: pages, bypass: [$cookie_session]}}
      - {path: /login, proxy_pass: "http://app", limits: {requests: {zone: logins, burst: 5}}}
      - {path: '~ \.php$', return: {status: 404}}
      - {path: /old/, return: {status: 301, body: "https://$host$request_uri"}}
nginx_upstreams:
  - name: app
    servers:
      - {address: 192.0.2.31, port: 8000, max_fails: 3, fail_timeout: 10s}
      - {address: 192.0.2.32, port: 8000, max_fails: 3, fail_timeout: 10s}
nginx_real_ip: {trusted: [192.0.2.0/24]}
""")


def site(**change: Any) -> dict[str, Any]:
    """The good model with another site."""
    return {**GOOD, "nginx_sites": [{**GOOD["nginx_sites"][0], **change}]}


def at(*locations: dict[str, Any], **change: Any) -> dict[str, Any]:
    """The good model with these locations instead."""
    guard = GOOD["nginx_sites"][0]["locations"][0]
    return site(locations=[guard, *locations], **change)


def lines(*given: str) -> dict[str, Any]:
    """The good model with lines for all sites."""
    return {**GOOD, "nginx_http_lines": list(given)}


def upstream(*servers: dict[str, Any], **change: Any) -> dict[str, Any]:
    """The good model with other servers behind."""
    first = GOOD["nginx_upstreams"][0]
    return {**GOOD, "nginx_upstreams": [{**first, "servers": list(servers) or first["servers"], **change}]}


def ids(inputs: dict[str, Any]) -> set[str]:
    """Which rules are not kept."""
    return {finding["id"] for finding in lint("nginx", inputs)}


ONE = {"address": "192.0.2.31", "port": 8000, "max_fails": 3}
TWO = {"address": "192.0.2.32", "port": 8000, "max_fails": 3}
CORS = {"Access-Control-Allow-Origin": "$http_origin", "Access-Control-Allow-Credentials": "true"}
HSTS_BY_HAND = {"Strict-Transport-Security": "max-age=63072000"}
TLS = GOOD["nginx_sites"][0]["tls"]
ROOT = {"path": "/", "proxy_pass": "http://app"}
FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "NG001",
        "site shop: location /api/",
        at({"path": "~ ^/api", "return": {}}, {"path": "/api/", "root": "/srv/www/a"}),
    ),
    ("NG001", "site shop: location /", at(ROOT, {"path": "~* .*", "return": {}})),
    ("NG002", "site shop: location ~ x", at({"path": "~ x", "return": {}}, {"path": "~  x", "return": {}})),
    ("NG002", r"site shop: location ~ \.php$", at({"path": "~ /", "return": {}}, {"path": r"~ \.php$", "return": {}})),
    (
        "NG003",
        r"site shop: location ~ ^/up/.*\.php$",
        at({"path": "^~ /up/", "root": "/srv/www/u"}, {"path": r"~ ^/up/.*\.php$", "return": {}}),
    ),
    ("NG004", "site shop: location /img", at({"path": "/img", "alias": "/srv/www/img/"})),
    ("NG004", "site shop: location /img", at({"path": "/img", "lines": ["alias /srv/www/img/;"]})),
    ("NG005", "site shop: location /img/", at({"path": "/img/", "alias": "/srv/www/img"})),
    (
        "NG006",
        "site shop: location /",
        at({"path": "/", "lines": ["if ($request_method = POST) {", "proxy_pass http://app;", "}"]}),
    ),
    ("NG007", "site shop", site(root="/")),
    ("NG007", "site shop: location /e/", at({"path": "/e/", "alias": "/etc/nginx/"})),
    ("NG007", "site shop", site(lines=["root /var;"])),
    ("NG008", "site shop: location /api/", site(lines=["add_header X-Team shop;"])),
    (
        "NG008",
        "site shop: location /x",
        at({"path": "/x", "lines": ["add_header X-Own 1;"]}, lines=["add_header X-Team shop;"]),
    ),
    ("NG008", "site shop", lines("add_header X-Team shop;")),
    ("NG009", "site shop", site(locations=[])),
    ("NG010", "site shop: location /f/", at({"path": "/f/", "root": "/srv/www/f", "lines": ["autoindex on;"]})),
    ("NG020", "site shop: location /", at({"path": "/", "lines": ["proxy_pass http://app;"]})),
    ("NG021", "site shop: location /", at({"path": "/", "proxy_pass": "http://$arg_host/"})),
    ("NG021", "site shop: location /", at({"path": "/", "proxy_pass": "http://a.example.net$request_uri"})),
    ("NG022", "upstream app", upstream(keepalive=0)),
    ("NG023", "upstream app", upstream({"address": "a", "port": 1}, {"address": "b", "port": 1})),
    ("NG024", "upstream app: server 192.0.2.31:8000", upstream({**ONE, "max_fails": 0}, TWO)),
    ("NG025", "upstream app: server 192.0.2.31:8000", upstream(ONE, {**ONE, "weight": 2})),
    ("NG026", "site shop: location /", at({"path": "/", "proxy_pass": "https://app"})),
    ("NG027", "site shop: location /v1", at({"path": "/v1", "proxy_pass": "http://app/api/"})),
    ("NG028", "site shop: location /", at({**ROOT, "proxy": {"next_upstream": ["error", "non_idempotent"]}})),
    ("NG028", "nginx_http_lines", lines("proxy_next_upstream error non_idempotent;")),
    ("NG029", "site shop: location /", at({**ROOT, "proxy": {"read_timeout": "11m"}})),
    (
        "NG030",
        "site shop: location /",
        at({**ROOT, "cache": {"name": "p"}, "lines": ["proxy_ignore_headers Set-Cookie;"]}),
    ),
    ("NG031", "site shop: location /account/", at({**ROOT, "path": "/account/", "cache": {"name": "p"}})),
    ("NG032", "site shop: location /", at({**ROOT, "cache": {"name": "p", "key": "$uri$is_args$args"}})),
    ("NG033", "nginx_http_lines", lines("proxy_cache_path /var/cache/x keys_zone=x:10m;")),
    ("NG040", "site shop", site(tls={**TLS, "redirect": False})),
    (
        "NG040",
        "site plain",
        {**GOOD, "nginx_sites": [{"name": "plain", "server_names": ["shop.example.net"]}, *GOOD["nginx_sites"]]},
    ),
    ("NG041", "nginx_http_lines", lines("ssl_protocols TLSv1 TLSv1.1 TLSv1.2;")),
    ("NG042", "site shop", site(lines=['ssl_ciphers "HIGH:3DES";'])),
    ("NG043", "site shop", site(tls={**TLS, "hsts": False})),
    ("NG044", "site shop", site(tls=None, headers=HSTS_BY_HAND, lines=["listen 443 ssl;"])),
    ("NG045", "site shop", site(tls={**TLS, "hsts": {"seconds": 600}})),
    ("NG045", "site shop", site(headers={"strict-transport-security": "max-age=600; preload"})),
    ("NG046", "site shop", site(tls={**TLS, "client_ca": "/a", "client_verify": "optional"})),
    ("NG047", "site shop", site(lines=["ssl_early_data on;"])),
    ("NG050", "nginx_http_lines", lines("server_tokens on;")),
    ("NG051", "site shop: location /login", at({**ROOT, "path": "/login"})),
    ("NG052", "nginx_status_address", {**GOOD, "nginx_status_address": "*"}),
    ("NG052", "site shop: location /s", at({"path": "/s", "lines": ["stub_status;"]})),
    ("NG053", "site shop", site(client_max_body_size=0)),
    ("NG054", "nginx_real_ip", {**GOOD, "nginx_real_ip": {"trusted": ["0.0.0.0/0"]}}),
    ("NG054", "nginx_http_lines", lines("set_real_ip_from ::/0;")),
    ("NG055", "site shop", site(security_headers=False)),
    ("NG056", "site shop", site(access_log={"enabled": False})),
    ("NG056", "site shop", site(lines=["access_log off;"])),
    ("NG056", "site shop", {**GOOD, "nginx_access_log": {"enabled": False}}),
    (
        "NG057",
        "nginx_default_server_enabled",
        {**GOOD, "nginx_default_server_enabled": False, "nginx_sites": [*GOOD["nginx_sites"], {"name": "b"}]},
    ),
    ("NG058", "site shop", site(headers=CORS)),
    (
        "NG058",
        "site shop: location /",
        at({**ROOT, "lines": [f'add_header {n} "{v}" always;' for n, v in CORS.items()]}),
    ),
    ("NG059", "site shop: location /o/", at({"path": "/o/", "return": {"status": 301, "body": "https://$host$uri"}})),
    ("NG059", "site shop", site(lines=["return 302 https://$host${document_uri};"])),
]
SILENT: list[tuple[str, dict[str, Any]]] = [
    ("NG001", at(ROOT, {"path": r"~ \.php$", "return": {}})),
    ("NG001", at({"path": "^~ /api/", "return": {}}, {"path": "= /x", "return": {}}, {"path": "~ /", "return": {}})),
    ("NG001", at(ROOT, {"path": "~ (unbalanced", "return": {}})),
    ("NG002", at({"path": "~ x", "return": {}}, {"path": "~* x", "return": {}})),
    ("NG003", at({"path": "^~ /up/", "root": "/srv/www/u"}, {"path": "~ ^/up/|^/down/", "return": {}})),
    (
        "NG003",
        at(
            {"path": "^~ /up/", "root": "/srv/www/u"},
            {"path": "/up/x/", "return": {}},
            {"path": "~ ^/up/x/", "return": {}},
        ),
    ),
    ("NG004", at({"path": "= /img", "alias": "/srv/www/img/"}, {"path": "/i/", "alias": "/srv/www/i/"})),
    ("NG006", at({**ROOT, "lines": ["if ($request_method = TRACE) { return 405; }"]})),
    ("NG007", site(root="/srv/www/etc")),
    ("NG010", at({"path": "/f/", "root": "/srv/www/f", "allow": ["192.0.2.0/24"], "lines": ["autoindex on;"]})),
    (
        "NG020",
        at({"path": "/", "lines": ["proxy_pass http://app;", "proxy_connect_timeout 5s;", "proxy_read_timeout 30s;"]}),
    ),
    ("NG021", at({"path": "/", "proxy_pass": "http://$arg_host/", "lines": ["resolver 192.0.2.53;"]})),
    (
        "NG021",
        {
            **at({"path": "/", "proxy_pass": "http://$pool"}),
            "nginx_maps": [{"name": "pool", "source": "$host", "entries": {"a": "app"}}],
        },
    ),
    ("NG021", at({"path": "/", "proxy_pass": "http://app$request_uri"})),
    (
        "NG021",
        at(
            {"path": "/", "proxy_pass": "http://192.0.2.1:80$uri"}, {"path": "/a", "proxy_pass": "http://a.example.net"}
        ),
    ),
    ("NG023", upstream({"address": "a", "port": 1})),
    ("NG026", at({"path": "/", "proxy_pass": "https://app", "proxy": {"tls": {"verify": True, "ca": "/a"}}})),
    ("NG027", at({"path": "/v1", "proxy_pass": "http://app/api"}, {"path": "/v2/", "proxy_pass": "http://app/api/"})),
    ("NG029", at({**ROOT, "proxy": {"read_timeout": "1h", "websocket": True}})),
    ("NG030", at({**ROOT, "lines": ["proxy_ignore_headers Set-Cookie;"]})),
    ("NG031", at({**ROOT, "path": "/border/", "cache": {"name": "p"}})),
    ("NG033", lines("proxy_cache_path /var/cache/x keys_zone=x:10m max_size=1g;")),
    ("NG040", site(tls={**TLS, "redirect": False}, listen=[])),
    ("NG040", site(tls={**TLS, "redirect": False}, lines=["return 301 https://$host$request_uri;"])),
    ("NG041", lines("ssl_protocols TLSv1.2 TLSv1.3;")),
    ("NG042", lines("ssl_ciphers HIGH:!3DES:!aNULL;")),
    ("NG043", site(tls={**TLS, "hsts": False}, headers=HSTS_BY_HAND)),
    ("NG046", site(tls={**TLS, "client_verify": "optional"}, headers={"X-Client": "$ssl_client_verify"})),
    ("NG047", at({**ROOT, "proxy": {"headers": {"Early-Data": "$ssl_early_data"}}}, lines=["ssl_early_data on;"])),
    ("NG051", at({**ROOT, "path": "/authors/"})),
    ("NG051", at({**ROOT, "path": "/login", "lines": ["limit_req zone=logins;"]})),
    ("NG052", {**GOOD, "nginx_status_enabled": False, "nginx_status_address": "*"}),
    ("NG055", site(security_headers=False, headers={"x-content-type-options": "nosniff"})),
    ("NG058", site(headers={**CORS, "Access-Control-Allow-Origin": "$allowed_origin"})),
    ("NG059", at({"path": "/o/", "return": {"status": 200, "body": "$uri"}})),
    ("NG041", {**GOOD, "nginx_sites": [{"name": "gone", "state": "absent", "lines": ["ssl_protocols TLSv1;"]}]}),
]


def test_good_model_has_no_finding() -> None:
    assert lint("nginx", GOOD) == []


def test_an_empty_model_has_no_finding() -> None:
    assert lint("nginx", {}) == []


@pytest.mark.parametrize(("rule", "where", "inputs"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_fault_is_found(rule: str, where: str, inputs: dict[str, Any]) -> None:
    assert (rule, where) in {(finding["id"], finding["where"]) for finding in lint("nginx", inputs)}


@pytest.mark.parametrize(("rule", "inputs"), SILENT, ids=lambda value: value if isinstance(value, str) else "")
def test_rule_is_silent_beside_its_fault(rule: str, inputs: dict[str, Any]) -> None:
    assert rule not in ids(inputs)


def test_every_rule_is_tried() -> None:
    assert sorted({rule for rule, _where, _inputs in FAULTS}) == [rule.id for rule in registry.rules("nginx")]


def test_what_may_be_secret_is_not_repeated() -> None:
    """What a condition compares with."""
    found = lint("nginx", at({**ROOT, "lines": ["if ($http_x_token != hunter2) {", "return 403;", "}"]}))
    assert [finding["reason"].split(":")[0] for finding in found] == ["it has an if on $http_x_token"]


@pytest.mark.parametrize(
    "odd",
    [
        {"nginx_sites": "none"},
        {
            "nginx_sites": [
                None,
                {"tls": "x", "headers": [], "locations": [3, {"path": None, "cache": 7, "return": "x"}]},
            ]
        },
        {"nginx_upstreams": [{"servers": "x"}], "nginx_maps": 3, "nginx_http_lines": "server_tokens off;"},
    ],
)
def test_wrong_types_are_left_to_the_argument_specs(odd: dict[str, Any]) -> None:
    lint("nginx", odd)


def test_defaults_are_those_of_the_role() -> None:
    defaults = yaml.safe_load((ROLES / "nginx/defaults/main.yml").read_text(encoding="utf-8"))
    assert {name: defaults[name] for name in nginx_model.DEFAULTS} == nginx_model.DEFAULTS
