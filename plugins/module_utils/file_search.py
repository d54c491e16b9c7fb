# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One walk over the file systems that are the host's own, for all who look for stray files."""

from __future__ import annotations

import fnmatch
import grp
import os
import pwd
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .host import Host
from .kinds.mount import mount_lines, mountinfo

# Kept on a disk of this host. Others are the kernel's own, are gone at the next boot, or belong to another machine.
ON_DISK = ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs", "zfs", "bcachefs")
# Parts of one file system that stand beside each other, each with a root of its own.
SUBVOLUMES = ("btrfs", "zfs", "bcachefs")
SUID = stat.S_ISUID | stat.S_ISGID


class TookTooLong(Exception):
    """The walk was given up."""


@dataclass(frozen=True)
class Stray:
    """A path as it was found."""

    path: str
    mode: int
    uid: int
    gid: int


class Names:
    """Which numbers of users and groups have a name here; each is asked for once."""

    def __init__(self) -> None:
        self._users: dict[int, bool] = {}
        self._groups: dict[int, bool] = {}

    def has_user(self, uid: int) -> bool:
        """Whether a user has this number."""
        if uid not in self._users:
            self._users[uid] = _is_known(pwd.getpwuid, uid)
        return self._users[uid]

    def has_group(self, gid: int) -> bool:
        """Whether a group has this number."""
        if gid not in self._groups:
            self._groups[gid] = _is_known(grp.getgrgid, gid)
        return self._groups[gid]


def _is_known(ask: Callable[[int], object], number: int) -> bool:
    try:
        ask(number)
    except KeyError:
        return False
    return True


def is_world_writable(now: os.stat_result, _names: Names) -> bool:
    """A plain file that anybody writes."""
    return stat.S_ISREG(now.st_mode) and bool(now.st_mode & stat.S_IWOTH)


def lacks_sticky_bit(now: os.stat_result, _names: Names) -> bool:
    """A directory in which anybody deletes what others have put there."""
    return stat.S_ISDIR(now.st_mode) and bool(now.st_mode & stat.S_IWOTH) and not now.st_mode & stat.S_ISVTX


def is_unowned(now: os.stat_result, names: Names) -> bool:
    """Anything whose user or group has no name."""
    return not (names.has_user(now.st_uid) and names.has_group(now.st_gid))


def has_suid(now: os.stat_result, _names: Names) -> bool:
    """A plain file that runs with the rights of its owner or group."""
    return stat.S_ISREG(now.st_mode) and bool(now.st_mode & SUID)


FINDINGS: dict[str, Callable[[os.stat_result, Names], bool]] = {
    "world_writable": is_world_writable,
    "no_sticky_bit": lacks_sticky_bit,
    "unowned": is_unowned,
    "suid": has_suid,
}


def mount_points(host: Host) -> list[str]:
    """The root, and where file systems on disk are mounted as a whole; the same one twice is one."""
    found: dict[tuple[str, str], str] = {}
    for mount in mount_lines(mountinfo(host)):
        whole = mount.root == "/" or mount.fstype in SUBVOLUMES
        if mount.path == "/" or (mount.fstype in ON_DISK and whole):
            found.setdefault((mount.device, mount.root), mount.path)
    return sorted({"/", *found.values()})


def search(host: Host, findings: Sequence[str], skip: Sequence[str], patience: float) -> dict[str, list[Stray]]:
    """What is found of each kind, sorted. `skip` are patterns of paths that are not entered.

    PermissionError where a directory cannot be read, TookTooLong after `patience` seconds.
    """
    names, deadline = Names(), time.monotonic() + patience
    left_out = re.compile("|".join(fnmatch.translate(pattern) for pattern in skip) or r"(?!)")
    strays: dict[str, list[Stray]] = {finding: [] for finding in findings}
    for point in mount_points(host):
        for path, now in _walk(host, point, left_out, deadline):
            for finding in findings:
                if FINDINGS[finding](now, names):
                    strays[finding].append(Stray(path, stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid))
    return {finding: sorted(found, key=lambda stray: stray.path) for finding, found in strays.items()}


def _walk(host: Host, top: str, left_out: re.Pattern[str], deadline: float) -> Iterator[tuple[str, os.stat_result]]:
    """All that is below, on one file system; what vanishes meanwhile is passed over."""
    try:
        first = os.lstat(host.path(top))
    except FileNotFoundError:
        return
    yield top, first
    waiting = [top] if stat.S_ISDIR(first.st_mode) else []
    while waiting:
        if time.monotonic() > deadline:
            raise TookTooLong
        directory = waiting.pop()
        for path, now in _entries(host, directory):
            if now.st_dev != first.st_dev or left_out.match(path):
                continue
            yield path, now
            if stat.S_ISDIR(now.st_mode):
                waiting.append(path)


def _entries(host: Host, directory: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(host.path(directory)) as entries:
            for entry in entries:
                try:
                    yield os.path.join(directory, entry.name), entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
    except (FileNotFoundError, NotADirectoryError):
        return
