# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of paths and units for a user's own tasks: journalled like a change, though nothing is changed here."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from .changes import BlobStore, Change, State
from .host import Host

# Trees that are not files on a disk, or hold the journal's own disk: nobody means them.
NEVER = ("/dev/", "/proc/", "/run/", "/sys/")
MAX_TARGETS = 20_000
SAVED_TYPES = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


class Snapshot(Change):
    """Declares everything below `paths`, and `units`, as touched; the user's tasks then touch it."""

    def __init__(self, targets: Sequence[tuple[str, str]]) -> None:
        self.targets = list(targets)

    def touches(self) -> Sequence[tuple[str, str]]:
        """Every (kind, target)."""
        return self.targets

    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """Only the user's tasks know."""
        return None

    def apply(self, host: Host, blobs: BlobStore) -> None:
        """Nothing: the tasks between arming and confirming do it."""


def problems(paths: Sequence[str], units: Sequence[str], state_dir: str) -> list[str]:
    """What is wrong with the wish itself: one sentence each."""
    found = []
    for path in paths:
        if not os.path.isabs(path):
            found.append(f"paths: {path!r} is not absolute; allowed: absolute paths of files and directories")
        elif _is_never(os.path.normpath(path)):
            found.append(f"paths: {path!r} cannot be snapshotted; name the directories below it that you change")
        elif os.path.commonpath([os.path.normpath(path), os.path.normpath(state_dir)]) == os.path.normpath(path):
            found.append(f"paths: {path!r} holds the journal {state_dir} itself; name the directories that you change")
    found += [
        f"units: {unit!r} has no suffix; allowed: full unit names like ssh.service" for unit in units if "." not in unit
    ]
    if not paths and not units:
        found.append("paths and units are both empty; give what your tasks change")
    return found


def _is_never(path: str) -> bool:
    return path == "/" or f"{path}/".startswith(NEVER)


def targets(host: Host, paths: Sequence[str], units: Sequence[str]) -> list[tuple[str, str]]:
    """What to journal. It is put back in reverse: children, then their directories, then the units.

    Sockets, pipes and devices are left alone.
    """
    found: dict[tuple[str, str], None] = {("unit", unit): None for unit in units}
    for path in paths:
        _collect(host, os.path.normpath(path), found)
    return list(found)


def _collect(host: Host, path: str, found: dict[tuple[str, str], None]) -> None:
    place = host.path(path)
    mode = os.lstat(place).st_mode if os.path.lexists(place) else 0
    if mode and stat.S_IFMT(mode) not in SAVED_TYPES:
        return
    found[("path", path)] = None
    if len(found) > MAX_TARGETS:
        raise ValueError(
            f"paths: more than {MAX_TARGETS} files below the given paths; name only what your tasks change"
        )
    if not mode or stat.S_ISDIR(mode):
        found[("listing", path)] = None
    if stat.S_ISDIR(mode):
        for name in sorted(host.fs.listdir(place)):
            _collect(host, os.path.join(path, name), found)
