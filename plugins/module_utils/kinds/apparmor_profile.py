# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AppArmor profiles of one file, as the running kernel enforces them."""

from __future__ import annotations

import re
from typing import Any

from ..changes import BlobStore, Kind
from ..host import Host

LOADED = "/sys/kernel/security/apparmor/profiles"
MODES = ("enforce", "complain", "unloaded")


def loaded_profiles(host: Host) -> dict[str, str]:
    """Mode by profile name, as the kernel lists them."""
    try:
        text = host.fs.read(host.path(LOADED)).decode()
    except OSError:
        return {}
    matches = (re.fullmatch(r"(.+) \((\w+)\)", line) for line in text.splitlines())
    return {match.group(1): match.group(2) for match in matches if match}


def profile_names(host: Host, path: str) -> list[str]:
    """The profiles that the file at `path` defines."""
    return host.must(["apparmor_parser", "--names", host.path(path)]).out.split("\n")[:-1]


def mode_of(host: Host, path: str) -> str:
    """enforce, complain, unloaded, or `mixed` where the file's profiles differ."""
    loaded = loaded_profiles(host)
    modes = {loaded.get(name, "unloaded") for name in profile_names(host, path)} or {"unloaded"}
    return modes.pop() if len(modes) == 1 else "mixed"


class AppArmorProfileKind(Kind):
    """State: {"mode": enforce | complain | unloaded | mixed}. Target: the profile's file."""

    name = "apparmor_profile"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The mode in the kernel."""
        return {"mode": mode_of(host, target)}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Load the file's profiles in this mode, or unload them. `mixed` is what the file itself says."""
        if mode_of(host, target) == state["mode"]:
            return
        if state["mode"] == "unloaded":
            text = host.fs.read(host.path(target)).decode("utf-8", "surrogateescape")
            host.must(["apparmor_parser", "--remove"], stdin=text)
        else:
            complain = ["--Complain"] if state["mode"] == "complain" else []
            # On standard input the parser does not look for the links in disable/ and force-complain/.
            text = host.fs.read(host.path(target)).decode("utf-8", "surrogateescape")
            host.must(["apparmor_parser", "--replace", *complain], stdin=text)
