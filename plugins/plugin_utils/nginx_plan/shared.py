# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all sites share, as the template of the http context prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.checks import as_bool, entries
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx_http import server_address
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx_values import items, mapping

from . import headers

# Numbers stand without quotes; $upstream_… may hold several values, or a dash.
NUMBERS = {"status", "bytes", "duration"}
JSON_FIELDS = {
    "time": "$time_iso8601",
    "request_id": "$request_id",
    "client": "$remote_addr",
    "host": "$host",
    "method": "$request_method",
    "uri": "$request_uri",
    "protocol": "$server_protocol",
    "status": "$status",
    "bytes": "$body_bytes_sent",
    "duration": "$request_time",
    "referer": "$http_referer",
    "user_agent": "$http_user_agent",
    "upstream": "$upstream_addr",
    "upstream_status": "$upstream_status",
    "upstream_duration": "$upstream_response_time",
    "cache": "$upstream_cache_status",
    "tls": "$ssl_protocol",
}
# Words that a map would take for something else.
MAP_WORDS = ("default", "hostnames", "include", "volatile")
GZIP_TYPES = (
    "application/atom+xml",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/rss+xml",
    "application/wasm",
    "application/xml",
    "image/svg+xml",
    "text/css",
    "text/javascript",
    "text/plain",
    "text/xml",
)


def plan(inputs: Mapping[str, Any], sites: list[Mapping[str, Any]], cache_root: str) -> dict[str, Any]:
    """The http context."""
    return {
        "log_formats": log_formats(entries(inputs.get("nginx_log_formats"))),
        "maps": [_map(entry) for entry in entries(inputs.get("nginx_maps"))],
        "map_hash_bucket_size": inputs.get("nginx_map_hash_bucket_size", 128),
        "security_maps": headers.security_maps(),
        "websocket": headers.websocket(sites),
        "trusts": [
            {"networks": networks, **_trust_names(number)} for number, networks in enumerate(trusts(inputs, sites))
        ],
        "real_ip": real_ip(inputs.get("nginx_real_ip")),
        "limits": [_limit(zone) for zone in entries(inputs.get("nginx_limits"))],
        "limits_status": inputs.get("nginx_limits_status", 429),
        "caches": [_cache(cache, cache_root) for cache in entries(inputs.get("nginx_caches"))],
        "upstreams": [_upstream(upstream) for upstream in entries(inputs.get("nginx_upstreams"))],
        "gzip": gzip(mapping(inputs.get("nginx_gzip"))),
        "lines": items(inputs.get("nginx_http_lines")),
    }


def log_formats(given: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The formats of access logs, the built-in one first."""
    found = [{"name": format_name("json"), "escape": "json", "parts": json_parts(JSON_FIELDS)}]
    for entry in given:
        fields = mapping(entry.get("fields"))
        parts = json_parts(fields) if fields else [str(entry.get("text", ""))]
        escape = entry.get("escape") or ("json" if fields else "default")
        found.append({"name": format_name(str(entry["name"])), "escape": escape, "parts": parts})
    return found


def json_parts(fields: Mapping[str, Any]) -> list[str]:
    """A JSON object, one field for each part."""
    parts = [_json_field(str(name), str(value)) for name, value in fields.items()]
    return ["{" + parts[0], *(f",{part}" for part in parts[1:]), "}"]


def _json_field(name: str, value: str) -> str:
    return f'"{name}":{value}' if JSON_FIELDS.get(name) == value and name in NUMBERS else f'"{name}":"{value}"'


def format_name(name: str) -> str:
    """A format's name in the configuration; ours never clash with those of nginx.conf."""
    return name if name == "combined" else f"evenkeel_{name}"


def real_ip(value: Any) -> dict[str, Any] | None:
    """Which proxies may name a client's address; None where nobody may."""
    given = mapping(value)
    if not given:
        return None
    return {
        "trusted": [str(network) for network in items(given.get("trusted"))],
        "header": str(given.get("header", "X-Forwarded-For")),
        "recursive": as_bool(given.get("recursive", True)),
    }


def trusts(inputs: Mapping[str, Any], sites: list[Mapping[str, Any]]) -> list[list[str]]:
    """The different lists of trusted proxies, each once."""
    found: list[list[str]] = []
    for value in (inputs.get("nginx_real_ip"), *(site.get("real_ip") for site in sites)):
        networks = (real_ip(value) or {}).get("trusted") or []
        if networks and networks not in found:
            found.append(networks)
    return found


def scheme_variable(value: Any, known: list[list[str]]) -> str:
    """The variable that holds the scheme which a client used, as far as the proxies in front are trusted."""
    networks = (real_ip(value) or {}).get("trusted")
    return f"${_trust_names(known.index(networks))['scheme']}" if networks in known else "$scheme"


def _trust_names(number: int) -> dict[str, str]:
    suffix = f"_{number + 1}" if number else ""
    return {"trusted": f"evenkeel_trusted{suffix}", "scheme": f"evenkeel_scheme{suffix}"}


def gzip(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """How answers are compressed; None leaves it to the distribution."""
    if not given:
        return None
    return {
        "enabled": as_bool(given.get("enabled", True)),
        "types": [str(name) for name in items(given.get("types"))] or list(GZIP_TYPES),
        "level": given.get("level", 5),
        "min_length": given.get("min_length", 1024),
        "proxied": as_bool(given.get("proxied", True)),
        "vary": as_bool(given.get("vary", True)),
    }


def _map(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = mapping(entry.get("entries"))
    return {
        "name": entry["name"],
        "source": entry["source"],
        "default": entry.get("default"),
        "hostnames": as_bool(entry.get("hostnames", False)),
        "entries": [[_map_key(str(key)), str(value)] for key, value in found.items()],
    }


def _map_key(key: str) -> str:
    return f"\\{key}" if key in MAP_WORDS else key


def _limit(zone: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": zone["name"],
        "key": zone.get("key", "$binary_remote_addr"),
        "size": zone.get("size", "10m"),
        "rate": zone.get("rate") or "",
    }


def _cache(cache: Mapping[str, Any], root: str) -> dict[str, Any]:
    return {
        "name": cache["name"],
        "path": cache.get("path") or f"{root}/cache-{cache['name']}",
        "levels": cache.get("levels", "1:2"),
        "zone_size": cache.get("zone_size", "10m"),
        "max_size": cache.get("max_size", "1g"),
        "min_free": cache.get("min_free") or "",
        "inactive": cache.get("inactive", "10m"),
    }


def _upstream(upstream: Mapping[str, Any]) -> dict[str, Any]:
    balance = str(upstream.get("balance", "round_robin"))
    if balance == "hash":
        balance = f"hash {upstream['hash_key']} consistent"
    return {
        "name": upstream["name"],
        "zone_size": upstream.get("zone_size", "64k"),
        "balance": "" if balance == "round_robin" else balance,
        "servers": [_server(server) for server in entries(upstream.get("servers"))],
        "keepalive": upstream.get("keepalive", 16),
        "keepalive_timeout": upstream.get("keepalive_timeout", "60s"),
        "lines": items(upstream.get("lines")),
    }


def _server(server: Mapping[str, Any]) -> str:
    numbers = [f"{key}={server[key]}" for key in ("weight", "max_fails", "fail_timeout", "max_conns") if key in server]
    flags = [key for key in ("backup", "down") if as_bool(server.get(key, False))]
    return " ".join([server_address(server), *numbers, *flags])
