# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: limits that do not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .haproxy_model import Model
from .rule import Hit, Rules

RULES = Rules()


@RULES.add(
    "HA030",
    "warning",
    "Servers take fewer connections than the frontend lets in, and the queue has no end",
    why="what does not fit waits, and nothing says how long",
    remedy="Raise maxconn of the servers, lower that of the frontend, or set haproxy_timeouts.queue.",
)
def no_room(model: Model) -> Iterator[Hit]:
    """Only where every server has a limit."""
    for frontend in model.frontends:
        allowed = checks.as_int(frontend.data.get("maxconn")) or model.number("haproxy_maxconn")
        for backend in model.backends_of(frontend):
            limits = [server.maxconn or 0 for server in backend.servers if not server.backup]
            full = bool(limits) and all(limits) and sum(limits) < allowed
            if full and model.timeout(backend, "queue") is None:
                yield Hit(
                    backend.where, f"its servers take {sum(limits)} connections, {frontend.where} lets {allowed} in"
                )


@RULES.add(
    "HA031",
    "warning",
    "The process takes fewer connections than its frontends",
    why="frontends stop accepting before their own limit, and one can starve the others",
    remedy="Raise haproxy_maxconn to the sum of the frontends' maxconn, or lower those.",
)
def small_process(model: Model) -> Iterator[Hit]:
    """0 lets HAProxy choose."""
    wanted = sum(checks.as_int(each.data.get("maxconn")) or 0 for each in model.frontends)
    allowed = model.number("haproxy_maxconn")
    if 0 < allowed < wanted:
        yield Hit("haproxy_maxconn", f"it is {allowed}, and the frontends' maxconn add up to {wanted}")


@RULES.add(
    "HA032",
    "warning",
    "The limit of files is too low for the connections",
    why="a proxied connection needs two files, one to the client and one to the server",
    remedy="Raise haproxy_file_limit above twice haproxy_maxconn, or set it to 0.",
)
def few_files(model: Model) -> Iterator[Hit]:
    """Both are given."""
    files, connections = model.number("haproxy_file_limit"), model.number("haproxy_maxconn")
    if files and files <= 2 * connections:
        yield Hit("haproxy_file_limit", f"it is {files}, and haproxy_maxconn is {connections}")


@RULES.add(
    "HA033",
    "warning",
    "Entries of a stick table never expire",
    why="a table that is full forgets the oldest clients, or takes no more",
    remedy="Give the stick table an expire, such as 10m.",
)
def no_expiry(model: Model) -> Iterator[Hit]:
    """Of lines; data has 30 minutes."""
    for section in model.sections:
        for line in text.arguments(section.lines, "stick-table"):
            if "expire" not in line.split():
                yield Hit(section.where, f"stick-table {line} has no expire")


@RULES.add(
    "HA034",
    "warning",
    "Connections are closed after every request",
    why="each request costs a new connection, and a TLS handshake where there is TLS",
    remedy="Take option httpclose out; option http-server-close keeps the client's connection.",
)
def closes(model: Model) -> Iterator[Hit]:
    """Old names of it too."""
    for name in ("httpclose", "forceclose", "http-tunnel"):
        if name in text.arguments(model.defaults_lines, "option"):
            yield Hit("haproxy_defaults_lines", f"option {name} is on")
        yield from (Hit(each.where, f"option {name} is on") for each in model.sections if each.has_option(name))


@RULES.add(
    "HA035",
    "advice",
    "Servers have no limit of connections, and the frontend has one",
    why="a slow server takes all connections of the frontend instead of letting requests wait for another server",
    remedy="Give each server a maxconn that it can serve at a time.",
)
def unlimited_servers(model: Model) -> Iterator[Hit]:
    """Who thinks of limits thinks of servers."""
    for frontend in model.frontends:
        for backend in model.backends_of(frontend) if checks.as_int(frontend.data.get("maxconn")) else ():
            if len(backend.servers) > 1 and not any(server.maxconn for server in backend.servers):
                yield Hit(backend.where, f"{frontend.where} has maxconn, its servers have none")
