# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An installed package and its version."""

from __future__ import annotations

from typing import Any

from ..changes import BlobStore, Kind
from ..host import Host
from ..packages.detect import package_manager

# A target that ends with this is removed again when a run that installed it is undone. Without it an installed package
# stays: others may have come to need it, and its data would go with it.
REMOVE_ON_UNDO = "#remove-on-undo"


def target_of(name: str, remove_on_undo: bool) -> str:
    """The target that stands for package `name`."""
    return f"{name}{REMOVE_ON_UNDO}" if remove_on_undo else name


class PackageKind(Kind):
    """State: {"version": text or null}."""

    name = "package"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The installed version."""
        name = target.partition("#")[0]
        return {"version": package_manager(host).installed([name]).get(name)}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Install what was there (this version, or the one to be had), or remove what was not, where that was asked."""
        name = target.partition("#")[0]
        manager = package_manager(host)
        present = manager.installed([name]).get(name)
        if state["version"] is None:
            if present is not None and target.endswith(REMOVE_ON_UNDO):
                manager.remove(name)
        elif present != state["version"]:
            manager.install_version(name, state["version"], present is not None)
