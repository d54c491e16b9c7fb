# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGINX: requests that go on to other servers, and answers that are kept."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .nginx_model import Location, Model
from .rule import Hit, Rules
from .text import mapping

RULES = Rules()
LONGEST = 600
PRIVATE = re.compile(
    r"(?<![a-z])(?:accounts?|admin|basket|cart|checkout|dashboard|invoices?|log-?in|log-?out|me|orders?|profile|session|users?)"
    r"(?![a-z])"
)
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
PATH_VARIABLE = re.compile(r"\$\{?(?:request_uri|uri|document_uri)\b.*")
ADDRESS = re.compile(r"(?:[0-9.]+|\[[0-9A-Fa-f:.]+\]|unix)(?::[0-9]+)?")
URL = re.compile(r"(?P<scheme>\w+)://(?P<host>[^/]+)(?P<path>/.*)?$")


def targets(model: Model) -> Iterator[tuple[Location, re.Match[str]]]:
    """Locations that pass requests on, with the parts of the URL."""
    for location in model.locations:
        found = URL.match(location.value("proxy_pass"))
        if found:
            yield location, found


def upstream_servers(model: Model) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """The servers of each upstream, with its place."""
    for upstream in model.upstreams:
        yield f"upstream {upstream.get('name')}", [dict(each) for each in checks.entries(upstream.get("servers"))]


@RULES.add(
    "NG020",
    "advice",
    "A proxy in lines has no timeouts",
    why="a dead server is noticed after a minute only",
    remedy="Use proxy_pass as data, which connects within 5s, or add proxy_connect_timeout and proxy_read_timeout.",
)
def no_timeouts(model: Model) -> Iterator[Hit]:
    """Data has timeouts of its own."""
    for location in model.locations:
        if not location.data.get("proxy_pass") and location.value("proxy_pass"):
            for name in ("proxy_connect_timeout", "proxy_read_timeout"):
                if not location.setting(name):
                    yield Hit(location.where, f"{name} is not set")


@RULES.add(
    "NG021",
    "error",
    "A proxy's URL has a variable, and no resolver is set",
    why="NGINX then looks the host up at the time of the request, has nobody to ask, and answers 502",
    remedy="Add a `resolver` line to the site, or name an upstream.",
)
def no_resolver(model: Model) -> Iterator[Hit]:
    """Upstreams and addresses need none, nor does a map that gives upstreams."""
    for location, url in targets(model):
        host = PATH_VARIABLE.sub("", url["host"])
        if "$" in url[0] and not _known(model, host) and not location.setting("resolver"):
            yield Hit(location.where, f"proxy_pass is {url[0]}")


def _known(model: Model, host: str) -> bool:
    """Whether NGINX knows a host without asking."""
    maps = {str(each.get("name")).lstrip("$"): mapping(each.get("entries")) for each in _maps(model)}
    names = VARIABLE.findall(host)
    if names:
        return all(set(map(str, maps.get(name, {"": ""}).values())) <= model.upstream_names for name in names)
    return host in model.upstream_names or bool(ADDRESS.fullmatch(host))


def _maps(model: Model) -> list[dict[str, object]]:
    return [dict(each) for each in checks.entries(model.inputs.get("nginx_maps"))]


@RULES.add(
    "NG022",
    "warning",
    "Connections to an upstream are not kept",
    why="every request opens a new one, and busy hosts run out of ports",
    remedy="Take keepalive: 0 out, or name a number of idle connections.",
)
def no_keepalive(model: Model) -> Iterator[Hit]:
    """Off on purpose; the role keeps some by itself."""
    for upstream in model.upstreams:
        if checks.as_int(upstream.get("keepalive")) == 0:
            yield Hit(f"upstream {upstream.get('name')}", "keepalive is 0")


@RULES.add(
    "NG023",
    "advice",
    "Servers of an upstream say nothing of max_fails",
    why="NGINX takes a server out for 10 s after one failed request, which a busy pool of two may not stand",
    remedy="Give the servers max_fails and fail_timeout, such as 3 and 10s.",
)
def no_max_fails(model: Model) -> Iterator[Hit]:
    """Of a pool; a single server is never taken out."""
    for where, servers in upstream_servers(model):
        if len(servers) > 1 and not any("max_fails" in server for server in servers):
            yield Hit(where, "max_fails is given for none of its servers")


@RULES.add(
    "NG024",
    "warning",
    "A dead server of an upstream is never taken out",
    why="with max_fails 0 its share of the requests fails or is tried twice",
    remedy="Set max_fails to 1 or more.",
)
def never_out(model: Model) -> Iterator[Hit]:
    """Of a pool."""
    for where, servers in upstream_servers(model):
        for server in servers if len(servers) > 1 else ():
            if checks.as_int(server.get("max_fails")) == 0:
                yield Hit(f"{where}: server {server.get('address')}:{server.get('port')}", "max_fails is 0")


@RULES.add(
    "NG025",
    "warning",
    "An upstream has the same server twice",
    why="it gets the share of both, and a failed request is tried again on the same server",
    remedy="Give one server the weight that you want.",
)
def same_server(model: Model) -> Iterator[Hit]:
    """Address and port."""
    for where, servers in upstream_servers(model):
        times: dict[str, int] = defaultdict(int)
        for server in servers:
            times[f"{server.get('address')}:{server.get('port')}"] += 1
        yield from (Hit(f"{where}: server {name}", f"it is given {n} times") for name, n in times.items() if n > 1)


