# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of the HAProxy linter: found where it should be, silent on a good model and just beside the fault."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint import haproxy_model, registry
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.programs import lint

ROLES = Path(__file__).parents[5] / "roles"
GOOD = yaml.safe_load("""
haproxy_maxconn: 5000
haproxy_file_limit: 20000
haproxy_metrics_address: 192.0.2.10
haproxy_timeouts: {connect: 5s, client: 30s, server: 30s, queue: 30s, http-request: 10s, tunnel: 1h, client-fin: 30s}
haproxy_frontends:
  - name: shop
    bind: [{port: 80}, {port: 443, tls: {certificates: [shop], profile: intermediate}}]
    https_redirect: true
    hsts: true
    maxconn: 2000
    options: [forwardfor]
    acls: [{name: chat, when: "hdr(Upgrade) -i websocket"}, {name: inner, when: src 192.0.2.0/24}]
    rules: [{do: deny, when: "!inner { path_beg /admin }"}, {do: set-header X-Known 1}]
    use_backends: [{backend: chat, when: chat}]
    default_backend: web
    stick_table: {type: ip, size: 100k, expire: 10m}
haproxy_backends:
  - name: web
    http_check: {path: /healthz}
    servers: &servers
      - {name: web1, address: 192.0.2.21, port: 80, maxconn: 1000}
      - {name: web2, address: 192.0.2.22, port: 80, maxconn: 1000}
  - {name: chat, http_check: {path: /healthz}, servers: *servers}
haproxy_listens:
  - name: database
    mode: tcp
    bind: [{address: 192.0.2.10, port: 5432}]
    servers:
      - {name: db1, address: 192.0.2.31, port: 5432}
      - {name: db2, address: 192.0.2.32, port: 5432, backup: true}
""")


def changed(path: str, value: Any, **more: Any) -> dict[str, Any]:
    """The good model with one value replaced; the path is like haproxy_backends.0.servers."""
    inputs = copy.deepcopy({**GOOD, **more})
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    target: Any = inputs
    for key in keys:
        target = target[key]
    target[last] = value
    return inputs


def frontend(**change: Any) -> dict[str, Any]:
    """The good model with another frontend."""
    return {**GOOD, "haproxy_frontends": [{**GOOD["haproxy_frontends"][0], **change}]}


def backend(**change: Any) -> dict[str, Any]:
    """The good model with another first backend."""
    first, second = GOOD["haproxy_backends"]
    return {**GOOD, "haproxy_backends": [{**first, **change}, second]}


def timeouts(**change: Any) -> dict[str, Any]:
    """The good model with other timeouts; None takes one out."""
    named = {**GOOD["haproxy_timeouts"], **{name.replace("_", "-"): value for name, value in change.items()}}
    return {**GOOD, "haproxy_timeouts": {name: value for name, value in named.items() if value is not None}}


def server(**change: Any) -> dict[str, Any]:
    """The good model with another first server."""
    first, second = GOOD["haproxy_backends"][0]["servers"]
    return backend(servers=[{**first, **change}, second])


def bind(**change: Any) -> dict[str, Any]:
    """The good model with another bind with TLS."""
    plain, tls = GOOD["haproxy_frontends"][0]["bind"]
    return frontend(bind=[plain, {**tls, **change}])


def plain(port: int = 80, **change: Any) -> dict[str, Any]:
    """The good model with a frontend of its own without TLS, before the one with TLS."""
    first = GOOD["haproxy_frontends"][0]
    return {
        **GOOD,
        "haproxy_maxconn": 0,
        "haproxy_frontends": [
            {"name": "plain", "bind": [{"port": port}], "default_backend": "web", "options": ["forwardfor"], **change},
            {**first, "bind": first["bind"][1:]},
        ],
    }


def ids(inputs: dict[str, Any]) -> set[str]:
    """Which rules are not kept."""
    return {finding["id"] for finding in lint("haproxy", inputs)}


