# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a file before it is planned to change it: what it is, what it holds, whether it can be written."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from ..changes import Change
from ..changes_basic import SetState, parents
from ..host import Host
from .base import UNKNOWN, Unfit


@dataclass(frozen=True)
class Found:
    """A regular file as it is; `content` is None where there is none."""

    content: bytes | None = None
    # None: of a file that is there already, what it has.
    mode: int | None = None


def look(host: Host, path: str) -> Found:
    """Read a regular file. Unfit where something else has its name or it cannot be read."""
    place = host.path(path)
    try:
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            raise Unfit(f"{path} is a symbolic link to {os.readlink(place)}: name the file itself")
        if not stat.S_ISREG(status.st_mode):
            raise Unfit(f"{path} is no regular file")
        content = host.fs.read(place)
    except (FileNotFoundError, NotADirectoryError):
        return Found()
    except PermissionError:
        raise Unfit(f"{path} cannot be read without root", UNKNOWN) from None
    return Found(content)


def must_be_writable(host: Host, path: str) -> None:
    """Unfit where `path` cannot be replaced: its directory (or the nearest one above) does not take new files."""
    directory = os.path.dirname(host.path(path))
    while not os.path.isdir(directory) and directory != "/":
        if os.path.lexists(directory):
            raise Unfit(f"{path} cannot be created: {directory} is no directory")
        directory = os.path.dirname(directory)
    if host.fs.is_read_only(directory):
        raise Unfit(f"{path} is on a read-only file system")
    if os.geteuid() != 0 and not (os.access(directory, os.W_OK | os.X_OK) and _keeps_owner(host.path(path))):
        raise Unfit(f"{path} cannot be written: it needs root", UNKNOWN)


def _keeps_owner(place: str) -> bool:
    """Whether this user could give a new file the owner and group that the present one has."""
    try:
        now = os.lstat(place)
    except FileNotFoundError:
        return True
    return now.st_uid == os.geteuid() and now.st_gid in {os.getegid(), *os.getgroups()}


def write(host: Host, path: str, found: Found, content: bytes | None) -> list[Change]:
    """The changes after which `path` holds `content` (None: is absent), with the mode, owner and xattrs it had."""
    if content == found.content:
        return []
    must_be_writable(host, path)
    if content is None:
        return [SetState.absent(path)]
    file = SetState.file(path, content, found.mode)
    return [file] if found.content is not None else [*parents(host, path), file]
