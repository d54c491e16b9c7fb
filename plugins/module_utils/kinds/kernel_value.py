# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One value of the running kernel: a file of /proc/sys or /sys."""

from __future__ import annotations

import re
from typing import Any

from ..changes import BlobStore, Kind
from ..host import Host

CHOSEN = re.compile(r"\[([^\]\s]+)\]")
# Setting one of a pair makes the kernel set the other to 0, and 0 cannot be written: what counts is the other's value.
COUNTERPARTS = {
    f"/proc/sys/vm/{one}": f"/proc/sys/vm/{other}"
    for pair in (("dirty_ratio", "dirty_bytes"), ("dirty_background_ratio", "dirty_background_bytes"))
    for one, other in (pair, pair[::-1])
}


class KernelValueKind(Kind):
    """What a file of /proc/sys or /sys says, without the blanks that the kernel puts around it."""

    name = "kernel_value"
    of_the_kernel = True

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The present value; `absent` where this kernel has no such file, `unreadable` where it only takes values."""
        try:
            text = host.fs.read(host.path(target)).decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return {"absent": True}
        except PermissionError:
            return {"unreadable": True}
        state = {"value": text.strip()}
        other = COUNTERPARTS.get(target)
        if other and state["value"] == "0" and host.fs.exists(host.path(other)):
            state["counterpart"] = host.fs.read(host.path(other)).decode("ascii", "replace").strip()
        return state

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two states mean the same value: blanks and the choices not taken do not count."""
        if "value" in one and "value" in other:
            counterparts = [state["counterpart"] for state in (one, other) if "counterpart" in state]
            return plain(one["value"]) == plain(other["value"]) and len(set(counterparts)) < 2
        return one == other

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Write the value; there is nothing to do for a file that was not there or cannot be read."""
        if "counterpart" in state:
            host.fs.write_pseudo(
                host.path(COUNTERPARTS[target]), f"{state['counterpart']}\n".encode("ascii", "replace")
            )
        elif "value" in state:
            host.fs.write_pseudo(host.path(target), f"{plain(state['value'])}\n".encode("utf-8", "surrogateescape"))


def plain(value: str) -> str:
    """A value as it is written: `always [madvise] never` is written as `madvise`."""
    chosen = CHOSEN.search(value)
    return chosen.group(1) if chosen else " ".join(value.split())
