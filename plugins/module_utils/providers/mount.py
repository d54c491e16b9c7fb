# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of mounted file systems: in fstab or the unit that mounts them, and live."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..changes import Change, Reload, Step
from ..changes_basic import SetState, parents
from ..fstab import Entry, entries, merged, with_entry, with_options
from ..host import Host
from ..kinds.mount import VFS_FLAGS, MountInfo, read_mounts
from ..kinds.unit import parse_show
from ..scoped_files import read_text, scoped_path, write_changes
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict

FSTAB = "/etc/fstab"
# Mounted by systemd itself with fixed options; an fstab entry is applied by systemd-remount-fs.
API_MOUNTS = {"/dev/shm": "tmpfs", "/proc": "proc", "/run": "tmpfs", "/dev": "devtmpfs", "/sys": "sysfs"}  # noqa: S108  # mount points
# What each option would break, by mount point.
DANGEROUS = {
    "noexec": {"/", "/usr", "/bin", "/sbin", "/lib", "/opt", "/etc", "/var", "/var/lib", "/boot", "/proc"},
    "nosuid": {"/", "/usr", "/bin", "/sbin"},
    "nodev": {"/", "/dev"},
    "ro": {"/", "/var", "/tmp", "/run", "/dev", "/dev/shm", "/home", "/var/log", "/var/tmp", "/proc"},  # noqa: S108  # mount points
}
NOT_OURS = {
    "remount",
    "bind",
    "rbind",
    "move",
    "noauto",
    "auto",
    "user",
    "users",
    "owner",
    "loop",
    "_netdev",
    "defaults",
}
RELOAD = Reload(("systemctl", "daemon-reload"))


class Persistence:
    """Where the options of one mount point are kept for the next boot, and the changes that set them there."""

    def __init__(self, host: Host, scope: str, text: str) -> None:
        self.host = host
        self.scope = scope
        # fstab as earlier controls of this call leave it.
        self.fstab = text
        self.drop_ins: dict[str, str] = {}

    def options(self, path: str) -> tuple[str, ...] | None:
        """The options that the next boot would use, or None where nothing keeps them."""
        entry = self._entry(path)
        if entry is not None:
            return entry.options
        unit = self._unit(path)
        return tuple(unit["Options"].split(",")) if unit and unit["Options"] else () if unit else None

    def keep(self, path: str, options: tuple[str, ...]) -> None:
        """Plan that the next boot uses `options`."""
        entry = self._entry(path)
        if entry is not None:
            self.fstab = with_options(self.fstab, entry, options)
            return
        if self._unit(path):
            drop_in = scoped_path(f"/etc/systemd/system/{unit_name(path)}.d", 60, self.scope, ".conf")
            self.drop_ins[drop_in] = (
                f"# Written by evenkeel.ops for {self.scope}\n[Mount]\nOptions={','.join(options)}\n"
            )
            return
        fstype = API_MOUNTS.get(path, "tmpfs")
        self.fstab = with_entry(self.fstab, fstype, path, fstype, options)

    def changes(self) -> list[Change]:
        """All that was planned."""
        files = {FSTAB: self.fstab, **self.drop_ins}
        present = read_text(self.host, FSTAB)
        if present is None and not self.fstab:
            del files[FSTAB]
        return [change for path, text in files.items() for change in write_changes(self.host, path, text)]

    def duplicates(self, path: str) -> int:
        """How many entries of fstab claim the mount point."""
        return sum(entry.path == path for entry in entries(self.fstab))

    def _entry(self, path: str) -> Entry | None:
        return next((entry for entry in entries(self.fstab) if entry.path == path), None)

    def _unit(self, path: str) -> dict[str, str] | None:
        """The mount unit, where a file on disk describes it."""
        if not self.host.has_systemd or path in API_MOUNTS:
            return None
        show = [
            "systemctl",
            "show",
            "--property=FragmentPath,Options,UnitFileState",
            "--no-pager",
            "--",
            unit_name(path),
        ]
        block = (parse_show(self.host.must(show).out) or [{}])[0]
        fragment = block.get("FragmentPath", "")
        if (
            not fragment
            or fragment.startswith("/run/")
            or block.get("UnitFileState") in ("disabled", "masked", "generated")
        ):
            return None
        return {"Options": self._unit_file_options(unit_name(path), fragment)}

    def _unit_file_options(self, unit: str, fragment: str) -> str:
        """The last Options= of the unit's file and drop-ins. systemd itself shows those in force, not those on disk."""
        show = ["systemctl", "show", "--property=DropInPaths", "--no-pager", "--", unit]
        block = (parse_show(self.host.must(show).out) or [{}])[0]
        options = ""
        for path in [fragment, *block.get("DropInPaths", "").split()]:
            for line in (read_text(self.host, path) or "").splitlines():
                if line.startswith("Options="):
                    options = line.partition("=")[2].strip()
        return options


