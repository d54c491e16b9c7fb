# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files below /etc packages brought, and which of them were edited since: dpkg's own books, read without root."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# " /etc/haproxy/haproxy.cfg 0123…", perhaps with " obsolete" or " remove-on-upgrade" behind it.
CONFFILE = re.compile(r"^ (/\S.*?) ([0-9a-f]{32})(?: [a-z-]+)*$")
STATUS, LISTS, UCF = "var/lib/dpkg/status", "var/lib/dpkg/info", "var/lib/ucf/hashfile"
PACKAGE, MODIFIED, FOREIGN, UNKNOWN = "package", "modified", "foreign", "unknown"


@dataclass
class PackageFiles:
    """What packages say of /etc."""

    # Path to the MD5 that the file had when its package, or ucf, put it there.
    shipped: dict[str, str] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)
    # False: this host has no dpkg.
    known: bool = True


def parse_status(text: str) -> dict[str, str]:
    """The conffiles of /var/lib/dpkg/status; `newconffile` stands for one that was never unpacked."""
    return {match[1]: match[2] for match in map(CONFFILE.match, text.splitlines()) if match}


def read(root: str = "/") -> PackageFiles:
    """Everything; cheap enough to be read once for all files."""
    status = os.path.join(root, STATUS)
    if not os.path.exists(status):
        return PackageFiles(known=False)
    found = PackageFiles(shipped=parse_status(_text(status)))
    for line in _text(os.path.join(root, UCF)).splitlines():
        digest, _blank, path = line.partition("  ")
        found.shipped[path.strip()] = digest
    found.owned = set(_owned(os.path.join(root, LISTS)))
    return found


def origin(path: str, content: bytes, files: PackageFiles) -> str:
    """Whose a file is: as its package made it, edited since, of no package, or not to be told."""
    if not files.known:
        return UNKNOWN
    if path in files.shipped:
        return PACKAGE if digest(content) == files.shipped[path] else MODIFIED
    return PACKAGE if path in files.owned else FOREIGN


def digest(content: bytes) -> str:
    """MD5, because it is what dpkg wrote down; it protects nothing here."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _owned(directory: str) -> Iterator[str]:
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    for name in names:
        if name.endswith(".list"):
            yield from (line for line in _text(os.path.join(directory, name)).splitlines() if line.startswith("/etc/"))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except (FileNotFoundError, PermissionError):
        return ""
