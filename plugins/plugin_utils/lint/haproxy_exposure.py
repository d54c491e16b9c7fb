# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: what others can read, steer or forge."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .haproxy_model import Model, Section
from .rule import Hit, Rules

RULES = Rules()
TCP_ADDRESS = re.compile(r"^(?:ipv[46]@|\*|[0-9.]+:|\[|:)")


def world_writes(mode: str) -> bool:
    """Whether an octal mode lets everybody write."""
    return bool(re.fullmatch(r"[0-7]{3,4}", mode)) and bool(int(mode, 8) & 0o002)


def stats_lines(section: Section) -> list[str]:
    """What a section says of the page with statistics."""
    return text.arguments(section.lines, "stats")


@RULES.add(
    "HA050",
    "error",
    "Everybody on the host can write to the runtime socket",
    why="whoever writes to it drains servers, and reads keys and tables",
    remedy="Set haproxy_admin_socket_mode to 0660.",
)
def open_socket(model: Model) -> Iterator[Hit]:
    """The role's socket and those of lines."""
    mode = str(model.inputs.get("haproxy_admin_socket_mode"))
    if world_writes(mode):
        yield Hit("haproxy_admin_socket_mode", f"it is {mode}")
    for line in text.arguments(model.global_lines, "stats", "socket"):
        for found in filter(world_writes, text.following(line.split(), "mode")):
            yield Hit("haproxy_global_lines", f"stats socket has mode {found}")


@RULES.add(
    "HA051",
    "error",
    "The runtime socket listens on the network",
    why="it knows no password: whoever reaches the port controls HAProxy",
    remedy="Use a socket file, and SSH to come to it.",
)
def network_socket(model: Model) -> Iterator[Hit]:
    """An address in place of a path."""
    for line in text.arguments(model.global_lines, "stats", "socket"):
        if TCP_ADDRESS.match(line) and not line.startswith(("127.", "ipv4@127.", "[::1]", "ipv6@[::1]")):
            yield Hit("haproxy_global_lines", f"stats socket is {line.split()[0]}")


@RULES.add(
    "HA052",
    "warning",
    "The page with statistics asks for no password",
    why="it tells the names, addresses and loads of all servers",
    remedy="Add a `stats http-request auth` line for users of haproxy_userlists, or use the metrics.",
)
def open_stats(model: Model) -> Iterator[Hit]:
    """Enabled by one of its lines."""
    for section in model.sections:
        stats = stats_lines(section)
        guarded = any(line.startswith(("auth ", "http-request ")) for line in stats) or section.does(
            "http-request deny"
        )
        if any(line.startswith(("enable", "uri")) for line in stats) and not guarded:
            yield Hit(section.where, "stats are enabled without auth")


@RULES.add(
    "HA053",
    "warning",
    "The page with statistics can change servers",
    why="a page in a browser is no place to drain from: no record, and other pages can send its forms",
    remedy="Take `stats admin` out; evenkeel.ops.haproxy_server drains.",
)
def stats_admin(model: Model) -> Iterator[Hit]:
    """Whatever the condition."""
    for section in model.sections:
        if any(line.startswith("admin ") for line in stats_lines(section)):
            yield Hit(section.where, "stats admin is on")


@RULES.add(
    "HA054",
    "advice",
    "The metrics are served on every address",
    why="they tell the names and loads of all servers to whoever reaches the port",
    remedy="Set haproxy_metrics_address to an address that only Prometheus reaches, or let the firewall see to it.",
)
def open_metrics(model: Model) -> Iterator[Hit]:
    """The firewall may close it; that is another role's."""
    address = str(model.inputs.get("haproxy_metrics_address"))
    if checks.as_bool(model.inputs.get("haproxy_metrics_enabled")) and address in checks.WILDCARDS:
        yield Hit("haproxy_metrics_address", f"it is {address!r}")


@RULES.add(
    "HA055",
    "warning",
    "A password stands in the clear",
    why="whoever reads the configuration or a backup of it has the password",
    remedy="Use haproxy_userlists with password_hash.",
)
def clear_password(model: Model) -> Iterator[Hit]:
    """The value is not repeated."""
    for where, line in model.verbatim():
        words = line.split()
        if "insecure-password" in words or words[:2] == ["stats", "auth"]:
            yield Hit(where, f"{'stats auth' if words[0] == 'stats' else 'insecure-password'} is used")


@RULES.add(
    "HA056",
    "warning",
    "Anybody may say which address they come from",
    why="the PROXY line is believed from whoever connects, and with it every rule on addresses",
    remedy="Bind to an address that only the balancer in front reaches, or `connection reject` others in tcp_rules.",
)
def open_proxy_line(model: Model) -> Iterator[Hit]:
    """A rule on connections may keep others out."""
    for section in model.frontends:
        guarded = any("src" in f"{rule.does} {rule.when}" for rule in section.conditions("tcp_rules"))
        guarded = guarded or any(line.startswith("tcp-request connection") for line in section.lines)
        for bind in section.binds:
            if bind.accept_proxy and bind.address in checks.WILDCARDS and not guarded:
                yield Hit(f"{section.where}: bind {bind}", "accept_proxy is set on every address")


@RULES.add(
    "HA057",
    "advice",
    "Servers do not learn who the client is",
    why="their logs and limits see the balancer's address only",
    remedy="Add forwardfor to the options of the frontend or backend, or send_proxy to its servers.",
)
def no_forwarded(model: Model) -> Iterator[Hit]:
    """Option, header or PROXY line."""
    everywhere = any(line.startswith(("option forwardfor", "option forwarded")) for line in model.defaults_lines)
    for frontend in (each for each in model.frontends if each.http and not everywhere):
        for backend in model.backends_of(frontend):
            told = [
                each for each in (frontend, backend) if each.has_option("forwardfor") or each.has_option("forwarded")
            ]
            told += [each for each in (frontend, backend) if each.does("x-forwarded-for")]
            if backend.servers and not told and not all(server.send_proxy for server in backend.servers):
                yield Hit(backend.where, f"requests of {frontend.where} come without X-Forwarded-For")


@RULES.add(
    "HA058",
    "warning",
    "A client may say itself which address it has",
    why="with if-none the client's own X-Forwarded-For is believed",
    remedy="Take if-none out, or use it only behind a balancer that sets the header.",
)
def believed_header(model: Model) -> Iterator[Hit]:
    """The option's argument."""
    if any(line.startswith("option forwardfor") and "if-none" in line for line in model.defaults_lines):
        yield Hit("haproxy_defaults_lines", "option forwardfor has if-none")
    for section in model.sections:
        given = [*section.options, *text.arguments(section.lines, "option")]
        if any(option.startswith("forwardfor") and "if-none" in option.split() for option in given):
            yield Hit(section.where, "option forwardfor has if-none")


@RULES.add(
    "HA059",
    "warning",
    "Nothing is logged",
    why="nobody can tell afterwards who asked for what, or why it failed",
    remedy="Give haproxy_log_targets, such as [/dev/log local0].",
)
def no_log(model: Model) -> Iterator[Hit]:
    """For all, or for a section."""
    if not model.inputs.get("haproxy_log_targets"):
        yield Hit("haproxy_log_targets", "it is empty")
    yield from (Hit(each.where, "`no log` is given") for each in model.frontends if "no log" in each.lines)
