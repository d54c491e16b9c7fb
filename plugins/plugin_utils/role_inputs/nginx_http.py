# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role nginx that all sites share: upstreams, maps, caches, limits, formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import nginx_values as values
from ansible_collections.evenkeel.ops.plugins.plugin_utils.tls_profiles import PROFILES

BALANCES = ("round_robin", "least_conn", "ip_hash", "hash", "random")
# NGINX refuses a backup server with these.
WITHOUT_BACKUP = ("ip_hash", "hash", "random")
BUILT_IN_FORMATS = ("combined", "json")
PROTOCOL_HEADER = "proxy_protocol"
REPOSITORIES = ("distribution", "mainline")


class Names(NamedTuple):
    """What sites may refer to."""

    upstreams: tuple[str, ...]
    caches: tuple[str, ...]
    formats: tuple[str, ...]
    request_zones: tuple[str, ...]
    connection_zones: tuple[str, ...]


def names(inputs: Mapping[str, Any]) -> Names:
    """The names that these inputs define."""
    zones = checks.entries(inputs.get("nginx_limits"))
    return Names(
        _names(inputs.get("nginx_upstreams")),
        _names(inputs.get("nginx_caches")),
        (*BUILT_IN_FORMATS, *_names(inputs.get("nginx_log_formats"))),
        _names([zone for zone in zones if zone.get("rate")]),
        _names([zone for zone in zones if not zone.get("rate")]),
    )


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """One sentence for each contradiction."""
    return [
        *_named(inputs, "nginx_upstreams", _upstream),
        *_named(inputs, "nginx_maps", _map),
        *_named(inputs, "nginx_caches", _cache),
        *_named(inputs, "nginx_limits", _limit),
        *_named(inputs, "nginx_log_formats", _log_format),
        *_gzip(values.mapping(inputs.get("nginx_gzip"))),
        *real_ip_problems("nginx_real_ip", values.mapping(inputs.get("nginx_real_ip"))),
        *access_log_problems("nginx_access_log", values.mapping(inputs.get("nginx_access_log")), names(inputs)),
        *checks.range_problems("nginx_limits_status", inputs.get("nginx_limits_status", 429), 400, 599),
        *values.choice_problems("nginx_tls_profile", inputs.get("nginx_tls_profile"), sorted(PROFILES)),
        *values.path_problems("nginx_acme_root", {"path": inputs.get("nginx_acme_root")}, "path"),
        *checks.line_problems("nginx_http_lines", values.items(inputs.get("nginx_http_lines"))),
        *_repository(inputs),
    ]


def real_ip_problems(where: str, real_ip: Mapping[str, Any]) -> list[str]:
    """What is wrong with the proxies that may name a client's address."""
    if not real_ip:
        return []
    trusted = values.items(real_ip.get("trusted"))
    found = [] if trusted else [f"{where}: trusted is empty; allowed is a list of addresses and networks."]
    found += values.network_problems(f"{where}: trusted", trusted)
    header = real_ip.get("header", "X-Forwarded-For")
    return found + checks.pattern_problems(
        f"{where}: header", header, r"[A-Za-z0-9_-]+", f"the name of a header, or {PROTOCOL_HEADER}"
    )


def access_log_problems(where: str, log: Mapping[str, Any], known: Names) -> list[str]:
    """What is wrong with an access log."""
    return [
        *values.choice_problems(f"{where}: format", log.get("format"), known.formats),
        *checks.pattern_problems(
            f"{where}: path", log.get("path") or "/", f"(/|syslog:){values.WORD}|/", "an absolute path, or syslog:…"
        ),
    ]


def _names(value: Any) -> tuple[str, ...]:
    return tuple(str(entry.get("name")) for entry in checks.entries(value))


def _named(inputs: Mapping[str, Any], variable: str, check: Any) -> Iterator[str]:
    """The problems of a list of named entries: of each, and names that are given twice."""
    listed = checks.entries(inputs.get(variable))
    yield from checks.duplicate_problems(variable, (entry.get("name") for entry in listed))
    for entry in listed:
        where = f"{variable}: {entry.get('name')!r}"
        if variable == "nginx_maps":
            yield from checks.pattern_problems(
                f"{variable}: name", entry.get("name"), values.VARIABLE, "the name of a variable, without '$'"
            )
        else:
            yield from checks.name_problems(f"{variable}: name", entry.get("name"))
        yield from check(where, entry)