ALWAYS_DENY = [{"do": "deny"}, {"do": "set-header X-Late 1", "when": "{ ssl_fc }"}]
CHOICES = [{"backend": "chat"}, {"backend": "web", "when": "inner"}]
TWICE = [{"backend": "chat", "when": "chat"}, {"backend": "web", "when": "chat"}]
MAPPED = frontend(use_backends=[{"map": "hosts"}], default_backend="chat")
SWITCHED = {
    **frontend(switch="shop", default_backend=None),
    "haproxy_switches": [{"name": "shop", "backends": ["web", "chat"]}],
}
FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("HA001", "frontend shop", timeouts(client=None)),
    ("HA001", "backend web", timeouts(server="0")),
    ("HA001", "listen database", timeouts(connect="0s")),
    ("HA002", "frontend shop", timeouts(http_request=None)),
    ("HA003", "backend web", timeouts(queue=None)),
    ("HA004", "frontend shop", timeouts(tunnel=None)),
    ("HA005", "frontend shop", timeouts(client_fin=None)),
    ("HA006", "backend web", timeouts(server="11m")),
    (
        "HA010",
        "frontend shop",
        frontend(acls=[*GOOD["haproxy_frontends"][0]["acls"], {"name": "old", "when": "src ::1"}]),
    ),
    ("HA010", "frontend shop", frontend(lines=["acl old src 192.0.2.1"])),
    ("HA011", "frontend shop", frontend(rules=ALWAYS_DENY)),
    (
        "HA011",
        "frontend shop",
        frontend(tcp_rules=[{"do": "content accept"}, {"do": "content reject", "when": "inner"}]),
    ),
    ("HA012", "frontend shop", frontend(use_backends=CHOICES)),
    ("HA013", "frontend shop", frontend(use_backends=CHOICES, rules=[])),
    ("HA014", "backend web", frontend(default_backend="chat")),
    ("HA015", "frontend shop", frontend(use_backends=TWICE)),
    ("HA016", "frontend shop", frontend(default_backend=None)),
    ("HA020", "backend web: server web1", server(check=False)),
    ("HA021", "backend web", backend(http_check=None)),
    ("HA022", "backend web: server web1", server(send_proxy="v2", options=["port 8080"])),
    ("HA012", "frontend shop", frontend(use_backends=[{"map": "hosts"}, {"backend": "chat", "when": "chat"}])),
    ("HA014", "backend web", {**MAPPED, "haproxy_maps": [{"name": "hosts", "entries": {"c.net": "chat"}}]}),
    ("HA022", "backend web: server web1", server(send_proxy="v2", check_port=8080)),
    ("HA029", "backend web", backend(cookie={"name": "S"})),
    ("HA023", "backend web", backend(servers=GOOD["haproxy_backends"][0]["servers"][:1])),
    ("HA024", "backend web", backend(servers=[{**s, "backup": True} for s in GOOD["haproxy_backends"][0]["servers"]])),
    ("HA025", "backend web: server web2", server(address="192.0.2.22", weight=10)),
    ("HA026", "backend web", backend(servers=[{**s, "weight": 0} for s in GOOD["haproxy_backends"][0]["servers"]])),
    ("HA027", "backend web", backend(check_interval="15s")),
    ("HA028", "backend web", backend(cookie={"name": "S"}, lines=["no option redispatch"])),
    (
        "HA030",
        "backend web",
        {**timeouts(queue=None), **changed("haproxy_frontends.0.maxconn", 2001, **timeouts(queue=None))},
    ),
    ("HA031", "haproxy_maxconn", {**GOOD, "haproxy_maxconn": 1999}),
    ("HA032", "haproxy_file_limit", {**GOOD, "haproxy_file_limit": 10000}),
    ("HA033", "frontend shop", frontend(lines=["stick-table type ip size 1m"])),
    ("HA034", "backend web", backend(options=["httpclose"])),
    ("HA034", "haproxy_defaults_lines", {**GOOD, "haproxy_defaults_lines": ["option httpclose"]}),
    ("HA035", "backend web", backend(servers=[{**s, "maxconn": None} for s in GOOD["haproxy_backends"][0]["servers"]])),
    ("HA040", "frontend shop: bind *:443", bind(options=["ssl-min-ver TLSv1.0"])),
    (
        "HA040",
        "haproxy_global_lines",
        {**GOOD, "haproxy_global_lines": ["ssl-default-bind-options ssl-min-ver TLSv1.1"]},
    ),
    ("HA040", "backend web: server web1", server(options=["ssl", "force-tlsv10"])),
    ("HA041", "frontend shop: bind *:443", bind(options=["no-sslv3"])),
    ("HA042", "haproxy_global_lines", {**GOOD, "haproxy_global_lines": ["ssl-default-bind-ciphers AES128:RC4-SHA"]}),
    ("HA043", "frontend shop", frontend(https_redirect=False)),
    ("HA043", "frontend plain", plain()),
    ("HA044", "frontend shop", frontend(hsts=False)),
    ("HA045", "backend web: server web1", server(tls={"verify": "none"})),
    ("HA045", "backend web: server web1", server(options=["ssl verify none"])),
    ("HA045", "haproxy_global_lines", {**GOOD, "haproxy_global_lines": ["ssl-server-verify none"]}),
    ("HA046", "frontend shop: bind *:443", bind(tls=None, options=["ssl crt /etc/ssl/shop.pem"])),
    ("HA047", "haproxy_global_lines", {**GOOD, "haproxy_global_lines": ["tune.ssl.default-dh-param 1024"]}),
    (
        "HA048",
        "frontend shop: bind *:443",
        bind(tls={"certificates": ["shop"], "client_ca": "/a", "client_verify": "optional"}),
    ),
    ("HA049", "frontend shop", frontend(hsts={"seconds": 3600})),
    ("HA050", "haproxy_admin_socket_mode", {**GOOD, "haproxy_admin_socket_mode": "0666"}),
    (
        "HA050",
        "haproxy_global_lines",
        {**GOOD, "haproxy_global_lines": ["stats socket /run/x.sock mode 777 level user"]},
    ),
    ("HA051", "haproxy_global_lines", {**GOOD, "haproxy_global_lines": ["stats socket ipv4@*:9999 level admin"]}),
    ("HA052", "frontend shop", frontend(lines=["stats enable"])),
    ("HA053", "frontend shop", frontend(lines=["stats admin if TRUE"])),
    ("HA054", "haproxy_metrics_address", {**GOOD, "haproxy_metrics_address": "*"}),
    ("HA055", "frontend shop", frontend(lines=["stats auth admin:hunter2"])),
    ("HA056", "frontend shop: bind *:443", bind(accept_proxy=True)),
    ("HA057", "backend web", frontend(options=[])),
    ("HA058", "frontend shop", frontend(options=["forwardfor if-none"])),
    ("HA059", "haproxy_log_targets", {**GOOD, "haproxy_log_targets": []}),
    ("HA059", "frontend shop", frontend(lines=["no log"])),
]
SILENT: list[tuple[str, dict[str, Any]]] = [
    (
        "HA001",
        {
            **GOOD,
            "haproxy_timeouts": {},
            "haproxy_defaults_lines": [f"timeout {n} 5s" for n in ("connect", "client", "server")],
        },
    ),
    (
        "HA004",
        {**timeouts(tunnel=None), **changed("haproxy_backends.1.timeouts", {"tunnel": "1h"}, **timeouts(tunnel=None))},
    ),
    ("HA006", timeouts(server="10m")),
    ("HA010", frontend(lines=["acl old src 192.0.2.1", "http-request deny if !old"])),
    (
        "HA011",
        frontend(
            rules=[{"do": "set-header X-Known 1"}, {"do": "deny", "when": "inner"}, {"do": "set-var(txn.x) int(1)"}]
        ),
    ),
    ("HA011", frontend(tcp_rules=[{"do": "connection accept"}, {"do": "content reject", "when": "inner"}])),
    ("HA012", frontend(use_backends=[{"backend": "chat", "when": "chat"}, {"backend": "web"}])),
    ("HA014", frontend(use_backends=[{"backend": "%[req.hdr(host),map(/etc/haproxy/maps/hosts.map)]"}])),
    ("HA012", frontend(use_backends=[{"map": "hosts"}], default_backend="chat")),
    ("HA014", MAPPED),
    ("HA014", SWITCHED),
    ("HA016", SWITCHED),
    ("HA014", {**MAPPED, "haproxy_maps": [{"name": "hosts", "entries": {"w.net": "web"}}]}),
    ("HA029", backend(cookie={"name": "S", "secure": True})),
    ("HA014", frontend(default_backend="chat", lines=["use_backend web if { path_beg /old }"])),
    ("HA016", frontend(default_backend=None, rules=[{"do": "return status 404"}])),
    (
        "HA020",
        backend(
            lines=["default-server check"],
            servers=[{**s, "check": False} for s in GOOD["haproxy_backends"][0]["servers"]],
        ),
    ),
    ("HA021", backend(http_check=None, options=["httpchk"])),
    ("HA022", server(send_proxy="v2")),
    ("HA022", server(send_proxy="v2", options=["port 8080", "check-send-proxy"])),
    (
        "HA024",
        backend(
            options=["allbackups"], servers=[{**s, "backup": True} for s in GOOD["haproxy_backends"][0]["servers"]]
        ),
    ),
    ("HA026", server(weight=0)),
    ("HA027", backend(check_interval="10s")),
    ("HA030", frontend(maxconn=4000)),
    ("HA032", {**GOOD, "haproxy_file_limit": 10001}),
    ("HA040", bind(options=["ssl-min-ver TLSv1.2"])),
    ("HA041", bind(options=["no-sslv3 no-tlsv10 no-tlsv11"])),
    ("HA042", {**GOOD, "haproxy_global_lines": ["ssl-default-bind-ciphers HIGH:!RC4:!aNULL:!MD5"]}),
    ("HA043", plain(https_redirect=True)),
    ("HA043", plain(rules=[{"do": "redirect scheme https code 301"}])),
    ("HA043", plain(default_backend="chat", rules=[{"do": "redirect scheme https"}])),
    ("HA044", frontend(hsts=None, response_rules=[{"do": "set-header Strict-Transport-Security max-age=63072000"}])),
    ("HA048", bind(tls={"certificates": ["s"], "client_verify": "required"})),
    ("HA050", {**GOOD, "haproxy_admin_socket_mode": "0660"}),
    ("HA051", {**GOOD, "haproxy_global_lines": ["stats socket ipv4@127.0.0.1:9999 level admin"]}),
    ("HA052", frontend(lines=["stats enable", "stats http-request auth unless { http_auth(people) }"])),
    ("HA054", {**GOOD, "haproxy_metrics_address": "*", "haproxy_metrics_enabled": False}),
    ("HA056", {**bind(accept_proxy=True, address="192.0.2.10")}),
    ("HA057", backend(options=["forwardfor"])),
]


