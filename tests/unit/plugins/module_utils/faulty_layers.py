# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File layers that die after any primitive, and that forget, like a disk after a power cut, what was never synced."""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.fs import PRIMITIVES, FileLayer


class Crash(BaseException):
    """The process died: no `except OSError` and no `except Exception` may notice."""


class CrashingLayer(FileLayer):
    """Counts primitives and dies after number `crash_after`; nothing can be changed after that."""

    def __init__(self, crash_after: int | None = None, torn: bool = False) -> None:
        self.crash_after = crash_after
        # The last write before the crash only got half through.
        self.torn = torn
        self.calls: list[str] = []
        self.crashed = False

    @property
    def counts(self) -> Counter[str]:
        """How often each primitive was called."""
        return Counter(self.calls)

    def call(self, name: str, *arguments: Any) -> Any:
        """Do one primitive, then die where that was the last one."""
        if self.crashed:
            raise Crash
        last = self.crash_after == len(self.calls) + 1
        if last and self.torn and name == "write":
            arguments = (arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        result = self.perform(name, *arguments)
        self.calls.append(name)
        if last:
            self.crashed = True
            raise Crash
        return result

    def perform(self, name: str, *arguments: Any) -> Any:
        """Do it. Syncing the real disk is of no use to a test that only kills."""
        if name in ("fsync", "fsync_path"):
            return None
        return getattr(FileLayer, name)(self, *arguments)


def _counted(name: str) -> Callable[..., Any]:
    def primitive(self: CrashingLayer, *arguments: Any) -> Any:
        return self.call(name, *arguments)

    return primitive


for _name in PRIMITIVES:
    setattr(CrashingLayer, _name, _counted(_name))


@dataclass
class Op:
    """One change that may be lost: durable when `place` (a directory or an inode) is synced."""

    place: Any
    take_back: Callable[[], None]


class LossyLayer(CrashingLayer):
    """Remembers what was not synced. `power_cut` takes it back.

    `keep`: how much of the unsynced names and metadata the disk happened to have written: `none`, `all`, or a random
    first part. The content of a file that was not synced is always lost.
    """

    def __init__(self, stash: Path, crash_after: int | None = None) -> None:
        super().__init__(crash_after)
        self.stash = stash
        self.ops: list[Op] = []
        # Inode → content as of its last sync.
        self.unsynced: dict[int, bytes] = {}

    def perform(self, name: str, *arguments: Any) -> Any:
        """Note how to take the primitive back, then do it."""
        note = getattr(self, f"_note_{name}", None)
        after = note(*arguments) if note else None
        result = getattr(FileLayer, name)(self, *arguments) if not name.startswith("fsync") else None
        if after:
            after()
        return result

    def _lose(self, place: Any, take_back: Callable[[], None]) -> None:
        self.ops.append(Op(place, take_back))

    def _saved(self, path: str) -> str | None:
        """A second name, out of the tree, for what a primitive will take the name from."""
        if not os.path.lexists(path):
            return None
        saved = str(self.stash / str(len(list(self.stash.iterdir()))))
        os.link(path, saved, follow_symlinks=False)
        return saved

    def _note_create(self, path: str, mode: int = 0o600) -> Callable[[], None]:
        self._lose(os.path.dirname(path), lambda: os.unlink(path))
        return lambda: self.unsynced.update({os.lstat(path).st_ino: b""})

    def _note_open_lock(self, path: str) -> None:
        return None

    def _note_write(self, fd: int, content: bytes) -> None:
        self._dirty(os.fstat(fd).st_ino, f"/proc/self/fd/{fd}")

    def _note_truncate(self, fd: int, size: int) -> None:
        self._dirty(os.fstat(fd).st_ino, f"/proc/self/fd/{fd}")

    def _dirty(self, inode: int, path: str) -> None:
        if inode not in self.unsynced:
            self.unsynced[inode] = Path(path).read_bytes()

    def _note_fsync(self, fd: int) -> None:
        self._sync_inode(os.fstat(fd).st_ino)

    def _note_fsync_path(self, path: str) -> None:
        self.ops = [op for op in self.ops if op.place != path]
        self._sync_inode(os.lstat(path).st_ino)

    def _sync_inode(self, inode: int) -> None:
        self.unsynced.pop(inode, None)
        self.ops = [op for op in self.ops if op.place != inode]

    def _note_rename(self, source: str, target: str) -> None:
        saved = self._saved(target)

        def back() -> None:
            os.rename(target, source)
            if saved:
                os.link(saved, target, follow_symlinks=False)

        self._lose(os.path.dirname(target), back)

    def _note_unlink(self, path: str) -> None:
        saved = self._saved(path)
        assert saved
        self._lose(os.path.dirname(path), lambda: os.link(saved, path, follow_symlinks=False))

    def _note_mkdir(self, path: str, mode: int = 0o700) -> None:
        self._lose(os.path.dirname(path), lambda: shutil.rmtree(path))

    def _note_rmdir(self, path: str) -> None:
        status, xattrs = os.lstat(path), self.xattrs(path)

        def back() -> None:
            os.mkdir(path)
            os.chown(path, status.st_uid, status.st_gid)
            for name, value in xattrs.items():
                os.setxattr(path, name, value)
            os.chmod(path, stat.S_IMODE(status.st_mode))

        self._lose(os.path.dirname(path), back)

    def _note_symlink(self, to: str, path: str) -> None:
        self._lose(os.path.dirname(path), lambda: os.unlink(path))

    def _note_chmod(self, path: str, mode: int) -> None:
        before = os.lstat(path)
        self._lose(before.st_ino, lambda: os.chmod(path, stat.S_IMODE(before.st_mode)))

    def _note_chown(self, path: str, uid: int, gid: int) -> None:
        before = os.lstat(path)
        # Symbolic links cannot be synced: their inode goes with their directory.
        place = os.path.dirname(path) if stat.S_ISLNK(before.st_mode) else before.st_ino
        self._lose(place, lambda: os.chown(path, before.st_uid, before.st_gid, follow_symlinks=False))

    def _note_setxattr(self, path: str, name: str, value: bytes) -> None:
        before = self.xattrs(path).get(name)

        def back() -> None:
            if before is None:
                os.removexattr(path, name)
            else:
                os.setxattr(path, name, before)

        self._lose(os.lstat(path).st_ino, back)

    def _note_removexattr(self, path: str, name: str) -> None:
        before = self.xattrs(path)[name]
        self._lose(os.lstat(path).st_ino, lambda: os.setxattr(path, name, before))

    def power_cut(self, root: Path, keep: str, chance: random.Random) -> None:
        """What the disk holds when the machine comes up again."""
        kept = {"all": len(self.ops), "none": 0, "some": chance.randint(0, len(self.ops))}[keep]
        for op in reversed(self.ops[kept:]):
            try:
                op.take_back()
            except FileNotFoundError:
                # Its directory was lost before.
                continue
        for path in root.rglob("*"):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_ino in self.unsynced:
                path.chmod(0o600)
                path.write_bytes(self.unsynced[status.st_ino])
                path.chmod(stat.S_IMODE(status.st_mode))
