# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of packages that were upgraded together, because only together can they go back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..changes import BlobStore, Kind
from ..host import Host
from ..packages.apt_upgrade import AptUpgrade

SEPARATOR = ","


def target_of(names: Iterable[str]) -> str:
    """The target that stands for these packages."""
    return SEPARATOR.join(sorted(names))


class PackageVersionsKind(Kind):
    """State: {"versions": {name: version}}; a package that is not installed is not in it."""

    name = "package_versions"
    # Packages are never downgraded with nobody watching: what was cut off is finished by the next upgrade.
    forward: ClassVar[bool] = True
    # Nobody who takes evenkeel's work back wants the security holes of the first day.
    has_pristine: ClassVar[bool] = False

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The installed versions."""
        return {"versions": AptUpgrade(host).versions(target.split(SEPARATOR))}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Bring back the versions that can still be had, in one transaction; `differing` has the others."""
        apt = AptUpgrade(host)
        due = apt.obtainable(self._due(target, state, host))
        if due:
            apt.go_back(due)

    def _due(self, target: str, state: dict[str, Any], host: Host) -> dict[str, str]:
        present = AptUpgrade(host).versions(target.split(SEPARATOR))
        return {name: version for name, version in state["versions"].items() if present.get(name) != version}

    def lost(self, target: str, state: dict[str, Any], host: Host) -> list[str]:
        """Versions that neither a source nor the package cache has."""
        due = self._due(target, state, host)
        there = AptUpgrade(host).obtainable(due)
        return [_words(name, version) for name, version in due.items() if name not in there]

    def differing(self, target: str, now: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
        """Package by package."""
        versions = wanted["versions"]
        return [_words(name, versions[name]) for name in versions if now["versions"].get(name) != versions[name]]


def _words(name: str, version: str) -> str:
    return f"package {name}: version {version} cannot be had any more"
