# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, mode and extended attributes alone: for trees whose content is not ours and may be big."""

from __future__ import annotations

from typing import Any

from ..changes import BlobStore, ChangeFailed, Kind
from ..host import Host
from .path import capture_meta, decode_xattrs, same_where_both_speak, settle


class MetaKind(Kind):
    """The metadata of something that exists; it is never made or removed."""

    name = "meta"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The present metadata."""
        return capture_meta(host.path(target), host.fs)

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two states agree in all that both speak of."""
        return same_where_both_speak(one, other)

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Bring the metadata to `state`; a thing that is gone is left alone, one of another type is refused."""
        path = host.path(target)
        present = capture_meta(path, host.fs)["type"]
        if "absent" in (present, state.get("type")):
            return
        if present != state.get("type", present):
            raise ChangeFailed(f"{target} is now a {present} and was a {state['type']}: its metadata is left alone")
        changed = host.fs.set_meta(path, state.get("mode"), state.get("uid"), state.get("gid"), decode_xattrs(state))
        if changed and present in ("file", "directory"):
            settle(path, host.fs)
