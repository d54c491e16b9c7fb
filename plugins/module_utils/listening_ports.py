# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports a host listens on, and which process does, read from /proc."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The state of a socket in /proc/net: a TCP socket that listens, a UDP socket that is bound and not connected.
LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
SOCKET_LINK = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True)
class Socket:
    """A socket that waits for peers."""

    protocol: str
    address: str
    port: int
    inode: int


@dataclass(frozen=True)
class Process:
    """A process that holds a socket."""

    pid: int
    name: str


def decode_address(field: str, byteorder: str = sys.byteorder) -> str:
    """Decode an address of /proc/net: hexadecimal words of 32 bits in the machine's byte order."""
    raw = bytes.fromhex(field)
    words = [raw[start : start + 4] for start in range(0, len(raw), 4)]
    if byteorder == "little":
        words = [word[::-1] for word in words]
    return str(ipaddress.ip_address(b"".join(words)))


def parse_sockets(protocol: str, table: str) -> Iterator[Socket]:
    """Yield the waiting sockets of the text of /proc/net/<protocol>."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != LISTENING[protocol]:
            continue
        address, port = fields[1].split(":")
        yield Socket(protocol.rstrip("6"), decode_address(address), int(port, 16), int(fields[9]))


def read_sockets(proc: str = "/proc") -> list[Socket]:
    """Read all waiting sockets of this network namespace; a kernel without IPv6 has no table for it."""
    found: set[Socket] = set()
    for protocol in LISTENING:
        try:
            with open(os.path.join(proc, "net", protocol), encoding="ascii") as table:
                found.update(parse_sockets(protocol, table.read()))
        except FileNotFoundError:
            continue
    return sorted(found, key=lambda socket: (socket.protocol, socket.port, socket.address))


def read_owners(proc: str = "/proc") -> dict[int, Process]:
    """Map the inode of each socket to the process with the lowest pid that holds it, as far as /proc lets us see."""
    owners: dict[int, Process] = {}
    for pid in sorted((int(name) for name in os.listdir(proc) if name.isdigit()), reverse=True):
        try:
            links = list(_socket_inodes(os.path.join(proc, str(pid), "fd")))
            if links:
                with open(os.path.join(proc, str(pid), "comm"), encoding="utf-8", errors="replace") as comm:
                    process = Process(pid, comm.read().rstrip("\n"))
                owners.update(dict.fromkeys(links, process))
        except OSError:  # another user's process, or one that has just ended
            continue
    return owners


def _socket_inodes(directory: str) -> Iterator[int]:
    for name in os.listdir(directory):
        try:
            match = SOCKET_LINK.fullmatch(os.readlink(os.path.join(directory, name)))
        except FileNotFoundError:  # closed since it was listed
            continue
        if match:
            yield int(match.group(1))


def describe(sockets: Iterable[Socket], owners: dict[int, Process]) -> list[dict[str, object]]:
    """Join sockets and processes to plain data; an unknown owner is null."""
    described: list[dict[str, object]] = []
    for socket in sockets:
        owner = owners.get(socket.inode)
        described.append(
            {
                "protocol": socket.protocol,
                "address": socket.address,
                "port": socket.port,
                "process": owner.name if owner else None,
                "pid": owner.pid if owner else None,
            }
        )
    return described
