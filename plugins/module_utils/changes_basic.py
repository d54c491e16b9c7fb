# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two changes that every front end is made of: bring something to a state, or run a tool that does."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .blobs import Either, MemoryBlobs, digest_of
from .changes import BlobStore, Change, State
from .host import CommandFailed, Host
from .kinds.path import encode_xattrs
from .kinds.registry import KINDS

# Kinds whose target is a place in a file system.
PATH_KINDS = ("path", "meta", "kernel_value")


def _spoken(**keys: Any) -> dict[str, Any]:
    """A state of the keys that are given."""
    return {key: value for key, value in keys.items() if value is not None}


@dataclass
class SetState(Change):
    """Brings one target to a state that is fully known before."""

    kind: str
    target: str
    state: dict[str, Any]
    content: bytes | None = None
    # Where the bytes of `state` are, when `content` does not hold them.
    source: BlobStore | None = None
    # What stands there may be of another type (a symbolic link, say); else that is refused before anything is touched.
    replace: bool = False
    # Undoing this needs a reboot.
    one_way: bool = False

    @classmethod
    def file(
        cls,
        path: str,
        content: bytes,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        xattrs: dict[str, bytes] | None = None,
        replace: bool = False,
    ) -> SetState:
        """A file; what is not given is kept, or is 0644, the caller's own and the kernel's choice where it is new."""
        encoded = None if xattrs is None else encode_xattrs(xattrs)
        state = _spoken(
            type="file", digest=digest_of(content), size=len(content), mode=mode, uid=uid, gid=gid, xattrs=encoded
        )
        return cls("path", path, state, content=content, replace=replace)

    @classmethod
    def absent(cls, path: str) -> SetState:
        """No file, link or empty directory of this name."""
        return cls("path", path, {"type": "absent"}, replace=True)

    @classmethod
    def directory(
        cls,
        path: str,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        replace: bool = False,
    ) -> SetState:
        """A directory; its entries are of no concern."""
        return cls("path", path, _spoken(type="directory", mode=mode, uid=uid, gid=gid), replace=replace)

    @classmethod
    def symlink(cls, path: str, to: str, replace: bool = False) -> SetState:
        """A symbolic link that leads to `to`."""
        return cls("path", path, {"type": "symlink", "to": to}, replace=replace)

    @classmethod
    def meta(
        cls,
        path: str,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        xattrs: dict[str, bytes] | None = None,
    ) -> SetState:
        """Owner, mode and extended attributes of something that exists; its content is not looked at."""
        encoded = None if xattrs is None else encode_xattrs(xattrs)
        return cls("meta", path, _spoken(mode=mode, uid=uid, gid=gid, xattrs=encoded))

    @classmethod
    def value(cls, path: str, value: str, one_way: bool = False) -> SetState:
        """A value of the running kernel, by its file in /proc/sys or /sys."""
        return cls("kernel_value", path, {"value": value}, one_way=one_way)

    def touches(self) -> Sequence[tuple[str, str]]:
        """The one target."""
        return [(self.kind, self.target)]

    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """The state; its content is not kept, because nobody restores it from here."""
        return self.state

    def apply(self, host: Host, blobs: BlobStore) -> None:
        """Bring the target to the state."""
        store = blobs
        if self.content is not None:
            store = Either(MemoryBlobs(self.content), store)
        if self.source is not None:
            store = Either(self.source, store)
        KINDS[self.kind].put(self.target, self.state, host, store)


@dataclass
class RunTool(Change):
    """Runs a program that changes the host by itself; what it may touch is captured and journalled first."""

    argv: Sequence[str]
    touching: Sequence[tuple[str, str]]
    stdin: str | None = None
    env: Mapping[str, str] | None = None
    timeout: float = 300.0
    one_way: bool = False
    # Return codes that mean success.
    good: Sequence[int] = field(default=(0,))

    def touches(self) -> Sequence[tuple[str, str]]:
        """What was declared."""
        return self.touching

    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """Only the tool knows."""
        return None

    def apply(self, host: Host, blobs: BlobStore) -> None:
        """Run the program; raises CommandFailed with its own words."""
        result = host.run(self.argv, stdin=self.stdin, timeout=self.timeout, env=self.env)
        if result.rc not in self.good:
            raise CommandFailed(result)


def parents(
    host: Host, path: str, mode: int | None = None, uid: int | None = None, gid: int | None = None
) -> list[SetState]:
    """The changes that make the missing directories above `path`, outermost first."""
    missing: list[str] = []
    directory = os.path.dirname(path)
    while directory not in ("", "/") and not os.path.isdir(host.path(directory)):
        missing.append(directory)
        directory = os.path.dirname(directory)
    return [SetState.directory(each, mode, uid, gid) for each in reversed(missing)]


def removal(host: Host, path: str) -> list[SetState]:
    """The changes that remove `path` and, for a directory, all that is in it now, innermost first."""
    real = host.path(path)
    changes: list[SetState] = []
    if os.path.isdir(real) and not os.path.islink(real):
        for name in host.fs.listdir(real):
            changes += removal(host, os.path.join(path, name))
    if host.fs.exists(real):
        changes.append(SetState.absent(path))
    return changes
