# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with what clients reach: frontends, and the front of listens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks
from ansible_collections.evenkeel.ops.plugins.plugin_utils.tls_profiles import PROFILES

from .model import (
    PATH,
    PATH_TEXT,
    STATUSES,
    STATUSES_TEXT,
    WORD,
    WORD_TEXT,
    Model,
    Section,
    given,
    known_names,
    mode,
    unknown_problems,
)
from .tables import table_problems

MAX_REQUESTS, MAX_SECONDS = 1_000_000, 86_400


def problems(where: str, section: Section, model: Model) -> list[str]:
    """One frontend or listen."""
    binds = checks.entries(section.get("bind"))
    found = []
    if not binds:
        found.append(f"{where}: bind is empty; allowed is a list with at least one address and port.")
    for bind in binds:
        found += _bind(where, bind)
    if section.get("maxconn") is not None:
        found += checks.range_problems(f"{where}: maxconn", section["maxconn"], 1, 2_000_000_000)
    if section.get("log_format") is not None:
        found += checks.line_problems(f"{where}: log_format", [section["log_format"]])
    found += _compression(where, section.get("compression"))
    if "stick_table" in section:
        found += table_problems(f"{where}: stick_table", section["stick_table"], model)
    return [*found, *_rate_limit(where, section, model), *_tls_needed(where, section, binds), *_hsts(where, section)]


def _compression(where: str, compression: Any) -> Iterator[str]:
    for key in ("algorithms", "types") if isinstance(compression, Mapping) else ():
        for word in compression.get(key) or []:
            yield from checks.pattern_problems(f"{where}: compression.{key}", word, WORD, WORD_TEXT)


def _bind(where: str, bind: Section) -> list[str]:
    return [
        *checks.port_problems(f"{where}: bind port", bind.get("port")),
        *checks.pattern_problems(f"{where}: bind address", bind.get("address") or "*", WORD, WORD_TEXT),
        *checks.line_problems(f"{where}: bind options", bind.get("options") or []),
        *(_tls(f"{where}: bind tls", bind["tls"]) if isinstance(bind.get("tls"), Mapping) else []),
    ]


def _tls(where: str, tls: Section) -> list[str]:
    names = tls.get("certificates") or []
    found = []
    if not names and not tls.get("crt_list"):
        found.append(f"{where}: certificates is empty; allowed is at least one certificate, or a crt_list.")
    for name in names:
        if str(name).startswith("/"):
            found += checks.pattern_problems(f"{where}.certificates", name, PATH, PATH_TEXT)
        else:
            found += checks.name_problems(f"{where}.certificates", name)
    if tls.get("profile", "intermediate") not in PROFILES:
        found.append(f"{where}.profile is {tls['profile']!r}; allowed are {', '.join(sorted(PROFILES))}.")
    if tls.get("client_verify") and not tls.get("client_ca"):
        found.append(f"{where}.client_verify is {tls['client_verify']!r}; allowed is it only with a client_ca.")
    for name in tls.get("alpn") or []:
        found += checks.pattern_problems(f"{where}.alpn", name, WORD, WORD_TEXT)
    for key in ("crt_list", "client_ca"):
        found += given(where, tls, key, PATH, PATH_TEXT)
    return found


def _tls_needed(where: str, section: Section, binds: list[Section]) -> Iterator[str]:
    encrypted = any("tls" in bind or "ssl" in (bind.get("options") or []) for bind in binds)
    behind = any("accept-proxy" in (bind.get("options") or []) or bind.get("accept_proxy") for bind in binds)
    # Another bind, frontend or program may have the port for TLS; a redirect in front of it is right then.
    hsts = section.get("hsts")
    if (isinstance(hsts, Mapping) or checks.as_bool(hsts)) and not encrypted:
        yield f"{where}: hsts is {hsts!r}, but no bind has tls; allowed is it only beside a bind with tls."
    # HAProxy does not learn from the PROXY protocol whether the client came with TLS: it would redirect without end.
    if checks.as_bool(section.get("https_redirect", False)) and behind and not encrypted:
        yield (
            f"{where}: https_redirect is {section['https_redirect']!r}, but its binds accept the PROXY protocol and "
            "none has tls; allowed is it only where clients come directly or with tls."
        )


