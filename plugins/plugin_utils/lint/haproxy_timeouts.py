# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: timeouts that are missing or longer than anybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from . import text
from .haproxy_model import Model
from .rule import Hit, Rules

RULES = Rules()
LONGEST = 600


@RULES.add(
    "HA001",
    "error",
    "A section has no timeout for clients, connections or servers",
    why="a peer that is gone without a word keeps its connection for good",
    remedy="Give haproxy_timeouts.connect, client and server a time above 0, such as 5s and 30s.",
)
def no_basic_timeout(model: Model) -> Iterator[Hit]:
    """The three that HAProxy warns of."""
    wanted = [*((each, "client") for each in model.frontends)]
    wanted += [(each, name) for each in model.backends for name in ("connect", "server")]
    for section, name in wanted:
        if model.timeout(section, name) is None:
            yield Hit(section.where, f"timeout {name} is not set, or 0")


@RULES.add(
    "HA002",
    "warning",
    "An HTTP frontend has no timeout for a client's request",
    why="clients that send a byte now and then take all connections (slowloris)",
    remedy="Set haproxy_timeouts.http-request, such as 10s.",
)
def no_request_timeout(model: Model) -> Iterator[Hit]:
    """Of HTTP only; TCP has no requests."""
    for section in model.frontends:
        if section.http and model.timeout(section, "http-request") is None:
            yield Hit(section.where, "timeout http-request is not set")


@RULES.add(
    "HA003",
    "advice",
    "A backend with limited servers has no timeout of its queue",
    why="a request then waits in the queue as long as timeout connect says, which is meant for something else",
    remedy="Set haproxy_timeouts.queue, or timeouts.queue of the backend, such as 30s.",
)
def no_queue_timeout(model: Model) -> Iterator[Hit]:
    """Only servers with a limit have a queue."""
    for section in model.backends:
        if any(server.maxconn for server in section.servers) and model.timeout(section, "queue") is None:
            yield Hit(section.where, "servers have maxconn and timeout queue is not set")


@RULES.add(
    "HA004",
    "warning",
    "WebSockets have no timeout of their own",
    why="a quiet WebSocket is cut after timeout client or timeout server",
    remedy="Set haproxy_timeouts.tunnel, such as 1h, and haproxy_timeouts.client-fin, such as 30s.",
)
def no_tunnel_timeout(model: Model) -> Iterator[Hit]:
    """Where a rule or an ACL looks for them."""
    for section in model.sections:
        speaks = any("websocket" in said.lower() for said in [section.name, *section.said])
        # The timeout counts in the backend that a frontend chooses.
        deciding = model.backends_of(section) or [section] if section.kind == "frontend" else [section]
        if speaks and not any(model.timeout(each, "tunnel") for each in deciding):
            yield Hit(section.where, "WebSockets are named and timeout tunnel is not set")


@RULES.add(
    "HA005",
    "advice",
    "Tunnels have no timeout for half closed connections",
    why="a client that closes one side only keeps its connection as long as timeout tunnel says",
    remedy="Set haproxy_timeouts.client-fin, such as 30s.",
)
def no_client_fin(model: Model) -> Iterator[Hit]:
    """Without a tunnel, timeout client ends them."""
    for section in model.frontends:
        tunnel = any(model.timeout(each, "tunnel") for each in [section, *model.backends_of(section)])
        if tunnel and model.timeout(section, "client-fin") is None:
            yield Hit(section.where, "timeout tunnel is set and timeout client-fin is not")


@RULES.add(
    "HA006",
    "advice",
    "A timeout is longer than ten minutes",
    why="dead peers add up to a full process meanwhile",
    remedy="Lower it, or raise it only in the backend that needs it (timeouts).",
)
def long_timeout(model: Model) -> Iterator[Hit]:
    """Tunnels may be long."""
    kinds = (("client", model.frontends), ("connect", model.backends), ("server", model.backends))
    for name, sections in kinds:
        for section in sections:
            value = model.timeout(section, name)
            if (text.seconds(value, 0.001) or 0) > LONGEST:
                yield Hit(section.where, f"timeout {name} is {value}")
