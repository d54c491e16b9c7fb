# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the locations of a site of the role nginx."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, nginx_http
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import nginx_values as values

ANSWERS = ("return", "proxy_pass", "alias", "root", "try_files")
STALE = ("error", "timeout", "invalid_header", "updating", "off")
STALE_STATUS = ("500", "502", "503", "504", "403", "404", "429")
NEXT = ("error", "timeout", "invalid_header", "non_idempotent", "off")
# A host that can only be an upstream: no domain, no port, no address, no variable.
BARE_HOST = re.compile(r"https?://(?P<host>[A-Za-z0-9_.-]+)(?P<port>:[0-9]+)?(?:/.*)?")


def problems(site: str, location: Mapping[str, Any], known: nginx_http.Names) -> list[str]:
    """One sentence for each contradiction of a location."""
    where = f"{site}: location {location.get('path')!r}"
    single = [location.get(key) or "" for key in ("proxy_pass", "alias", "root", "expires")]
    lines = values.items(location.get("lines"))
    return [
        *checks.line_problems(f"{site}: location path", [location.get("path")]),
        *_answer(where, location),
        *checks.line_problems(where, [*single, *lines, *values.items(location.get("try_files"))]),
        *header_problems(where, location),
        *limit_problems(where, location, known),
        *values.size_problems(where, location, "client_max_body_size"),
        *values.network_problems(f"{where}: allow", values.items(location.get("allow"))),
        *_only_with_proxy(where, location),
        *_upstream(where, location, known),
        *_proxy(f"{where}: proxy", values.mapping(location.get("proxy"))),
        *_cache(f"{where}: cache", values.mapping(location.get("cache")), known),
    ]


def limit_problems(where: str, entry: Mapping[str, Any], known: nginx_http.Names) -> Iterator[str]:
    """What is wrong with the limits of a site or a location."""
    limits = values.mapping(entry.get("limits"))
    for kind, zones in (("requests", known.request_zones), ("connections", known.connection_zones)):
        limit, place = values.mapping(limits.get(kind)), f"{where}: limits.{kind}"
        if not limit:
            continue
        yield from values.missing_problems(place, limit, "zone")
        if limit.get("zone"):
            yield from values.choice_problems(f"{place}.zone", limit["zone"], zones)
        if kind == "connections":
            yield from values.missing_problems(place, limit, "max")
        yield from values.count_problems(place, limit, 0, 1000000, "burst")
        yield from values.count_problems(place, limit, 1, 1000000, "max")


def header_problems(where: str, entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with the headers of a site or a location."""
    headers = values.mapping(entry.get("headers"))
    allowed = "the name of a header: letters, digits and '-'"
    found = [
        problem
        for name in headers
        for problem in checks.pattern_problems(f"{where}: headers", name, r"[A-Za-z0-9_-]+", allowed)
    ]
    return found + checks.duplicate_problems(f"{where}: headers", (str(name).lower() for name in headers))


def _answer(where: str, location: Mapping[str, Any]) -> list[str]:
    answers = [key for key in ANSWERS if location.get(key)]
    found = []
    if len(answers) > 1 or not (answers or location.get("lines")):
        given = ", ".join(answers) or "none"
        found.append(f"{where}: answers given are {given}; allowed is exactly one of {', '.join(ANSWERS)}, or lines.")
    answer = values.mapping(location.get("return"))
    return found + checks.range_problems(f"{where}: return.status", answer.get("status", 200), 200, 599)


def _only_with_proxy(where: str, location: Mapping[str, Any]) -> list[str]:
    given = [key for key in ("proxy", "cache") if location.get(key)]
    if location.get("proxy_pass"):
        return []
    return [f"{where}: {key} is given without proxy_pass; allowed is {key} beside proxy_pass." for key in given]


def _upstream(where: str, location: Mapping[str, Any], known: nginx_http.Names) -> list[str]:
    found = BARE_HOST.fullmatch(str(location.get("proxy_pass") or ""))
    if found is None or found["port"] or "." in found["host"] or found["host"] in (*known.upstreams, "localhost"):
        return []
    upstreams = ", ".join(known.upstreams) or "none, as none is given"
    return [
        f"{where}: proxy_pass is {location['proxy_pass']!r}, which is no upstream; allowed is the name of one of "
        f"nginx_upstreams ({upstreams}), or a host with its domain or port."
    ]


def _proxy(where: str, proxy: Mapping[str, Any]) -> Iterator[str]:
    yield from values.duration_problems(where, proxy, "connect_timeout", "read_timeout", "send_timeout")
    yield from values.count_problems(where, proxy, 0, 100, "next_upstream_tries")
    allowed = (*NEXT, *(f"http_{status}" for status in STALE_STATUS))
    for condition in values.items(proxy.get("next_upstream")):
        yield from values.choice_problems(f"{where}: next_upstream", condition, allowed)
    yield from header_problems(where, proxy)
    tls = values.mapping(proxy.get("tls"))
    yield from values.path_problems(f"{where}: tls", tls, "ca")
    yield from values.word_problems(f"{where}: tls", tls, "name")
    if checks.as_bool(tls.get("verify", False)):
        yield from values.missing_problems(f"{where}: tls", tls, "ca")


def _cache(where: str, cache: Mapping[str, Any], known: nginx_http.Names) -> Iterator[str]:
    if not cache:
        return
    yield from values.missing_problems(where, cache, "name")
    if cache.get("name"):
        yield from values.choice_problems(f"{where}: name", cache["name"], known.caches)
    for statuses, duration in values.mapping(cache.get("valid")).items():
        yield from checks.pattern_problems(
            f"{where}: valid", statuses, r"any|[1-5][0-9]{2}( [1-5][0-9]{2})*", "'any' or HTTP statuses, like '200 301'"
        )
        yield from checks.pattern_problems(
            f"{where}: valid: {statuses}", duration, values.DURATION, values.DURATION_ALLOWED
        )
    allowed = (*STALE, *(f"http_{status}" for status in STALE_STATUS))
    for condition in values.items(cache.get("use_stale")):
        yield from values.choice_problems(f"{where}: use_stale", condition, allowed)
    for condition in values.items(cache.get("bypass")):
        yield from checks.pattern_problems(
            f"{where}: bypass", condition, rf"\${values.VARIABLE}", "a variable, like $cookie_session"
        )
    yield from values.count_problems(where, cache, 1, 65535, "min_uses")
    yield from checks.line_problems(f"{where}: key", [cache.get("key") or ""])
