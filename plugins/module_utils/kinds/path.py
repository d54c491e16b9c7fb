# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, directories and symbolic links: content, owner, mode, extended attributes, or absence.

A key that a state does not have is of no concern: it is kept where the thing exists, and has a default where it is new.
States that were captured have every key.
"""

from __future__ import annotations

import base64
import errno
import os
import stat
from typing import Any

from ..blobs import digest_of
from ..changes import BlobStore, ChangeFailed, Kind
from ..fs import FileLayer, temporary_name
from ..host import Host

ABSENT: dict[str, Any] = {"type": "absent"}
DEFAULT_FILE_MODE = 0o644
DEFAULT_DIRECTORY_MODE = 0o755


class NotEmpty(ChangeFailed):
    """A directory that shall go holds something that nobody planned to remove."""


def encode_xattrs(xattrs: dict[str, bytes]) -> dict[str, str]:
    """Extended attributes as JSON can hold them."""
    return {name: base64.b64encode(value).decode("ascii") for name, value in xattrs.items()}


def decode_xattrs(state: dict[str, Any]) -> dict[str, bytes] | None:
    """The extended attributes of a state, or None where it does not speak of them."""
    if "xattrs" not in state:
        return None
    return {name: base64.b64decode(value) for name, value in state["xattrs"].items()}


def type_of(mode: int) -> str:
    """The word for a file's type."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        return "symlink"
    return "special"


def capture_meta(path: str, fs: FileLayer) -> dict[str, Any]:
    """Type, owner, mode and extended attributes of what stands at `path`."""
    try:
        now = fs.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return dict(ABSENT)
    state: dict[str, Any] = {"type": type_of(now.st_mode), "uid": now.st_uid, "gid": now.st_gid}
    if state["type"] != "symlink":
        state["mode"] = stat.S_IMODE(now.st_mode)
        state["xattrs"] = encode_xattrs(fs.xattrs(path))
    return state


def same_where_both_speak(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two states agree in every key that both have."""
    return all(one[key] == other[key] for key in one.keys() & other.keys())


class PathKind(Kind):
    """One name in a file system, with all that it holds except a directory's entries."""

    name = "path"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The present state; a file's content goes into `blobs`."""
        path = host.path(target)
        state = capture_meta(path, host.fs)
        if state["type"] == "file":
            content = host.fs.read(path)
            state.update(digest=blobs.put(content), size=len(content))
        elif state["type"] == "symlink":
            state["to"] = host.fs.readlink(path)
        return state

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two states agree in all that both speak of."""
        return same_where_both_speak(one, other)

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Bring `target` to `state`; what stands in the way is removed, except a directory that is not empty."""
        path = host.path(target)
        host.fs.discard(temporary_name(path))
        wanted = {"absent": self._absent, "directory": self._directory, "symlink": self._symlink, "file": self._file}
        if state["type"] not in wanted:
            raise ChangeFailed(f"{target} was a device, socket or pipe, which cannot be made again")
        wanted[state["type"]](path, state, host.fs, blobs)

    def _absent(self, path: str, state: dict[str, Any], fs: FileLayer, blobs: BlobStore) -> None:
        present = capture_meta(path, fs)["type"]
        if present == "absent":
            return
        if present == "directory":
            self._rmdir(path, fs)
        else:
            fs.unlink(path)
        fs.fsync_dir(os.path.dirname(path))

    @staticmethod
    def _rmdir(path: str, fs: FileLayer) -> None:
        try:
            fs.rmdir(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            held = fs.listdir(path)
            shown = ", ".join(held[:5]) + (" …" if len(held) > 5 else "")
            raise NotEmpty(f"{path} is not empty, it still holds {shown}") from None

    def _directory(self, path: str, state: dict[str, Any], fs: FileLayer, blobs: BlobStore) -> None:
        mode = state.get("mode")
        if capture_meta(path, fs)["type"] != "directory":
            fs.discard(path)
            fs.mkdir(path)
            mode = DEFAULT_DIRECTORY_MODE if mode is None else mode
        fs.set_meta(path, mode, state.get("uid"), state.get("gid"), decode_xattrs(state))
        fs.fsync_dir(path)
        fs.fsync_dir(os.path.dirname(path))

    def _symlink(self, path: str, state: dict[str, Any], fs: FileLayer, blobs: BlobStore) -> None:
        present = capture_meta(path, fs)["type"]
        if present == "directory":
            self._rmdir(path, fs)
        if present == "symlink" and fs.readlink(path) == state["to"]:
            fs.set_meta(path, None, state.get("uid"), state.get("gid"))
        else:
            fs.symlink_atomic(state["to"], path, state.get("uid"), state.get("gid"))

    def _file(self, path: str, state: dict[str, Any], fs: FileLayer, blobs: BlobStore) -> None:
        present = capture_meta(path, fs)
        if present["type"] == "directory":
            self._rmdir(path, fs)
        elif present["type"] == "file":
            # What the state does not speak of stays as it is.
            state = {**present, **state}
            if digest_of(fs.read(path)) == state["digest"]:
                self._in_place(path, state, fs)
                return
        mode = state.get("mode", DEFAULT_FILE_MODE)
        content = blobs.get(state["digest"])
        fs.write_atomic(path, content, mode, state.get("uid"), state.get("gid"), decode_xattrs(state))

    @staticmethod
    def _in_place(path: str, state: dict[str, Any], fs: FileLayer) -> None:
        if fs.set_meta(path, state["mode"], state["uid"], state["gid"], decode_xattrs(state)):
            settle(path, fs)


def settle(path: str, fs: FileLayer) -> None:
    """Make changed metadata durable, as far as this user may open the file."""
    try:
        fs.fsync_path(path)
    except PermissionError:
        # Only without root, on a file that its own owner may not read.
        return
