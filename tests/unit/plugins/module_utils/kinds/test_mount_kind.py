# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a mount is still what it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.mount import MountKind

OPTIONS = "nodev,noexec,nosuid,rw"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("rw,size=503284k,nr_inodes=1048576", "nr_inodes=1048576,rw,size=503284k", True),
        ("rw,size=503284k", "rw,size=503120k", True),
        ("rw,size=503284k", "rw,size=262144k", False),
        ("rw,size=503284k", "rw", False),
        ("rw,size=503284k", "rw,size=503284k,inode64", False),
    ],
)
def test_a_share_of_the_memory_is_a_little_different_at_each_boot(one: str, other: str, same: bool) -> None:
    """Undo after a reboot finds the mount that the run had left; another size is somebody's wish."""
    states = [{"mounted": True, "options": OPTIONS, "super": text} for text in (one, other)]
    assert MountKind().same(*states) is same
    assert MountKind().same(*reversed(states)) is same


def test_a_size_that_the_kernel_does_not_show_is_half_of_the_memory(tmp_path: Path) -> None:
    """One boot shows it, the next one may not."""
    host = Host(str(tmp_path))
    for name, text in {
        "self/mountinfo": "41 29 0:36 / /tmp rw,nosuid,nodev shared:21 - tmpfs tmpfs rw,inode64\n",
        "meminfo": "MemTotal:         989900 kB\nMemFree: 1 kB\n",
    }.items():
        place = Path(host.path(f"/proc/{name}"))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    state = MountKind().capture("/tmp", host, MemoryBlobs())  # noqa: S108  # a mount point
    assert state["super"] == "inode64,rw,size=494950k"
    assert MountKind().same(state, {**state, "super": "rw,size=494944k,inode64"})


def test_other_flags_are_another_mount() -> None:
    """A flag that is gone is a change."""
    one, other = ({"mounted": True, "options": text, "super": "rw"} for text in (OPTIONS, "nodev,nosuid,rw"))
    assert not MountKind().same(one, other)
