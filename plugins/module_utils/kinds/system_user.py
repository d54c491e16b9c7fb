# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user that a service runs as, with a group of the same name: no password, no shell, no home of its own making."""

from __future__ import annotations

from typing import Any

from ..changes import BlobStore, Kind
from ..host import Host

USERS, GROUPS = "/etc/passwd", "/etc/group"
NO_HOME = "/nonexistent"


def is_listed(host: Host, database: str, name: str) -> bool:
    """Whether the host's own passwd or group has this name."""
    lines = host.fs.read(host.path(database)).decode("utf-8", "replace").splitlines()
    return any(line.startswith(f"{name}:") for line in lines)


class SystemUserKind(Kind):
    """State: {"present": bool, "home": path}; a user that is there keeps what it has."""

    name = "system_user"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """Whether the host has it."""
        return {"present": is_listed(host, USERS, target)}

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Only its presence is ours."""
        return bool(one["present"] == other["present"])

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Make it, or remove it with its group; files of its number stay."""
        present = is_listed(host, USERS, target)
        if state["present"] and not present:
            options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
            host.must(["useradd", *options, "--home-dir", state.get("home", NO_HOME), "--", target])
        elif not state["present"]:
            if present:
                host.must(["userdel", "--", target])
            # Where login.defs says USERGROUPS_ENAB no.
            if is_listed(host, GROUPS, target):
                host.must(["groupdel", "--", target])
