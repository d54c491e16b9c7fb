# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy's master says of its processes, and which ports a configuration would have to take from others."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .haproxy_states import query
from .listening_ports import read_owners, read_sockets

BIND = re.compile(r"^\s*bind\s+(\S+)", re.MULTILINE)
ADDRESS = re.compile(r"(?:ipv[46]@)?(?P<address>.*):(?P<first>\d+)(?:-(?P<last>\d+))?")
WILDCARDS = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 - compared with, never bound to


@dataclass(frozen=True)
class Processes:
    """HAProxy's processes, by pid."""

    workers: frozenset[int]
    # Master and workers of all generations.
    everyone: frozenset[int]
    # How many reloads of this master failed.
    failed: int = 0


def ask(path: str, command: str) -> str | None:
    """What the master answers on its socket, or None where nobody does."""
    try:
        return query(path, command)
    except OSError:
        return None


def parse_processes(answer: str) -> Processes:
    """Read the answer to `show proc`."""
    workers: set[int] = set()
    everyone: set[int] = set()
    failed, section = 0, ""
    for line in answer.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ").strip().lower()
            continue
        count = re.search(r"\[failed: *([0-9]+)\]", line)
        failed = int(count.group(1)) if count else failed
        fields = line.split()
        if len(fields) < 2 or not fields[0].isdigit():
            continue
        everyone.add(int(fields[0]))
        if section == "workers" and fields[1] == "worker":
            workers.add(int(fields[0]))
    return Processes(frozenset(workers), frozenset(everyone), failed)


def binds(configuration: str) -> Iterator[tuple[str, int, int]]:
    """Address, first and last port of each `bind` that is written out; sockets and variables are left alone."""
    for places in BIND.findall(configuration):
        for place in places.split(","):
            found = ADDRESS.fullmatch(place)
            if found:
                first = int(found["first"])
                yield found["address"].strip("[]"), first, int(found["last"] or first)


def taken(configuration: str, own: Collection[int]) -> list[str]:
    """The ports that `configuration` binds and that processes other than `own` listen on: one phrase each."""
    wanted = list(binds(configuration))
    sockets = [each for each in read_sockets() if each.protocol == "tcp"]
    clashes = [
        each
        for each in sockets
        if any(first <= each.port <= last and _clash(address, each.address) for address, first, last in wanted)
    ]
    owners = read_owners() if clashes else {}
    found = []
    for each in clashes:
        owner = owners.get(each.inode)
        if owner is None or owner.pid not in own:
            holder = f"{owner.name}, pid {owner.pid}" if owner else "another process"
            found.append(f"{each.address} port {each.port} is already in use by {holder}")
    return found


def _clash(one: str, other: str) -> bool:
    return one == other or bool({one, other} & WILDCARDS)
