# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of packages that were upgraded together, because only together can they go back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..changes import BlobStore, ChangeFailed, Kind
from ..host import Host
from ..packages.detect import upgrades

SEPARATOR = ","


def target_of(names: Sequence[str]) -> str:
    """The target that stands for these packages."""
    return SEPARATOR.join(sorted(names))


class PackageVersionsKind(Kind):
    """State: {"versions": {name: version}}; a package that is not installed is not in it."""

    name = "package_versions"
    # Nobody who takes evenkeel's work back wants the security holes of the first day.
    has_pristine: ClassVar[bool] = False

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The installed versions."""
        return {"versions": upgrades(host).versions(target.split(SEPARATOR))}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Bring back the versions that can still be had, in one transaction; the others stay, and `differing` has them."""
        manager = upgrades(host)
        present = self.capture(target, host, blobs)["versions"]
        due = {name: version for name, version in state["versions"].items() if present.get(name) != version}
        for command in manager.at_versions(due):
            result = manager.run(command)
            if not result.ok:
                raise ChangeFailed(f"{' '.join(command.argv)} returned {result.rc}: {result.words}")

    def put_back(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Packages are never downgraded with nobody watching: the next upgrade finishes what was cut off."""

    def differing(self, target: str, one: dict[str, Any], other: dict[str, Any]) -> list[str]:
        """Package by package."""
        is_now, was = one["versions"], other["versions"]
        names = [name for name in target.split(SEPARATOR) if is_now.get(name) != was.get(name)]
        return [f"package {name} {is_now.get(name)} (was {was.get(name)}, which cannot be had)" for name in names]
