"""What the role's templates write is a configuration that says what the inputs ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx import problems

from tests.unit.roles import nginx_rendering as rendering
from tests.unit.roles.nginx_example import EVERYTHING
from tests.unit.roles.nginx_rendering import location_of, named, server_for, servers

HOSTS = {"debian12": rendering.DEBIAN_12, "debian13": rendering.DEBIAN_13, "unknown": {}}


@pytest.fixture(scope="module", params=list(HOSTS))
def host(request: pytest.FixtureRequest) -> str:
    """Whose NGINX it is."""
    return str(request.param)


@pytest.fixture(scope="module")
def blocks(host: str, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The http context with everything in it."""
    return rendering.parse(rendering.render(EVERYTHING, HOSTS[host]), tmp_path_factory.mktemp("nginx"))


def headers(block: list[dict[str, Any]]) -> dict[str, str]:
    """The headers that a server or a location adds."""
    return {args[0]: args[1] for args in named(block, "add_header")}


def parsed(tmp_path: Path, *sites: dict[str, Any], **inputs: Any) -> list[dict[str, Any]]:
    """The http context with these sites, on Debian 13."""
    given = {"nginx_sites": list(sites), **inputs}
    assert problems(given) == []
    return rendering.parse(rendering.render(given, rendering.DEBIAN_13), tmp_path)


def test_the_example_is_accepted() -> None:
    assert problems(EVERYTHING) == []


def test_rendered_files_are_tidy(host: str) -> None:
    for text in rendering.render(EVERYTHING, HOSTS[host]).values():
        assert text.endswith("\n") and not text.endswith("\n\n")
        assert "\n\n\n" not in text
        assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_http2_is_written_as_the_version_reads_it(host: str, blocks: list[dict[str, Any]]) -> None:
    shop = server_for(blocks, "shop.example.net", "443")
    if host == "debian13":
        assert ["443", "ssl"] in named(shop, "listen") and named(shop, "http2") == [["on"]]
    else:
        assert ["443", "ssl", "http2"] in named(shop, "listen") and named(shop, "http2") == []


def test_http3_listens_once_with_reuseport(blocks: list[dict[str, Any]]) -> None:
    quic = [args for body in servers(blocks) for args in named(body, "listen") if "quic" in args]
    assert [args for args in quic if "reuseport" in args] == [
        ["443", "quic", "reuseport", "default_server"],
        ["[::]:443", "quic", "reuseport", "default_server"],
    ]
    assert ["443", "quic"] in quic
    assert headers(server_for(blocks, "shop.example.net", "443"))["Alt-Svc"] == 'h3=":443"; ma=86400'


def test_every_port_has_one_default_server(blocks: list[dict[str, Any]]) -> None:
    defaults = [
        (args[0], "quic" in args)
        for body in servers(blocks)
        for args in named(body, "listen")
        if "default_server" in args
    ]
    assert sorted(set(defaults)) == sorted(defaults)
    assert {address for address, _quic in defaults} == {"80", "[::]:80", "443", "[::]:443", "8444", "127.0.0.1:8443"}


def test_unknown_names_get_no_certificate(blocks: list[dict[str, Any]]) -> None:
    default = next(body for body in servers(blocks) if named(body, "listen")[0][0] == "443")
    assert named(default, "ssl_reject_handshake") == [["on"]]
    assert named(default, "ssl_certificate") == []
    shop = server_for(blocks, "shop.example.net", "443")
    for directive in ("ssl_protocols", "ssl_ciphers", "ssl_ecdh_curve", "ssl_session_cache", "ssl_session_tickets"):
        assert named(default, directive) == named(shop, directive) != []


def test_profile_is_written(host: str, blocks: list[dict[str, Any]]) -> None:
    shop = server_for(blocks, "shop.example.net", "443")
    assert named(shop, "ssl_protocols") == [["TLSv1.2", "TLSv1.3"]]
    assert named(shop, "ssl_conf_command")[0][0] == "Ciphersuites"
    assert ("X25519MLKEM768" in named(shop, "ssl_ecdh_curve")[0][0]) == (host == "debian13")
    modern = server_for(blocks, "only.example.net")
    assert named(modern, "ssl_protocols") == [["TLSv1.3"]] and named(modern, "ssl_ciphers") == []


def test_certificates_by_name_and_by_path(blocks: list[dict[str, Any]]) -> None:
    shop, both = server_for(blocks, "shop.example.net", "443"), server_for(blocks, "both.example.net", "443")
    assert named(shop, "ssl_certificate") == [["/etc/evenkeel/certificates/shop/fullchain.pem"]]
    assert named(shop, "ssl_certificate_key") == [["/etc/evenkeel/certificates/shop/privkey.pem"]]
    assert named(both, "ssl_certificate_key") == [["/etc/ssl/both.key"]]
    assert named(both, "ssl_verify_client") == [["optional"]]


