# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a directory has: what was put there since is removed again. Its entries themselves are of kind `path`."""

from __future__ import annotations

import os
from typing import Any

from ..changes import BlobStore, Kind
from ..host import Host


class ListingKind(Kind):
    """State: {"names": [...]}; no names where there is no such directory."""

    name = "listing"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The names in the directory, sorted."""
        path = host.path(target)
        return {"names": host.fs.listdir(path) if _is_directory(path) else []}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Remove what was not there. The directory itself is the business of its own `path` entry."""
        path = host.path(target)
        if not _is_directory(path):
            return
        for name in sorted(set(host.fs.listdir(path)) - set(state["names"])):
            host.fs.remove_tree(os.path.join(path, name))
        host.fs.fsync_dir(path)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