class Mount(Provider):
    """fstab by entry, systemd mount units by drop-in, and a live remount."""

    key = "mount"
    summary = "Options of a mounted file system, now and after a reboot."
    order = 30
    example: ClassVar = {"path": "/dev/shm", "options": ["nodev", "nosuid", "noexec"]}  # noqa: S108  # a mount point
    spec: ClassVar = {
        "path": {"type": "path", "required": True, "description": "Mount point, as in /var/tmp."},
        "options": {
            "type": "list",
            "elements": "str",
            "required": True,
            "description": "Mount options that shall be in force, as in nodev. Others stay as they are; an opposite "
            "(dev) gives way. Options that would stop the host from working (noexec on /usr, ro on "
            "/var, …) are refused.",
        },
        "tmpfs": {
            "type": "bool",
            "default": False,
            "description": "Mount a tmpfs where the path is no file system of its own. Without it such a path is not"
            " applicable.",
        },
        "size": {
            "type": "str",
            "description": "Size limit of that tmpfs, in bytes or with k, m, g or %, as in 512m.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Paths, words and combinations that are refused."""
        state = control.state
        path, found = str(state.get("path", "")), []
        if not path.startswith("/") or os.path.normpath(path) != path:
            found.append(f"mount.path is {path!r}: allowed is an absolute path without `..` or a `/` at its end")
        found += [problem for option in state.get("options") or [] for problem in option_problems(path, str(option))]
        size = state.get("size")
        if size is not None and not re.fullmatch(r"[1-9][0-9]*[kKmMgG%]?", str(size)):
            found.append(f"mount.size is {size!r}: allowed is a number of bytes, or one with k, m, g or %")
        if size is not None and not state.get("tmpfs"):
            found.append("mount.size is given without mount.tmpfs: only a tmpfs that evenkeel mounts has a size")
        return found

    @classmethod
    def subject(cls, control: Control) -> str:
        """One mount point."""
        return f"mount {control.state['path']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """One write of fstab for all; a step per call, because fstab is good or bad as a whole."""
        plan, mounts = Plan(), read_mounts(self.host)
        persistence = Persistence(self.host, self.planned.scope, read_text(self.host, FSTAB) or "")
        live: list[Change] = []
        for control in controls:
            verdict = self._not_plannable(control, mounts, persistence)
            if verdict is None:
                verdict = self._plan_one(control, mounts, persistence, live)
            plan.verdicts[control.id] = verdict
        changes = persistence.changes()
        if changes or live:
            access = any(control.risk == "access" for control in controls)
            reloads = [RELOAD] if changes and self.host.has_systemd else []
            plan.steps.append(Step(FSTAB, [*changes, *live], reloads=reloads, access=access))
        return plan

    def _not_plannable(self, control: Control, mounts: Mapping[str, MountInfo], kept: Persistence) -> Verdict | None:
        path = control.state["path"]
        if kept.duplicates(path) > 1:
            return Verdict(FAILED, reason=f"{FSTAB} has {kept.duplicates(path)} entries for {path}: leave one")
        options = kept.options(path)
        if path not in mounts and options is None and not control.state.get("tmpfs"):
            return Verdict(NOT_APPLICABLE, reason=f"{path} is no file system of its own")
        if path in mounts and options is None and path not in API_MOUNTS:
            if self.host.is_container:
                return Verdict(NOT_APPLICABLE, reason=f"{path} is mounted by the container's runtime")
            return Verdict(
                FAILED, reason=f"{path} is mounted, but neither {FSTAB} nor a mount unit says by what: add an entry"
            )
        return None

    def _plan_one(
        self, control: Control, mounts: Mapping[str, MountInfo], kept: Persistence, live: list[Change]
    ) -> Verdict:
        path = control.state["path"]
        wanted = self._wanted(control, path in mounts)
        present = kept.options(path)
        target = merged(present if present is not None else ("defaults",), wanted)
        if present != target:
            kept.keep(path, target)
        mount = mounts.get(path)
        verdict = Verdict(COMPLIANT, {"configured": _text(present)}, {"configured": _text(target)})
        if mount is not None:
            self._plan_remount(mount, wanted, verdict, live)
        elif present is None or control.state.get("tmpfs"):
            self._plan_tmpfs(path, target, verdict, live)
        if verdict.before != verdict.after:
            verdict.status, verdict.step = CHANGE, FSTAB
        return verdict

    def _wanted(self, control: Control, mounted: bool) -> list[str]:
        size = control.state.get("size")
        return [*control.state["options"], *([f"size={size}"] if size and not mounted else [])]

    def _plan_remount(self, mount: MountInfo, wanted: list[str], verdict: Verdict, live: list[Change]) -> None:
        flags = [option for option in wanted if option in VFS_FLAGS]
        values = [option for option in wanted if option not in VFS_FLAGS]
        opposite_free = tuple(option for option in mount.options if option not in {f"no{flag}" for flag in flags})
        positive = ("suid", "dev", "exec", "symfollow", "atime")
        options = merged(opposite_free, [flag for flag in flags if flag not in positive])
        super_options = merged(mount.super_options, values)
        verdict.before["live"], verdict.after["live"] = (
            _text(tuple(sorted(mount.options))),
            _text(tuple(sorted(options))),
        )
        if set(options) == set(mount.options) and set(super_options) == set(mount.super_options):
            return
        state: dict[str, Any] = {"mounted": True, "options": ",".join(sorted(options))}
        if values:
            state["super"] = ",".join(sorted(super_options))
            verdict.before["file_system"], verdict.after["file_system"] = (
                _text(mount.super_options),
                _text(super_options),
            )
        live.append(SetState("mount", mount.path, state))

    def _plan_tmpfs(self, path: str, options: tuple[str, ...], verdict: Verdict, live: list[Change]) -> None:
        directory = self.host.path(path)
        verdict.before["live"], verdict.after["live"] = "not mounted", "mounted"
        if os.path.isdir(directory) and os.listdir(directory):
            verdict.after["live"] = "not mounted"
            verdict.reboot = verdict.reason = (
                f"{path} holds files that a mount would hide; it is mounted at the next boot"
            )
            return
        if not os.path.isdir(directory):
            live += [*parents(self.host, path), SetState.directory(path, 0o755, os.geteuid(), os.getegid())]
        options = tuple(option for option in options if option != "defaults") or ("rw",)
        state = {"mounted": True, "source": "tmpfs", "fstype": "tmpfs", "mount_options": ",".join(options)}
        live.append(SetState("mount", path, state))


def option_problems(path: str, option: str) -> list[str]:
    """Why one option cannot be asked for on `path`."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+(=[A-Za-z0-9_.:/%+-]+)?", option):
        return [f"mount.options has {option!r}: allowed are single options such as nodev or size=512m"]
    if option.partition("=")[0] in NOT_OURS:
        return [f"mount.options has {option!r}, which says how to mount and not what is allowed there"]
    if path in DANGEROUS.get(option, ()):
        return [f"mount.options has {option!r} for {path}: the host would stop working"]
    return []


def unit_name(path: str) -> str:
    """systemd's name of the mount unit: `/var/tmp` is `var-tmp.mount`."""
    words = path.strip("/") or "-"
    escaped = re.sub(
        r"[^A-Za-z0-9:_./]", lambda match: "".join(f"\\x{byte:02x}" for byte in match.group().encode()), words
    )
    return ("-" if words == "-" else escaped.replace("/", "-")) + ".mount"


def _text(options: tuple[str, ...] | None) -> str:
    return "not configured" if options is None else ",".join(options)
