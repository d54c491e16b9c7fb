# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of states are kept: in a directory, in memory, or nowhere."""

from __future__ import annotations

import hashlib
import os

from .changes import BlobStore
from .fs import FileLayer


def digest_of(content: bytes) -> str:
    """SHA-256 as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


class MemoryBlobs(BlobStore):
    """Keeps blobs for the time of one call."""

    def __init__(self, content: bytes | None = None) -> None:
        self.kept: dict[str, bytes] = {}
        if content is not None:
            self.put(content)

    def put(self, content: bytes) -> str:
        """Keep `content`."""
        digest = digest_of(content)
        self.kept[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes kept under `digest`."""
        return self.kept[digest]


class DigestOnly(BlobStore):
    """Keeps nothing: for states that are only compared."""

    def put(self, content: bytes) -> str:
        """Return the digest."""
        return digest_of(content)

    def get(self, digest: str) -> bytes:
        """There is nothing to get."""
        raise KeyError(digest)


class DirectoryBlobs(BlobStore):
    """One file per blob, 0600 in a directory of 0700. The caller makes the directory's entries durable."""

    def __init__(self, directory: str, fs: FileLayer) -> None:
        self.directory = directory
        self.fs = fs

    def put(self, content: bytes) -> str:
        """Write `content` under its digest, once."""
        digest = digest_of(content)
        path = os.path.join(self.directory, digest)
        if self._whole(path, content):
            return digest
        self.fs.discard(path)
        self.fs.write_new(path, content)
        return digest

    def _whole(self, path: str, content: bytes) -> bool:
        """Whether the blob is there and was not cut off by a crash."""
        return self.fs.exists(path) and self.fs.lstat(path).st_size == len(content) and self.fs.read(path) == content

    def get(self, digest: str) -> bytes:
        """The bytes kept under `digest`; KeyError where they are missing or damaged."""
        try:
            content = self.fs.read(os.path.join(self.directory, digest))
        except FileNotFoundError:
            raise KeyError(digest) from None
        if digest_of(content) != digest:
            raise KeyError(digest)
        return content


class Either(BlobStore):
    """Looks in `first`, then in `second`; keeps in `second`."""

    def __init__(self, first: BlobStore, second: BlobStore) -> None:
        self.first = first
        self.second = second

    def put(self, content: bytes) -> str:
        """Keep `content` in the second store."""
        return self.second.put(content)

    def get(self, digest: str) -> bytes:
        """The bytes from whichever store has them."""
        try:
            return self.first.get(digest)
        except KeyError:
            return self.second.get(digest)
