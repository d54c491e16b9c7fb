# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the Vault agent: out of the file or archive that it comes in, to its place on the host."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from .changes import BlobStore, Change, ChangeFailed, State
from .fs import temporary_name
from .host import Host

NAMES = ("vault", "bao")
CHUNK = 1 << 20


def sha256_of(path: str) -> str:
    """The digest of a file of any size."""
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            total.update(chunk)
    return total.hexdigest()


def is_installed(path: str, host: Host) -> bool:
    """Whether a program is there that only root can change. Its name holds the digest of what it was made from."""
    try:
        found = host.fs.lstat(host.path(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o755 and found.st_uid == 0


@contextmanager
def opened(source: str) -> Iterator[IO[bytes]]:
    """The program in `source`: a .zip, a .tar.gz, or itself."""
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as bundle, bundle.open(_member(source, bundle.namelist())) as stream:
            yield stream
    elif tarfile.is_tarfile(source):
        with tarfile.open(source) as ball:
            name = _member(source, [member.name for member in ball.getmembers() if member.isfile()])
            stream = ball.extractfile(name)  # type: ignore[assignment]  # a regular file has one
            yield stream
    else:
        with open(source, "rb") as stream:
            yield stream


def _member(source: str, names: Sequence[str]) -> str:
    for name in names:
        if os.path.basename(name) in NAMES:
            return name
    raise ChangeFailed(f"The archive {os.path.basename(source)} holds no file that is named {' or '.join(NAMES)}")


class PutProgram(Change):
    """Copies the program to its place, whole or not at all. `source` is on this host, and was compared before."""

    def __init__(self, source: str, path: str) -> None:
        self.source = source
        self.path = path

    def touches(self) -> Sequence[tuple[str, str]]:
        """The program."""
        return [("fetched_file", self.path)]

    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """It is there."""
        return {"present": True}

    def apply(self, host: Host, blobs: BlobStore) -> None:
        """Write beside it, then rename."""
        place = host.path(self.path)
        new = temporary_name(place)
        host.fs.discard(new)
        with opened(self.source) as source, os.fdopen(host.fs.create(new), "wb") as stream:
            shutil.copyfileobj(source, stream, CHUNK)
            os.fchown(stream.fileno(), 0, 0)
            os.fchmod(stream.fileno(), 0o755)
            stream.flush()
            host.fs.fsync(stream.fileno())
        host.fs.rename(new, place)
        host.fs.fsync_dir(os.path.dirname(place))