@RULES.add(
    "NG026",
    "warning",
    "The certificate of a server behind is not verified",
    why="NGINX believes whoever answers at its address",
    remedy="Set proxy.tls.verify: true and proxy.tls.ca, or `proxy_ssl_verify on` in lines.",
)
def unverified(model: Model) -> Iterator[Hit]:
    """Of https only."""
    for location, url in targets(model):
        tls = mapping(mapping(location.data.get("proxy")).get("tls"))
        verified = checks.as_bool(tls.get("verify", False)) or location.setting("proxy_ssl_verify") == ["on"]
        if url["scheme"] == "https" and not verified:
            yield Hit(location.where, f"proxy_pass is {url[0]} without verify")


@RULES.add(
    "NG027",
    "error",
    "A proxy can be left upwards",
    why="a request for the location followed by ../ reaches paths of the server behind that were not meant",
    remedy="End the location's path with / as proxy_pass does.",
)
def proxy_traversal(model: Model) -> Iterator[Hit]:
    """As with an alias: a prefix without a slash at its end, a URL with a path that has one."""
    for location, url in targets(model):
        path = url["path"] or ""
        if location.prefix and path.endswith("/") and not location.pattern.endswith("/"):
            yield Hit(location.where, f"proxy_pass {url[0]} ends with / and the path does not")


@RULES.add(
    "NG028",
    "warning",
    "Requests that change something are tried twice",
    why="an order or a payment that timed out may have been taken, and is sent to the next server again",
    remedy="Take non_idempotent out of next_upstream.",
)
def repeats_posts(model: Model) -> Iterator[Hit]:
    """Of data and of lines."""
    for location in model.locations:
        if "non_idempotent" in text.texts(mapping(location.data.get("proxy")).get("next_upstream")):
            yield Hit(location.where, "proxy.next_upstream has non_idempotent")
    for where, name, value in model.said("proxy_next_upstream"):
        if "non_idempotent" in value.split():
            yield Hit(where, f"{name} has non_idempotent")


@RULES.add(
    "NG029",
    "advice",
    "A proxy waits longer than ten minutes",
    why="requests to a server that hangs add up meanwhile",
    remedy="Lower read_timeout, or let the work be asked for and fetched in two requests.",
)
def long_wait(model: Model) -> Iterator[Hit]:
    """WebSockets may be quiet for long."""
    for location in model.locations:
        proxy = mapping(location.data.get("proxy"))
        given = [str(proxy["read_timeout"])] if proxy.get("read_timeout") else location.setting("proxy_read_timeout")
        quiet = checks.as_bool(proxy.get("websocket", False)) or any(
            "upgrade" in line.lower() for line in location.lines
        )
        for value in given if not quiet and location.value("proxy_pass") else ():
            if (text.seconds(value) or 0) > LONGEST:
                yield Hit(location.where, f"read_timeout is {value}")


@RULES.add(
    "NG030",
    "error",
    "Answers are kept that their server wanted to be private",
    why="what one client was answered, cookies with it, is given to others",
    remedy="Take Set-Cookie, Cache-Control, Expires and Vary out of proxy_ignore_headers.",
)
def ignores_private(model: Model) -> Iterator[Hit]:
    """Where there is a cache."""
    forbidden = {"set-cookie", "cache-control", "vary"}
    for location in model.locations:
        ignored = {word.lower() for line in location.setting("proxy_ignore_headers") for word in line.split()}
        if _cached(location) and ignored & forbidden:
            yield Hit(location.where, f"the cache ignores {', '.join(sorted(ignored & forbidden))}")


@RULES.add(
    "NG031",
    "warning",
    "A cache keeps answers of a path that looks private",
    why="the key knows the URL only: whoever asks for it next gets the answer of the first",
    remedy="Take cache out, or give it bypass with the session's cookie and $http_authorization.",
)
def private_path(model: Model) -> Iterator[Hit]:
    """By the path's name; with a bypass somebody thought of it."""
    for location in model.locations:
        bypass = mapping(location.data.get("cache")).get("bypass") or location.setting("proxy_cache_bypass")
        if _cached(location) and not bypass and PRIVATE.search(location.pattern.lower()):
            yield Hit(location.where, "cache is on without bypass")


@RULES.add(
    "NG032",
    "warning",
    "The key of a cache does not know the host",
    why="two sites with the same path get each other's answers",
    remedy="Begin the key with $scheme$host.",
)
def key_without_host(model: Model) -> Iterator[Hit]:
    """Of data and of lines."""
    given = [(each.where, str(mapping(each.data.get("cache")).get("key") or "")) for each in model.locations]
    given += [(where, value) for where, _name, value in model.said("proxy_cache_key")]
    for where, key in given:
        if key and not re.search(r"host|server_name", key):
            yield Hit(where, f"the key is {key}")


@RULES.add(
    "NG033",
    "warning",
    "A cache in lines has no size",
    why="it grows until the disk is full",
    remedy="Use nginx_caches, or add max_size.",
)
def endless_cache(model: Model) -> Iterator[Hit]:
    """The role's own have one."""
    for where, name, value in model.said("proxy_cache_path"):
        if "max_size=" not in value:
            yield Hit(where, f"{name} {value.split()[0]} has no max_size")


def _cached(location: Location) -> bool:
    return bool(location.data.get("cache")) or location.setting("proxy_cache") not in ([], ["off"])