def _hsts(where: str, section: Section) -> list[str]:
    hsts = section.get("hsts")
    if not isinstance(hsts, Mapping) or "seconds" not in hsts:
        return []
    return checks.range_problems(f"{where}: hsts.seconds", hsts["seconds"], 0, 2_000_000_000)


def _rate_limit(where: str, section: Section, model: Model) -> list[str]:
    limit = section.get("rate_limit")
    if not isinstance(limit, Mapping):
        return []
    place = f"{where}: rate_limit"
    found = checks.range_problems(f"{place}.requests", limit.get("requests"), 1, MAX_REQUESTS)
    found += checks.range_problems(f"{place}.seconds", limit.get("seconds", 10), 1, MAX_SECONDS)
    for key in ("key", "size"):
        found += given(place, limit, key, WORD, WORD_TEXT)
    found += unknown_problems(f"{place}.peers", limit.get("peers"), model.peers, "haproxy_peers")
    if checks.as_int(limit.get("status", 429)) not in STATUSES:
        found.append(f"{place}.status is {limit['status']!r}; allowed are {STATUSES_TEXT}.")
    if mode(section) == "tcp":
        found += [
            f"{place}.{key} is {limit[key]!r}, but mode is 'tcp'; allowed is it only where mode is 'http'."
            for key in ("status", "key")
            if key in limit and limit[key] not in ("src", 429)
        ]
    return found


def route_problems(where: str, section: Section, model: Model, needed: bool) -> list[str]:
    """Where the requests go. `needed`: there are no servers in the section itself."""
    known, found, routes = model.targets, [], checks.entries(section.get("use_backends"))
    for route in routes:
        found += _route(where, route, section, model)
    wanted = section.get("default_backend")
    if wanted is not None:
        return found + _target(f"{where}: default_backend", wanted, "its default_backend", section, model, where)
    if needed and not routes and not section.get("lines") and not section.get("switch"):
        names = known_names(known, "haproxy_backends")
        found.append(f"{where}: default_backend is not given; allowed are {names}, or lines that route the requests.")
    return found


def _route(where: str, route: Section, section: Section, model: Model) -> list[str]:
    if ("backend" in route) == ("map" in route):
        both = "both backend and map" if "map" in route else "neither backend nor map"
        return [f"{where}: use_backends has {both}; allowed is exactly one of them."]
    if "map" in route:
        found = unknown_problems(f"{where}: use_backends map", route["map"], model.maps, "haproxy_maps")
        return (
            found + given(f"{where}: use_backends", route, "key", WORD, WORD_TEXT) + _map_targets(where, route, model)
        )
    if "%[" in str(route["backend"]):
        return checks.line_problems(f"{where}: use_backends backend", [route["backend"]])
    what = f"the backend {route['backend']!r} of its use_backends"
    return _target(f"{where}: use_backends backend", route["backend"], what, section, model, where)


def _map_targets(where: str, route: Section, model: Model) -> list[str]:
    """A map that routes has to name backends."""
    wanted = next((each for each in model.maps if str(each.get("name")) == str(route["map"])), {})
    entries = wanted.get("entries")
    values = entries.items() if isinstance(entries, Mapping) else ()
    names = known_names(model.targets, "haproxy_backends")
    return [
        f"{where}: use_backends map {route['map']!r} sends {key!r} to {value!r}; allowed are the names in "
        f"haproxy_backends: {names}."
        for key, value in values
        if str(value) not in model.targets
    ]


def _target(place: str, name: Any, what: str, section: Section, model: Model, where: str) -> list[str]:
    other = model.targets.get(str(name))
    if other is None:
        names = known_names(model.targets, "haproxy_backends")
        return [f"{place} is {name!r}; allowed are the names in haproxy_backends: {names}."]
    if mode(section) != mode(other):
        name_of = what if "use_backends" in what else f"{what} {name!r}"
        return [f"{where}: mode is {mode(section)!r}; allowed is {mode(other)!r}, the mode of {name_of}."]
    return []
