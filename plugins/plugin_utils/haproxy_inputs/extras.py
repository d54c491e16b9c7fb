# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with what sections refer to: peers, user lists, resolvers, maps, error pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from .model import STATUSES, STATUSES_TEXT, WORD, WORD_TEXT, Model, Section, duration_problems, place

HASH = re.compile(r"\$(5|6|2[abxy]|y|gy)\$[!-~]{8,}")
HASH_TEXT = "a hash as `mkpasswd --method=sha512crypt` prints it, which begins with $6$, $5$, $2b$ or $y$"
HOLDS = ("nx", "refused", "timeout", "valid", "obsolete", "other")
RESOLVER_TIMEOUTS = ("resolve", "retry")
# What is left of HAProxy's buffer of 16 KiB beside the headers.
LONGEST_PAGE = 15_000


def problems(inputs: Mapping[str, Any], model: Model) -> list[str]:
    """All of them."""
    found: list[str] = []
    for name in ("peers", "userlists", "resolvers", "maps"):
        sections: list[Section] = getattr(model, name)
        found += checks.duplicate_problems(f"haproxy_{name}", (section.get("name") for section in sections))
        for section in sections:
            found += checks.name_problems(f"haproxy_{name}: name", section.get("name"))
    for where, group in place("haproxy_peers", "group", model.peers):
        found += _peers(where, group, inputs.get("haproxy_local_peer"))
    for where, userlist in place("haproxy_userlists", "list", model.userlists):
        found += _userlist(where, userlist)
    for where, resolver in place("haproxy_resolvers", "resolver", model.resolvers):
        found += _resolver(where, resolver)
    for where, table in place("haproxy_maps", "map", model.maps):
        found += _map(where, table)
    return [*found, *_pages(inputs.get("haproxy_error_pages"))]


def _peers(where: str, group: Section, local: Any) -> list[str]:
    peers = checks.entries(group.get("peers"))
    names = [str(peer.get("name")) for peer in peers]
    found = checks.duplicate_problems(f"{where}: peers", names)
    for peer in peers:
        found += checks.name_problems(f"{where}: peer name", peer.get("name"))
        found += checks.port_problems(f"{where}: peer {peer.get('name')!r}: port", peer.get("port"))
        found += checks.pattern_problems(f"{where}: peer address", peer.get("address"), WORD, WORD_TEXT)
    if local is not None and str(local) not in names:
        found.append(
            f"haproxy_local_peer is {local!r}; allowed are the peers of {where}: {', '.join(names) or 'none'}."
        )
    return found


def _userlist(where: str, userlist: Section) -> list[str]:
    users, groups = checks.entries(userlist.get("users")), [str(name) for name in userlist.get("groups") or []]
    found = checks.duplicate_problems(f"{where}: users", (user.get("name") for user in users))
    if not users:
        found.append(f"{where}: users is empty; allowed is a list with at least one user.")
    for group in groups:
        found += checks.name_problems(f"{where}: groups", group)
    for user in users:
        found += checks.name_problems(f"{where}: user name", user.get("name"))
        found += _password(f"{where}: user {user.get('name')!r}", user)
        found += [
            f"{where}: user {user.get('name')!r}: groups has {group!r}; allowed are the groups of the list: "
            f"{', '.join(groups) or 'none'}."
            for group in user.get("groups") or []
            if str(group) not in groups
        ]
    return found


def _password(where: str, user: Section) -> list[str]:
    """The value itself is never told."""
    if "password" in user:
        return [f"{where}: password is given in plain text; allowed is password_hash, {HASH_TEXT}."]
    value = user.get("password_hash")
    if value in (None, ""):
        return [f"{where}: password_hash is not given; allowed is {HASH_TEXT}."]
    return [] if HASH.fullmatch(str(value)) else [f"{where}: password_hash is no hash; allowed is {HASH_TEXT}."]


def _resolver(where: str, resolver: Section) -> list[str]:
    servers = checks.entries(resolver.get("nameservers"))
    found = checks.duplicate_problems(f"{where}: nameservers", (server.get("name") for server in servers))
    if not servers and not checks.as_bool(resolver.get("system")):
        found.append(f"{where}: nameservers is empty; allowed is at least one, or system: true.")
    for server in servers:
        found += checks.name_problems(f"{where}: nameserver name", server.get("name"))
        found += checks.pattern_problems(f"{where}: nameserver address", server.get("address"), WORD, WORD_TEXT)
        found += checks.port_problems(f"{where}: nameserver port", server.get("port", 53))
    if resolver.get("retries") is not None:
        found += checks.range_problems(f"{where}: retries", resolver["retries"], 1, 100)
    found += times_problems(f"{where}: timeouts", resolver.get("timeouts"), RESOLVER_TIMEOUTS)
    found += times_problems(f"{where}: hold", resolver.get("hold"), HOLDS)
    return found + checks.line_problems(f"{where}: lines", resolver.get("lines") or [])


def times_problems(where: str, times: Any, names: tuple[str, ...]) -> list[str]:
    """Refuse times of a name that HAProxy does not have here, and what is no time."""
    if not isinstance(times, Mapping):
        return []
    found = []
    for name, value in times.items():
        if name not in names:
            found.append(f"{where} has {name!r}; allowed are {', '.join(names)}.")
        else:
            found += duration_problems(f"{where}.{name}", value)
    return found


def _map(where: str, table: Section) -> list[str]:
    entries = table.get("entries")
    found = []
    for key, value in entries.items() if isinstance(entries, Mapping) else ():
        if not re.fullmatch(r"[!-\"$-~][!-~]*", str(key)):
            found.append(f"{where}: entries has the key {key!r}; allowed is a word without blanks that is no comment.")
        if not str(value).strip():
            found.append(f"{where}: entries has {value!r} for {key!r}; allowed is a text that is not empty.")
        found += checks.line_problems(f"{where}: entries {key!r}", [value])
    return found


def _pages(pages: Any) -> Iterator[str]:
    for status, text in pages.items() if isinstance(pages, Mapping) else ():
        if checks.as_int(status) not in STATUSES:
            yield f"haproxy_error_pages has {status!r}; allowed are {STATUSES_TEXT}."
        size = len(str(text).encode())
        if not 0 < size <= LONGEST_PAGE:
            yield f"haproxy_error_pages.{status} has {size} bytes; allowed are 1 to {LONGEST_PAGE}."
