# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the options of mount points are kept for the next boot: an entry of fstab, or a drop-in of a mount unit."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from ..changes import Change
from ..fstab import Entry, entries, with_entry, with_options, without
from ..host import Host
from ..kinds.unit import UNIT_DIRECTORY, parse_show
from ..scoped_blocks import ScopedBlocks
from ..scoped_files import names_in, read_text, scoped_path, slug, write_changes
from . import claims as owned
from .base import Planned

FSTAB = "/etc/fstab"
# Mounted by systemd itself with fixed options; an fstab entry is applied by systemd-remount-fs.
API_MOUNTS = {"/dev/shm": "tmpfs", "/proc": "proc", "/run": "tmpfs", "/dev": "devtmpfs", "/sys": "sysfs"}  # noqa: S108  # mount points


class MountTable:
    """What is there, what shall be, and what earlier controls of the scope have set."""

    def __init__(self, host: Host, planned: Planned) -> None:
        self.host, self.planned = host, planned
        # fstab as the controls so far leave it.
        self.text = read_text(host, FSTAB) or ""
        self.old = owned.load(host, planned, "mount", FSTAB, "fstab")
        self.new = owned.Claims(FSTAB, "fstab", self.old.created)
        self._drop_ins: dict[str, ScopedBlocks] = {}
        self._units: dict[str, dict[str, str] | None] = {}

    def options(self, path: str) -> tuple[str, ...] | None:
        """The options that the next boot would use, or None where nothing keeps them."""
        entry, unit = self._entry(path), None
        if entry is None:
            unit = self._unit(path)
        if entry is None and unit is None:
            return None
        return entry.options if entry else tuple(filter(None, unit["Options"].split(","))) if unit else ()

    def fstype(self, path: str) -> str | None:
        """The type of the entry, where there is one."""
        entry = self._entry(path)
        return entry.fstype if entry else None

    def duplicates(self, path: str) -> int:
        """How many entries claim the mount point."""
        return sum(entry.path == path for entry in entries(self.text))

    def want(self, control: str, path: str, options: tuple[str, ...]) -> None:
        """Keep `options` for the next boot."""
        entry, present = self._entry(path), self.options(path)
        if entry is None and present is not None:
            if present != options or path in self._claimed_units():
                self._drop_in(path).want(control, ["[Mount]", f"Options={','.join(options)}"])
            return
        claim = next((claim for claim in self.old.claims if claim.key == path), None)
        if claim is not None or present != options:
            before = claim.before if claim else list(present) if present is not None else None
            self.new.claims.append(owned.Claim(control, path, "", "", True, list(options), True, before))
        if entry is not None:
            self.text = with_options(self.text, entry, options)
        else:
            fstype = API_MOUNTS.get(path, "tmpfs")
            self.text = with_entry(self.text, fstype, path, fstype, options)

    def release(self, asked: Collection[str]) -> list[dict[str, Any]]:
        """Let go of mount points whose control is gone, unless somebody has changed their options since."""
        said = []
        for claim in self.old.claims:
            if claim.key in asked:
                continue
            if claim.id in self.planned.keep:
                self.new.claims.append(claim)
            else:
                said.append(self._give_back(claim))
        for path in self._claimed_units():
            said += [{**gone, "key": path} for gone in self._drop_in(path).released()]
        return said

    def changes(self) -> list[Change]:
        """All of it."""
        present = read_text(self.host, FSTAB)
        changes = write_changes(self.host, FSTAB, self.text) if self.text or present else []
        for drop_in in self._drop_ins.values():
            changes += drop_in.changes()
        return [*changes, *owned.store(self.host, self.planned, "mount", self.old, self.new)]

    def _give_back(self, claim: owned.Claim) -> dict[str, Any]:
        entry = self._entry(claim.key)
        said = {"id": claim.id, "file": FSTAB, "key": claim.key, "action": "left"}
        if entry is None or list(entry.options) != claim.values:
            return {**said, "reason": "somebody has changed it since"}
        if claim.before is None:
            self.text = without(self.text, entry)
            return {**said, "action": "removed", "reason": "what is mounted stays until the next boot"}
        self.text = with_options(self.text, entry, tuple(claim.before))
        return {**said, "action": "restored", "reason": "what is mounted keeps its options until the next boot"}

    def _entry(self, path: str) -> Entry | None:
        return next((entry for entry in entries(self.text) if entry.path == path), None)

    def _drop_in(self, path: str) -> ScopedBlocks:
        if path not in self._drop_ins:
            place = scoped_path(f"{UNIT_DIRECTORY}/{unit_name(path)}.d", 60, self.planned.scope, ".conf")
            self._drop_ins[path] = ScopedBlocks(self.host, place, self.planned.scope, self.planned.keep)
        return self._drop_ins[path]

    def _claimed_units(self) -> list[str]:
        """Mount points for whose unit this scope has a drop-in."""
        own = f"60-evenkeel-{slug(self.planned.scope)}.conf"
        directories = names_in(self.host, UNIT_DIRECTORY, ".mount.d")
        claimed = [name for name in directories if own in names_in(self.host, f"{UNIT_DIRECTORY}/{name}", ".conf")]
        return sorted(mount_point(name[: -len(".mount.d")]) for name in claimed)

    def _unit(self, path: str) -> dict[str, str] | None:
        """The mount unit, where a file on disk describes it."""
        if path not in self._units:
            self._units[path] = self._read_unit(path)
        return self._units[path]

    def _read_unit(self, path: str) -> dict[str, str] | None:
        if not self.host.has_systemd or path in API_MOUNTS:
            return None
        properties = "--property=FragmentPath,UnitFileState,DropInPaths"
        answer = self.host.must(["systemctl", "show", properties, "--no-pager", "--", unit_name(path)])
        block = (parse_show(answer.out) or [{}])[0]
        fragment = block.get("FragmentPath", "")
        asleep = block.get("UnitFileState") in ("disabled", "masked", "generated")
        if not fragment or fragment.startswith("/run/") or asleep:
            return None
        return {"Options": self._options_in([fragment, *block.get("DropInPaths", "").split()])}

    def _options_in(self, files: Sequence[str]) -> str:
        """The last Options= of a unit's files. systemd itself shows those in force, not those on disk."""
        lines = [line for path in files for line in (read_text(self.host, path) or "").splitlines()]
        options = [line.partition("=")[2].strip() for line in lines if line.startswith("Options=")]
        return options[-1] if options else ""


def unit_name(path: str) -> str:
    """systemd's name of the mount unit: `/var/tmp` is `var-tmp.mount`."""
    return f"{escaped(path)}.mount"


def escaped(path: str) -> str:
    """A path as systemd writes it in the names of units."""
    if path == "/":
        return "-"
    words = re.sub(
        r"[^A-Za-z0-9:_./]", lambda match: "".join(f"\\x{byte:02x}" for byte in match.group().encode()), path.strip("/")
    )
    return words.replace("/", "-")


def mount_point(name: str) -> str:
    """The path behind systemd's name of a mount unit."""
    if name == "-":
        return "/"
    return "/" + re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match.group(1), 16)), name.replace("-", "/"))
