# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which headers the answers of a site and the requests to its upstreams carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.checks import as_bool, entries
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx_values import items, mapping
from ansible_collections.evenkeel.ops.plugins.plugin_utils.tls_profiles import HSTS_SECONDS

# Each by way of a map: where the application behind a site sets the header itself, its own one stands alone.
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
CACHE_HEADER = "X-Cache-Status"
ALT_SVC_SECONDS = 86400
# Several of these say something else than one of them does; all other headers of ours replace the application's.
ADDED = ("set-cookie", "link", "vary")


def variable(name: str) -> str:
    """The variable that holds a security header's value."""
    return f"evenkeel_{name.lower().replace('-', '_')}"


def security_maps() -> list[dict[str, str]]:
    """The maps behind the security headers."""
    return [
        {"source": f"$upstream_http_{name.lower().replace('-', '_')}", "name": variable(name), "value": value}
        for name, value in SECURITY.items()
    ]


def of_site(site: Mapping[str, Any], secured: bool, own: Mapping[str, str]) -> dict[str, str]:
    """What every answer carries. `own` are those of TLS; a header that the site names goes before ours."""
    ours = {name: f"${variable(name)}" for name in SECURITY} if secured else {}
    return merged({**ours, **own}, mapping(site.get("headers")))


def of_location(location: Mapping[str, Any], inherited: Mapping[str, str]) -> dict[str, str]:
    """What the answers of a location carry; empty where the site's are enough.

    A directive add_header in a location hides all of its server, so these are repeated.
    """
    cache = mapping(location.get("cache"))
    status = str(cache.get("status_header", CACHE_HEADER) or "") if cache else ""
    own = {**({status: "$upstream_cache_status"} if status else {}), **mapping(location.get("headers"))}
    by_hand = any(str(line).strip().startswith("add_header") for line in items(location.get("lines")))
    return merged(inherited, own) if own or by_hand else {}


def hidden(named: Mapping[str, Any], own: Mapping[str, str], secured: bool) -> list[str]:
    """What an application's answer loses: what is said by `named` or `own` in its place, and what tells too much."""
    said = [str(name) for name, value in named.items() if value not in (None, "") and str(name).lower() not in ADDED]
    return [*own, *(["X-Powered-By"] if secured else []), *said]


def of_tls(tls: Mapping[str, Any], port: str) -> dict[str, str]:
    """HSTS, and where HTTP/3 is served."""
    found = {}
    hsts = hsts_value(tls.get("hsts", True))
    if hsts:
        found["Strict-Transport-Security"] = hsts
    if as_bool(tls.get("http3", False)):
        found["Alt-Svc"] = f'h3=":{port}"; ma={ALT_SVC_SECONDS}'
    return found


def hsts_value(hsts: Any) -> str:
    """The value of Strict-Transport-Security; empty where it is switched off."""
    if not isinstance(hsts, Mapping):
        return f"max-age={HSTS_SECONDS}" if as_bool(hsts) else ""
    parts = [f"max-age={hsts.get('seconds', HSTS_SECONDS)}"]
    parts += ["includeSubDomains"] if as_bool(hsts.get("subdomains", False)) else []
    return "; ".join(parts + (["preload"] if as_bool(hsts.get("preload", False)) else []))


def to_upstream(location: Mapping[str, Any], real_ip: bool, trust: str) -> dict[str, str]:
    """What a request carries to the server behind; `trust` is the variable that holds the client's scheme.

    Where no proxy in front is trusted, what a client says of its address is dropped.
    """
    proxy = mapping(location.get("proxy"))
    ours = {
        "Host": "$host",
        "X-Real-IP": "$remote_addr",
        "X-Forwarded-For": "$proxy_add_x_forwarded_for" if real_ip else "$remote_addr",
        "X-Forwarded-Host": "$host",
        "X-Forwarded-Port": "$server_port",
        "X-Forwarded-Proto": trust,
        "Connection": "$evenkeel_connection" if as_bool(proxy.get("websocket", False)) else "",
    }
    if as_bool(proxy.get("websocket", False)):
        ours["Upgrade"] = "$http_upgrade"
    return merged(ours, mapping(proxy.get("headers")), keep_empty=True)


def merged(first: Mapping[str, Any], second: Mapping[str, Any], keep_empty: bool = False) -> dict[str, str]:
    """Both; what the second one names, in any case of letters, goes before. An empty value takes the header away."""
    named = {str(name).lower() for name in second}
    both = {name: value for name, value in first.items() if name.lower() not in named}
    both.update({str(name): "" if value is None else str(value) for name, value in second.items()})
    return both if keep_empty else {name: value for name, value in both.items() if value != ""}


def websocket(sites: list[Mapping[str, Any]]) -> bool:
    """Whether any location passes WebSocket on."""
    locations = [location for site in sites for location in entries(site.get("locations"))]
    return any(as_bool(mapping(location.get("proxy")).get("websocket", False)) for location in locations)
