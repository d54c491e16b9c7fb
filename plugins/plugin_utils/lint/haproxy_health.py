# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: health checks and pools that do not help when a server fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .haproxy_model import Model, Section
from .rule import Hit, Rules

RULES = Rules()
SLOWEST = 30


def asks_program(section: Section) -> bool:
    """Whether the health check asks the program, not only its port."""
    words = ("option httpchk", "http-check ", "option tcp-check", "tcp-check ", "option external-check")
    given = [*section.lines, *(f"option {option}" for option in section.options)]
    return bool(section.data.get("http_check")) or any(line.startswith(words) for line in given)


@RULES.add(
    "HA020",
    "warning",
    "A server of a pool has no health check",
    why="requests go on to it while it is down",
    remedy="Set check: true, or take the server out of the pool.",
)
def unchecked_server(model: Model) -> Iterator[Hit]:
    """Of a single server there is nobody to go to instead."""
    for section in model.backends:
        by_default = any("check" in line.split() for line in section.lines if line.startswith("default-server"))
        for server in section.servers if len(section.servers) > 1 and not by_default else ():
            if not server.checked:
                yield Hit(server.where, "check is false")


@RULES.add(
    "HA021",
    "warning",
    "The health check of an HTTP backend only opens a connection",
    why="a server that accepts connections and answers 500 stays in the pool",
    remedy="Give the backend http_check with a path that tells how the server is, such as {path: /healthz}.",
)
def shallow_check(model: Model) -> Iterator[Hit]:
    """An agent tells as well."""
    for section in model.backends:
        agents = section.data.get("agent_check") or any(server.data.get("agent_port") for server in section.servers)
        checked = any(server.checked for server in section.servers)
        if section.http and checked and not agents and not asks_program(section):
            yield Hit(section.where, "http_check is not given")


@RULES.add(
    "HA022",
    "warning",
    "A health check on another port comes without the PROXY line",
    why="HAProxy sends the line with checks by itself only to the server's own address and port",
    remedy="Add check-send-proxy to the server's options.",
)
def check_without_proxy(model: Model) -> Iterator[Hit]:
    """To the own address and port it is sent."""
    for section in model.backends:
        for server in section.servers:
            elsewhere = {"port", "addr"} & {*server.words, *(["port"] if server.data.get("check_port") else [])}
            if server.send_proxy and server.checked and elsewhere and "check-send-proxy" not in server.words:
                yield Hit(
                    server.where, f"send_proxy is set, its check has {sorted(elsewhere)[0]}, and no check-send-proxy"
                )


@RULES.add(
    "HA023",
    "advice",
    "A pool has a single server",
    why="nobody takes over when it fails or is drained",
    remedy="Add a second server, or a backup that answers with an apology.",
)
def single_server(model: Model) -> Iterator[Hit]:
    """Templates of servers in lines count."""
    for section in model.backends:
        lines = any(line.startswith(("server ", "server-template ")) for line in section.lines)
        if len(section.servers) == 1 and not lines:
            yield Hit(section.where, f"{section.servers[0].name} is its only server")


@RULES.add(
    "HA024",
    "warning",
    "A pool has backup servers only",
    why="HAProxy uses the first of them and leaves the others idle",
    remedy="Take backup off the servers that carry the load.",
)
def only_backups(model: Model) -> Iterator[Hit]:
    """With allbackups all are used."""
    for section in model.backends:
        servers = section.servers
        if len(servers) > 1 and all(server.backup for server in servers) and not section.has_option("allbackups"):
            yield Hit(section.where, f"all {len(servers)} servers are backups")


@RULES.add(
    "HA025",
    "warning",
    "Two servers of a pool have the same address",
    why="it gets the share of both, has two maxconn, and both fail at once",
    remedy="Give one server the weight that you want.",
)
def same_address(model: Model) -> Iterator[Hit]:
    """Names differ, address and port do not."""
    for section in model.backends:
        names: dict[str, list[str]] = defaultdict(list)
        for server in section.servers:
            names[server.address].append(server.name)
        for address, found in names.items():
            if len(found) > 1:
                yield Hit(f"{section.where}: server {found[1]}", f"{', '.join(found)} are all {address}")


@RULES.add(
    "HA026",
    "error",
    "No server of a pool has a weight",
    why="a server of weight 0 gets no new request",
    remedy="Give at least one server a weight above 0.",
)
def no_weight(model: Model) -> Iterator[Hit]:
    """Zero is for draining one, not all."""
    for section in model.backends:
        weights = [checks.as_int(server.data.get("weight")) for server in section.servers]
        if weights and all(weight == 0 for weight in weights):
            yield Hit(section.where, "the weight of every server is 0")


@RULES.add(
    "HA027",
    "advice",
    "A dead server is found late",
    why="requests fail or wait until then",
    remedy="Lower check_interval or check_fall; 2s and 3 are the defaults.",
)
def slow_check(model: Model) -> Iterator[Hit]:
    """Interval times fall."""
    for section in model.backends:
        interval = text.seconds(section.data.get("check_interval", "2s"), 0.001) or 0
        late = interval * (checks.as_int(section.data.get("check_fall", 3)) or 1)
        if late > SLOWEST and any(server.checked for server in section.servers):
            yield Hit(section.where, f"check_interval times check_fall is {late:g} s")


@RULES.add(
    "HA028",
    "warning",
    "A session stays with a server that is down",
    why="its cookie names the server, and nothing sends the request to another one",
    remedy="Take `no option redispatch` out.",
)
def no_redispatch(model: Model) -> Iterator[Hit]:
    """The role switches redispatch on; only lines take it off."""
    for section in model.backends:
        off = "no option redispatch" in [*model.defaults_lines, *section.lines]
        if off and (section.data.get("cookie") or text.arguments(section.lines, "cookie")):
            yield Hit(section.where, "cookie is given, and redispatch is off")


@RULES.add(
    "HA029",
    "advice",
    "The cookie of a pool with TLS also travels without it",
    why="whoever reads it on the way learns which server a client is on, and can take its place there",
    remedy="Set cookie.secure: true.",
)
def open_cookie(model: Model) -> Iterator[Hit]:
    """Where a frontend with TLS leads to the pool."""
    for frontend in (each for each in model.frontends if each.tls and each.http):
        for backend in model.backends_of(frontend):
            cookie = text.mapping(backend.data.get("cookie"))
            if cookie and not checks.as_bool(cookie.get("secure", False)):
                yield Hit(backend.where, f"cookie.secure is not set, and {frontend.where} has TLS")
