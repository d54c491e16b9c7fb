# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a program of the host keeps by itself, by the list of them that it keeps, too.

Their contents change without us and may be secrets: they are never read, kept or compared. Restoring "there was no
list" removes every file that the list names then, the list, and the directories that the list names and that are empty.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ..changes import BlobStore, ChangeFailed, Kind
from ..host import Host


def listed(content: bytes, key: str = "files") -> list[str]:
    """The paths of a list; ValueError where it is none."""
    found = json.loads(content)
    paths = found.get(key) if isinstance(found, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, str) and os.path.isabs(path) for path in paths):
        raise ValueError("it is no list of absolute paths")
    return paths


class KeptFilesKind(Kind):
    """State: {"present": bool}; the target is the path of the list."""

    name = "kept_files"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """Whether there is a list."""
        return {"present": host.fs.exists(host.path(target))}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Remove all of it. What its program removed can only be brought back by that program."""
        if state["present"] or not host.fs.exists(host.path(target)):
            return
        try:
            content = host.fs.read(host.path(target))
            paths, directories = listed(content), listed(content, "directories")
        except ValueError as error:
            raise ChangeFailed(f"{target} cannot be understood, so its files stay: {error}") from None
        for path in [*paths, target]:
            place = host.path(path)
            if host.fs.exists(place) and (os.path.islink(place) or not os.path.isdir(place)):
                host.fs.unlink(place)
        host.fs.fsync_dir(os.path.dirname(host.path(target)))
        for path in directories:
            place = host.path(path)
            if os.path.isdir(place) and not host.fs.listdir(place):
                host.fs.rmdir(place)