def _upstream(where: str, upstream: Mapping[str, Any]) -> Iterator[str]:
    servers = checks.entries(upstream.get("servers"))
    balance = str(upstream.get("balance", "round_robin"))
    if not servers:
        yield f"{where}: servers is empty; allowed is a list with at least one server."
    elif all(checks.as_bool(server.get("backup", False)) for server in servers):
        yield f"{where}: every server is a backup; allowed is at least one server that is none."
    yield from checks.duplicate_problems(f"{where}: servers", (server_address(server) for server in servers))
    yield from values.choice_problems(f"{where}: balance", balance, BALANCES)
    if balance == "hash":
        yield from values.missing_problems(where, upstream, "hash_key")
    yield from values.word_problems(where, upstream, "hash_key")
    yield from values.count_problems(where, upstream, 0, 65535, "keepalive")
    yield from values.duration_problems(where, upstream, "keepalive_timeout")
    yield from values.size_problems(where, upstream, "zone_size")
    yield from checks.line_problems(f"{where}: lines", values.items(upstream.get("lines")))
    for server in servers:
        yield from _server(f"{where}: server {server_address(server)!r}", server, balance)


def server_address(server: Mapping[str, Any]) -> str:
    """A server of an upstream, as NGINX writes it."""
    address = str(server.get("address", ""))
    if address.startswith("unix:"):
        return address
    bare = f"[{address}]" if ":" in address and not address.startswith("[") else address
    return f"{bare}:{server.get('port', 80)}"


def _server(where: str, server: Mapping[str, Any], balance: str) -> Iterator[str]:
    yield from values.missing_problems(where, server, "address")
    yield from values.word_problems(where, server, "address")
    yield from values.count_problems(where, server, 1, 65535, "port")
    yield from values.count_problems(where, server, 1, 65535, "weight")
    yield from values.count_problems(where, server, 0, 65535, "max_fails", "max_conns")
    yield from values.duration_problems(where, server, "fail_timeout")
    if checks.as_bool(server.get("backup", False)) and balance in WITHOUT_BACKUP:
        yield f"{where}: backup is true with balance {balance!r}; allowed is backup with round_robin or least_conn."


def _map(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    yield from values.missing_problems(where, entry, "source")
    found = values.mapping(entry.get("entries"))
    if not found and entry.get("default") is None:
        yield f"{where}: neither entries nor default is given; allowed is a map that has a value."
    yield from checks.line_problems(f"{where}: source", [entry.get("source", "")])
    yield from checks.line_problems(f"{where}: entries", [*found, *found.values(), entry.get("default") or ""])


def _cache(where: str, cache: Mapping[str, Any]) -> Iterator[str]:
    yield from values.path_problems(where, cache, "path")
    yield from values.size_problems(where, cache, "zone_size", "max_size", "min_free")
    yield from values.duration_problems(where, cache, "inactive")
    levels = cache.get("levels", "1:2")
    yield from checks.pattern_problems(
        f"{where}: levels", levels, r"[12](:[12]){0,2}", "one to three levels of 1 or 2 characters, like 1:2"
    )


def _limit(where: str, zone: Mapping[str, Any]) -> Iterator[str]:
    yield from values.size_problems(where, zone, "size")
    yield from values.word_problems(where, zone, "key")
    if zone.get("rate"):
        yield from checks.pattern_problems(
            f"{where}: rate", zone["rate"], r"[1-9][0-9]*r/[sm]", "a rate like 10r/s or 30r/m"
        )


def _log_format(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    if str(entry.get("name")) in BUILT_IN_FORMATS:
        yield f"{where} is built in; allowed is another name."
    given = [key for key in ("text", "fields") if entry.get(key)]
    if len(given) != 1:
        yield f"{where}: given are {', '.join(given) or 'none'}; allowed is exactly one of text, fields."
    yield from values.choice_problems(f"{where}: escape", entry.get("escape"), ("default", "json", "none"))
    fields = values.mapping(entry.get("fields"))
    yield from checks.line_problems(f"{where}: fields", [*fields, *fields.values()])
    yield from checks.line_problems(f"{where}: text", [entry.get("text") or ""])


def _gzip(gzip: Mapping[str, Any]) -> Iterator[str]:
    yield from values.count_problems("nginx_gzip", gzip, 1, 9, "level")
    yield from values.size_problems("nginx_gzip", gzip, "min_length")
    for media_type in values.items(gzip.get("types")):
        allowed = "a media type, like text/css, or '*'"
        yield from checks.pattern_problems("nginx_gzip: types", media_type, r"[\w.+-]+/[\w.+*-]+|\*", allowed)


def _repository(inputs: Mapping[str, Any]) -> Iterator[str]:
    repository = inputs.get("nginx_repository", "distribution")
    yield from values.choice_problems("nginx_repository", repository, REPOSITORIES)
    if repository == "mainline" and not inputs.get("nginx_repository_key"):
        yield (
            "nginx_repository_key is ''; allowed with nginx_repository mainline is the path of nginx.org's signing "
            "key on the controller."
        )
    url = inputs.get("nginx_repository_url") or "https://nginx.org"
    yield from checks.pattern_problems("nginx_repository_url", url, rf"https?://{values.WORD}", "an http(s) URL")