def test_plain_port_redirects(blocks: list[dict[str, Any]]) -> None:
    plain = server_for(blocks, "shop.example.net", "80")
    assert named(plain, "listen") == [["80"], ["[::]:80"]]
    assert named(location_of(plain, "/"), "return") == [["301", "https://$host$request_uri"]]
    assert named(location_of(plain, "= /healthz"), "return") == [["200", "ok\\n"]]
    assert "Strict-Transport-Security" not in headers(plain)


def test_hsts_is_sent_over_tls_only(blocks: list[dict[str, Any]]) -> None:
    both = server_for(blocks, "both.example.net")
    assert {args[0] for args in named(both, "listen")} == {"80", "443"}
    assert headers(both)["Strict-Transport-Security"] == "$evenkeel_hsts_both"
    values = next(
        entry["block"] for entry in blocks if entry["directive"] == "map" and "$evenkeel_hsts_both" in entry["args"]
    )
    assert [(entry["directive"], entry["args"]) for entry in values] == [("on", ["max-age=63072000"])]
    assert headers(server_for(blocks, "shop.example.net", "443"))["Strict-Transport-Security"] == (
        "max-age=600; includeSubDomains"
    )


def test_locations_with_headers_repeat_those_of_the_site(blocks: list[dict[str, Any]]) -> None:
    shop = server_for(blocks, "shop.example.net", "443")
    inherited = headers(shop)
    assert inherited["X-Served-By"] == "$hostname" and inherited["x-frame-options"] == "DENY"
    assert "X-Frame-Options" not in inherited and "Referrer-Policy" not in inherited
    assert headers(location_of(shop, "/assets/")) == {**inherited, "Cache-Control": "public"}
    assert headers(location_of(shop, "/pages/")) == {**inherited, "X-Cache-Status": "$upstream_cache_status"}
    assert headers(location_of(shop, "/by-hand")) == {**inherited, "X-Hand": "1"}
    assert headers(location_of(shop, "/")) == {}


def test_requests_to_upstreams_carry_the_client(blocks: list[dict[str, Any]]) -> None:
    shop, plain = server_for(blocks, "shop.example.net", "443"), server_for(blocks, "plain.example.net")
    sent = dict(named(location_of(shop, "/"), "proxy_set_header"))
    assert sent["Host"] == "$host" and sent["X-Forwarded-For"] == "$proxy_add_x_forwarded_for"
    assert sent["Connection"] == "" and sent["X-Forwarded-Proto"] == "$evenkeel_scheme"
    assert dict(named(location_of(plain, "/"), "proxy_set_header"))["X-Forwarded-Proto"] == "$evenkeel_scheme_2"
    socket = dict(named(location_of(shop, "/socket"), "proxy_set_header"))
    assert socket["Upgrade"] == "$http_upgrade" and socket["X-Tenant"] == "$tenant"


def test_a_client_cannot_name_its_address(tmp_path: Path) -> None:
    site = {"name": "a", "locations": [{"path": "/", "proxy_pass": "http://192.0.2.1:80"}]}
    body = servers(parsed(tmp_path, site))[-1]
    sent = dict(named(location_of(body, "/"), "proxy_set_header"))
    assert sent["X-Forwarded-For"] == "$remote_addr" and sent["X-Forwarded-Proto"] == "$scheme"


def test_upstreams(blocks: list[dict[str, Any]]) -> None:
    app = next(entry["block"] for entry in blocks if entry["directive"] == "upstream" and entry["args"] == ["app"])
    assert named(app, "server") == [
        ["192.0.2.21:8080", "weight=2", "max_fails=3", "fail_timeout=5s"],
        ["[2001:db8::22]:8080", "max_conns=100"],
        ["unix:/run/app.sock", "backup"],
        ["spare.example.net:80", "down"],
    ]
    assert named(app, "least_conn") == [[]] and named(app, "keepalive") == [["32"]]
    sticky = next(
        entry["block"] for entry in blocks if entry["directive"] == "upstream" and entry["args"] == ["sticky"]
    )
    assert named(sticky, "keepalive") == []


