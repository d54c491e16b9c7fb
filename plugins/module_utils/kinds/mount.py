# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mounted file system: whether it is mounted, and with which options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..changes import BlobStore, ChangeFailed, Kind
from ..host import Host

# Flags of the mount point itself, which `remount,bind` sets without touching the file system's own options.
VFS_FLAGS = {
    *("rw", "ro", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "nosymfollow", "symfollow"),
    *("noatime", "atime", "relatime", "norelatime", "strictatime", "nodiratime", "diratime"),
}
CLEARING = {
    **{"ro": "rw", "nosuid": "suid", "nodev": "dev", "noexec": "exec"},
    **{"nosymfollow": "symfollow", "noatime": "atime", "nodiratime": "diratime"},
}
# The kernel shows the size of a tmpfs in KiB.
SIZE = re.compile(r"size=(\d+)k$")
# What a file system option is when it is not shown.
UNSHOWN = {"hidepid": "0", "gid": "0"}


@dataclass(frozen=True)
class MountInfo:
    """One line of /proc/self/mountinfo."""

    path: str
    options: tuple[str, ...]
    fstype: str
    source: str
    super_options: tuple[str, ...]
    # Numbers of the device, and the directory of its file system that is mounted: not / for bind mounts and subvolumes.
    device: str
    root: str


def unescape(field: str) -> str:
    """fstab and mountinfo write blanks and backslashes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), field)


def mount_lines(text: str) -> Iterator[MountInfo]:
    """The lines of mountinfo, in the order in which they were mounted."""
    for line in text.splitlines():
        left, _rest, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        if len(fields) < 6 or len(tail) < 3:
            continue
        path = unescape(fields[4])
        options, super_options = tuple(fields[5].split(",")), tuple(tail[2].split(","))
        yield MountInfo(path, options, tail[0], unescape(tail[1]), super_options, fields[2], unescape(fields[3]))


def parse_mountinfo(text: str) -> dict[str, MountInfo]:
    """The mounts by mount point; of several on one point the last, which is on top."""
    return {mount.path: mount for mount in mount_lines(text)}


def mountinfo(host: Host) -> str:
    """What the kernel tells this process of its mounts. FileNotFoundError where there is no /proc."""
    return host.fs.read(host.path("/proc/self/mountinfo")).decode("utf-8", "surrogateescape")


def read_mounts(host: Host) -> dict[str, MountInfo]:
    """The mounts that this process sees."""
    try:
        return parse_mountinfo(mountinfo(host))
    except FileNotFoundError:
        return {}


class MountKind(Kind):
    """State: mounted, options (of the mount point), super (of the file system).

    A new mount is wanted by source, fstype and mount_options.
    """

    name = "mount"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """What the kernel says of the mount point."""
        found = read_mounts(host).get(target)
        if found is None:
            return {"mounted": False}
        return {
            "mounted": True,
            "options": ",".join(sorted(found.options)),
            "super": ",".join(sorted(_with_size(found, host))),
        }

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Equal in everything that both of them say; the order of options does not count."""
        if "super" in one and "super" in other and _sizes_differ(one["super"], other["super"]):
            return False
        return all(_comparable(one[key]) == _comparable(other[key]) for key in one.keys() & other.keys())

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Unmount, mount or remount; running programs keep their files."""
        found = read_mounts(host).get(target)
        if not state["mounted"]:
            if found is not None and not host.run(["umount", target]).ok:
                host.must(["umount", "--lazy", target])
            return
        if found is None:
            if "source" not in state:
                raise ChangeFailed(f"{target} is no longer mounted and cannot be remounted")
            options = ["--types", state["fstype"], "--options", state["mount_options"]]
            host.must(["mount", *options, state["source"], target])
            return
        self._remount(target, state, found, host)

    def _remount(self, target: str, state: dict[str, Any], found: MountInfo, host: Host) -> None:
        wanted = _options(state.get("options", ""))
        if wanted and wanted != set(found.options):
            # Newer releases of mount clear only what is named.
            cleared = [CLEARING[flag] for flag in sorted(set(found.options) - wanted) if flag in CLEARING]
            self._mount_again(found, ["bind", *cleared, *sorted(wanted)], host)
        shown, asked = _with_size(found, host), str(state.get("super", ""))
        if not _sizes_differ(",".join(shown), asked):
            shown, asked = _but_size(shown), ",".join(_but_size(_options(asked)))
        changed = super_difference(shown, asked)
        if changed:
            self._mount_again(found, changed, host)

    def _mount_again(self, found: MountInfo, options: list[str], host: Host) -> None:
        # fstab may say something else at this moment, and mount would merge it.
        words = ["--options-mode", "ignore", "--options", ",".join(["remount", *options])]
        host.must(["mount", *words, found.source, found.path])


def super_difference(found: tuple[str, ...], wanted: str) -> list[str]:
    """The file system's own options that must be given again so that they are as `wanted` says."""
    if not wanted:
        return []
    before, after = set(found), _options(wanted)
    gone = {option.partition("=")[0] for option in before - after} - {option.partition("=")[0] for option in after}
    return sorted(after - before) + sorted(f"{key}={UNSHOWN[key]}" for key in gone & UNSHOWN.keys())


def _with_size(found: MountInfo, host: Host) -> tuple[str, ...]:
    """The file system's own options; of a tmpfs also its size where the kernel does not show it: half of the memory."""
    if found.fstype != "tmpfs" or any(map(SIZE.match, found.super_options)):
        return found.super_options
    try:
        text = host.fs.read(host.path("/proc/meminfo")).decode("ascii", "replace")
    except FileNotFoundError:
        return found.super_options
    memory = re.search(r"^MemTotal:\s+(\d+) kB", text, re.MULTILINE)
    return (*found.super_options, f"size={int(memory.group(1)) // 2}k") if memory else found.super_options


def _sizes_differ(one: str, other: str) -> bool:
    """A tmpfs with a share of the memory has some pages more or less at each boot: within a hundredth is the same."""
    first, second = _size(one), _size(other)
    return abs(first - second) * 100 > max(first, second)


def _size(super_options: str) -> int:
    """The size of a tmpfs in KiB; 0 without one."""
    return next((int(match.group(1)) for match in map(SIZE.match, super_options.split(",")) if match), 0)


def _but_size(options: Iterable[str]) -> tuple[str, ...]:
    """The options without the size of a tmpfs."""
    return tuple(option for option in options if not SIZE.match(option))


def _comparable(value: Any) -> Any:
    """Options as a set, without a size; what is no text as it is."""
    return set(_but_size(_options(value))) if isinstance(value, str) else value


def _options(text: str) -> set[str]:
    return {option for option in text.split(",") if option}