def test_good_model_has_no_finding() -> None:
    assert lint("haproxy", GOOD) == []


def test_an_empty_model_has_nothing_to_fail_for() -> None:
    """Only what the role's own defaults are advised against."""
    assert [(finding["id"], finding["severity"]) for finding in lint("haproxy", {})] == [("HA054", "advice")]


@pytest.mark.parametrize(("rule", "where", "inputs"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_fault_is_found(rule: str, where: str, inputs: dict[str, Any]) -> None:
    assert (rule, where) in {(finding["id"], finding["where"]) for finding in lint("haproxy", inputs)}


@pytest.mark.parametrize(("rule", "inputs"), SILENT, ids=lambda value: value if isinstance(value, str) else "")
def test_rule_is_silent_beside_its_fault(rule: str, inputs: dict[str, Any]) -> None:
    assert rule not in ids(inputs)


def test_every_rule_is_tried() -> None:
    assert sorted({rule for rule, _where, _inputs in FAULTS}) == [rule.id for rule in registry.rules("haproxy")]


def test_what_may_be_secret_is_not_repeated() -> None:
    """Passwords of lines, and what rules set or compare with."""
    header = "set-header X-Token hunter2hunter2"
    inputs = frontend(
        lines=["stats auth admin:hunter2"], rules=[{"do": "deny"}, {"do": header, "when": "{ hdr(x) hunter2 }"}]
    )
    found = lint("haproxy", inputs)
    assert {"HA011", "HA055"} <= {finding["id"] for finding in found}
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "odd",
    [
        {"haproxy_frontends": "none"},
        {"haproxy_frontends": [None, {"bind": "x", "acls": {}}], "haproxy_backends": [{"servers": [7, {}]}]},
        {"haproxy_timeouts": ["x"], "haproxy_maxconn": "many", "haproxy_global_lines": None},
        {"haproxy_listens": [{"name": "x", "stick_table": "x", "tls": 7, "timeouts": "x", "lines": "one"}]},
    ],
)
def test_wrong_types_are_left_to_the_argument_specs(odd: dict[str, Any]) -> None:
    lint("haproxy", odd)


def test_defaults_are_those_of_the_role() -> None:
    defaults = yaml.safe_load((ROLES / "haproxy/defaults/main.yml").read_text(encoding="utf-8"))
    assert {name: defaults[name] for name in haproxy_model.DEFAULTS} == haproxy_model.DEFAULTS