def test_limits_caches_and_logs(blocks: list[dict[str, Any]]) -> None:
    shop = server_for(blocks, "shop.example.net", "443")
    assert named(location_of(shop, "/"), "limit_req") == [["zone=per_client", "burst=20", "nodelay"]]
    assert named(shop, "limit_conn") == [["open", "100"]]
    assert named(blocks, "limit_req_status") == [["429"]]
    assert [args[0] for args in named(blocks, "proxy_cache_path")] == ["/var/lib/nginx/cache-pages", "/srv/cache"]
    assert named(location_of(shop, "/pages/"), "proxy_cache_valid") == [["200", "301", "10m"], ["any", "1m"]]
    assert named(shop, "access_log") == [["/var/log/nginx/shop.log", "evenkeel_fields"]]
    assert named(server_for(blocks, "plain.example.net"), "access_log") == [["off"]]
    assert named(server_for(blocks, "only.example.net"), "access_log") == [
        ["/var/log/nginx/access.log", "evenkeel_json"]
    ]


def test_values_are_quoted(blocks: list[dict[str, Any]]) -> None:
    kinds = next(entry["block"] for entry in blocks if entry["directive"] == "map" and "$kind" in entry["args"])
    assert {entry["directive"]: entry["args"] for entry in kinds} == {
        "default": ["other"],
        "~*bot": ["robot"],
        # The parser leaves a backslash before a backslash, which NGINX takes off.
        r"\\default": ["a; b"],
        r'~^"x{2}\\.y': ['quo"ted'],
    }


def test_without_default_servers_the_first_site_opens_quic(tmp_path: Path) -> None:
    tls = {"certificate": "a", "http3": True}
    found = parsed(
        tmp_path,
        {"name": "a", "server_names": ["a.net"], "root": "/a", "tls": tls},
        {"name": "b", "server_names": ["b.net"], "root": "/b", "tls": tls},
        nginx_default_server_enabled=False,
    )
    assert ["443", "quic", "reuseport"] in named(server_for(found, "a.net", "443"), "listen")
    assert ["443", "quic"] in named(server_for(found, "b.net", "443"), "listen")


def test_redirect_names_another_port(tmp_path: Path) -> None:
    site = {"name": "a", "server_names": ["a.net"], "root": "/a", "tls": {"certificate": "a", "listen": ["8443"]}}
    plain = server_for(parsed(tmp_path, site), "a.net", "80")
    assert named(location_of(plain, "/"), "return") == [["301", "https://$host:8443$request_uri"]]


def test_the_redirect_logs_and_trusts_as_its_site_does(tmp_path: Path) -> None:
    site = {
        "name": "a",
        "server_names": ["a.net"],
        "root": "/a",
        "tls": {"certificate": "a"},
        "access_log": {"path": "/var/log/nginx/a.log"},
        "real_ip": {"trusted": ["192.0.2.11"]},
    }
    found = parsed(tmp_path, site)
    plain, whole = server_for(found, "a.net", "80"), server_for(found, "a.net", "443")
    for directive in ("access_log", "set_real_ip_from", "real_ip_header"):
        assert named(plain, directive) == named(whole, directive) != []


def test_challenges_are_given_out_without_tls(tmp_path: Path) -> None:
    sites = [
        {"name": "a", "server_names": ["a.net"], "root": "/a", "tls": {"certificate": "a"}},
        {"name": "b", "server_names": ["b.net"], "root": "/b", "tls": {"certificate": "b", "redirect": False}},
        {"name": "c", "server_names": ["c.net"], "root": "/c"},
    ]
    found = parsed(tmp_path, *sites, nginx_acme_root="/var/www/acme")
    path = "^~ /.well-known/acme-challenge/"
    for name in ("a.net", "b.net"):
        assert named(location_of(server_for(found, name, "80"), path), "root") == [["/var/www/acme"]]
    for body in (server_for(found, "a.net", "443"), server_for(found, "c.net")):
        assert path.split() not in named(body, "location")


def test_what_is_said_replaces_what_the_application_says(tmp_path: Path) -> None:
    proxied = {"proxy_pass": "http://192.0.2.1:80"}
    site = {
        "name": "a",
        "headers": {"X-Frame-Options": "DENY", "Set-Cookie": "a=b", "Server": ""},
        "locations": [{"path": "/", **proxied}, {"path": "/x", **proxied, "headers": {"Cache-Control": "no-store"}}],
    }
    body = servers(parsed(tmp_path, site))[-1]
    assert sum(named(body, "proxy_hide_header"), []) == ["X-Powered-By", "X-Frame-Options"]
    assert named(location_of(body, "/"), "proxy_hide_header") == []
    assert sum(named(location_of(body, "/x"), "proxy_hide_header"), []) == [
        "X-Powered-By",
        "X-Frame-Options",
        "Cache-Control",
    ]
