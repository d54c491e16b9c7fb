# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module of the running kernel: loaded or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..changes import BlobStore, ChangeFailed, Kind
from ..host import Host


@dataclass(frozen=True)
class LoadedModule:
    """One line of /proc/modules."""

    references: int
    holders: tuple[str, ...]


def canonical(name: str) -> str:
    """The kernel's spelling: `usb-storage` and `usb_storage` are one module."""
    return name.replace("-", "_")


def loaded_modules(host: Host) -> dict[str, LoadedModule]:
    """The modules of the running kernel by canonical name."""
    try:
        text = host.fs.read(host.path("/proc/modules")).decode()
    except FileNotFoundError:
        return {}
    modules = {}
    for line in text.splitlines():
        name, _rest, references, holders = line.split()[:4]
        users = tuple(user for user in holders.split(",") if user not in ("", "-", "[permanent]"))
        modules[canonical(name)] = LoadedModule(int(references) if references.isdigit() else 1, users)
    return modules


class KernelModuleKind(Kind):
    """State: {"loaded": bool}."""

    name = "kernel_module"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """Whether the kernel has it."""
        return {"loaded": canonical(target) in loaded_modules(host)}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Load it past any `install … /bin/false` line, or unload it where nothing uses it."""
        found = loaded_modules(host).get(canonical(target))
        if state["loaded"] and found is None:
            host.must(["modprobe", "--ignore-install", "--", target])
        if not state["loaded"] and found is not None:
            if found.references or found.holders:
                raise ChangeFailed(f"kernel module {target} is in use ({', '.join(found.holders) or 'by the kernel'})")
            host.must(["modprobe", "--remove", "--", target])
