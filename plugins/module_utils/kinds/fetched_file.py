# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large file that can be got again where it came from: the journal notes that it was there, not what it holds."""

from __future__ import annotations

import os
from typing import Any

from ..changes import BlobStore, ChangeFailed, Kind
from ..fs import temporary_name
from ..host import Host


class FetchedFileKind(Kind):
    """State: {"present": bool}."""

    name = "fetched_file"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """Whether it is there."""
        return {"present": host.fs.exists(host.path(target))}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Remove it. To have it back is for whoever fetched it."""
        place = host.path(target)
        host.fs.discard(temporary_name(place))
        if state["present"]:
            if not host.fs.exists(place):
                raise ChangeFailed(f"{target} is not kept in the journal: run the role that fetched it again")
            return
        if host.fs.discard(place):
            host.fs.fsync_dir(os.path.dirname(place))
