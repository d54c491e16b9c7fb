# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with what has servers: backends, and the back of listens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from .model import (
    PATH,
    PATH_TEXT,
    WORD,
    WORD_TEXT,
    Model,
    Section,
    duration_problems,
    given,
    mode,
    unknown_problems,
)
from .tables import table_problems

STATUS_LIST = r"[1-5][0-9]{2}(-[1-5][0-9]{2})?(,[1-5][0-9]{2}(-[1-5][0-9]{2})?)*"
COOKIE = r"[!#-+\--:<-\[\]-~]+"
COOKIE_TEXT = "a word without blanks, quotes, commas, semicolons and backslashes"
HOST = r"[A-Za-z0-9_.:\[\]-]+"
HOST_TEXT = "a host name"
# Also what HAProxy takes before and instead of an address: ipv4@, unix@, a socket's path.
ADDRESS = r"[!-~]+"


def problems(where: str, pool: Section, model: Model) -> list[str]:
    """One backend or listen."""
    servers = checks.entries(pool.get("servers"))
    found = []
    if not servers:
        found.append(f"{where}: servers is empty; allowed is a list with at least one server.")
    found += checks.duplicate_problems(f"{where}: servers", (server.get("name") for server in servers))
    places = (f"{server.get('address')}:{server.get('port')}" for server in servers)
    found += checks.duplicate_problems(f"{where}: servers", places)
    for server in servers:
        found += _server(where, server, model)
    found += _check(where, pool) + _http_check(where, pool) + _cookie(where, pool, servers)
    return found + _agent(where, pool.get("agent_check")) + _stick(where, pool, model)


def _server(pool: str, server: Section, model: Model) -> list[str]:
    where = f"{pool}: server {server.get('name')!r}"
    found = [
        *checks.name_problems(f"{pool}: server name", server.get("name")),
        *checks.port_problems(f"{where}: port", server.get("port")),
        *checks.line_problems(f"{where}: options", server.get("options") or []),
        *unknown_problems(f"{where}: resolvers", server.get("resolvers"), model.resolvers, "haproxy_resolvers"),
    ]
    if not re.fullmatch(ADDRESS, str(server.get("address") or "")):
        found.append(f"{where}: address is {server.get('address')!r}; allowed is an IP address or a host name.")
    if server.get("weight") is not None:
        found += checks.range_problems(f"{where}: weight", server["weight"], 0, 256)
    if server.get("maxconn") is not None:
        found += checks.range_problems(f"{where}: maxconn", server["maxconn"], 1, 2_000_000_000)
    for key in ("check_port", "agent_port"):
        found += checks.port_problems(f"{where}: {key}", server[key]) if server.get(key) is not None else []
    if server.get("slow_start") is not None:
        found += duration_problems(f"{where}: slow_start", server["slow_start"])
    return found + (_server_tls(f"{where}: tls", server["tls"]) if isinstance(server.get("tls"), Mapping) else [])


def _server_tls(where: str, tls: Section) -> list[str]:
    found = given(where, tls, "name", HOST, HOST_TEXT)
    if tls.get("ca_file") != "@system-ca":
        found += given(where, tls, "ca_file", PATH, "@system-ca, or " + PATH_TEXT)
    for name in tls.get("alpn") or []:
        found += checks.pattern_problems(f"{where}.alpn", name, WORD, WORD_TEXT)
    return found


def _check(where: str, pool: Section) -> list[str]:
    found = checks.line_problems(f"{where}: balance", [pool.get("balance", "roundrobin")])
    found += duration_problems(f"{where}: check_interval", pool.get("check_interval", "2s"))
    for name in ("check_fall", "check_rise"):
        found += checks.range_problems(f"{where}: {name}", pool.get(name, 1), 1, 1000)
    return found


def _http_check(where: str, pool: Section) -> list[str]:
    check = pool.get("http_check")
    if not isinstance(check, Mapping):
        return []
    found = checks.pattern_problems(f"{where}: http_check.path", check.get("path", "/"), PATH, PATH_TEXT)
    found += given(f"{where}: http_check", check, "host", HOST, HOST_TEXT)
    wanted = check.get("expect_status")
    if wanted is not None and "," not in str(wanted) and "-" not in str(wanted):
        found += checks.range_problems(f"{where}: http_check.expect_status", wanted, 100, 599)
    elif wanted is not None:
        text = "a status from 100 to 599, or several, like 200,204,300-399"
        found += checks.pattern_problems(f"{where}: http_check.expect_status", wanted, STATUS_LIST, text)
    if check.get("expect_body") is not None:
        found += checks.line_problems(f"{where}: http_check.expect_body", [check["expect_body"]])
    return found


def _agent(where: str, agent: Any) -> list[str]:
    if not isinstance(agent, Mapping):
        return []
    found = checks.port_problems(f"{where}: agent_check.port", agent.get("port"))
    if "interval" in agent:
        found += duration_problems(f"{where}: agent_check.interval", agent["interval"])
    return found


def _cookie(where: str, pool: Section, servers: list[Section]) -> list[str]:
    cookie = pool.get("cookie")
    if not isinstance(cookie, Mapping):
        values = [server["cookie"] for server in servers if server.get("cookie") is not None]
        return [
            f"{where}: server cookie is {value!r}; allowed is it only where the backend has a cookie."
            for value in values[:1]
        ]
    found = checks.pattern_problems(f"{where}: cookie.name", cookie.get("name"), COOKIE, COOKIE_TEXT)
    found += given(f"{where}: cookie", cookie, "domain", HOST, HOST_TEXT)
    for key in ("max_idle", "max_life"):
        found += duration_problems(f"{where}: cookie.{key}", cookie[key]) if key in cookie else []
    values = [str(server.get("cookie") or server.get("name")) for server in servers]
    for value in values:
        found += checks.pattern_problems(f"{where}: server cookie", value, COOKIE, COOKIE_TEXT)
    names = [str(server.get("name")) for server in servers]
    # Servers of one name are refused by name already.
    return found + (
        checks.duplicate_problems(f"{where}: cookies of servers", values) if len(set(names)) == len(names) else []
    )


def _stick(where: str, pool: Section, model: Model) -> list[str]:
    stick = pool.get("stick")
    if not isinstance(stick, Mapping):
        return []
    found = table_problems(f"{where}: stick", stick, model) + given(f"{where}: stick", stick, "key", WORD, WORD_TEXT)
    if "stick_table" in pool:
        found.append(f"{where}: stick and stick_table are both given; allowed is one table for each section.")
    if mode(pool) == "tcp" and "hdr" in str(stick.get("key")):
        found.append(f"{where}: stick.key is {stick['key']!r}, but mode is 'tcp'; allowed is what TCP knows, like src.")
    return found
