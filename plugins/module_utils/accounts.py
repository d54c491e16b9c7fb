# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the account database: passwd, shadow, group and what login.defs says of them."""

from __future__ import annotations

from dataclasses import dataclass

from .host import Host
from .scoped_files import read_text

NO_LOGIN_SHELLS = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false")


@dataclass(frozen=True)
class Ageing:
    """The ageing fields of shadow, in days; -1 where they are empty."""

    min_days: int = -1
    max_days: int = -1
    warn_days: int = -1
    inactive_days: int = -1
    # Days since 1970-01-01.
    expires: int = -1


@dataclass(frozen=True)
class Account:
    """One user."""

    name: str
    uid: int
    shell: str
    locked: bool
    # Whether taking the lock off would leave a password.
    has_password: bool
    ageing: Ageing
    groups: frozenset[str]


def _records(host: Host, path: str, fields: int) -> list[list[str]]:
    lines = (line.split(":") for line in (read_text(host, path) or "").splitlines())
    return [line for line in lines if len(line) >= fields and line[0] and not line[0].startswith(("#", "+", "-"))]


def _days(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else -1


def read_accounts(host: Host) -> dict[str, Account]:
    """The local accounts by name."""
    shadow = {record[0]: record for record in _records(host, "/etc/shadow", 8)}
    groups: dict[str, set[str]] = {}
    for record in _records(host, "/etc/group", 4):
        for member in filter(None, record[3].split(",")):
            groups.setdefault(member, set()).add(record[0])
    accounts = {}
    for record in _records(host, "/etc/passwd", 7):
        secret = shadow.get(record[0], [record[0], "*", *[""] * 7])
        ageing = Ageing(*(_days(secret[field]) for field in (3, 4, 5, 6, 7)))
        accounts[record[0]] = Account(
            name=record[0],
            uid=int(record[2]) if record[2].isdigit() else -1,
            shell=record[6],
            locked=secret[1].startswith(("!", "*")),
            has_password=len(secret[1].lstrip("!")) > 1,
            ageing=ageing,
            groups=frozenset(groups.get(record[0], ())),
        )
    return accounts


def group_names(host: Host) -> set[str]:
    """The local groups."""
    return {record[0] for record in _records(host, "/etc/group", 4)}


def first_user_id(host: Host) -> int:
    """UID_MIN of login.defs: accounts below it belong to the system."""
    for line in (read_text(host, "/etc/login.defs") or "").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "UID_MIN" and words[1].isdigit():
            return int(words[1])
    return 1000
