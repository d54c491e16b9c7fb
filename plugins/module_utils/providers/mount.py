# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of mounted file systems: in fstab or the unit that mounts them, and live."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..changes import Change, Reload
from ..changes_basic import SetState, parents
from ..fstab import merged
from ..kinds.mount import VFS_FLAGS, MountInfo, read_mounts
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict, step_for
from .mount_table import API_MOUNTS, FSTAB, MountTable

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


class Mount(Provider):
    """fstab by entry, systemd mount units by drop-in, and a live remount."""

    key = "mount"
    summary = "Options of a mounted file system, now and after a reboot."
    order = 30
    releases = True
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
        table = MountTable(self.host, self.planned)
        live: list[Change] = []
        for control in controls:
            verdict = self._not_plannable(control, mounts, table)
            if verdict is None:
                verdict = self._plan_one(control, mounts, table, live)
            plan.verdicts[control.id] = verdict
        plan.released = table.release({control.state["path"] for control in controls})
        step = step_for(FSTAB, controls)
        changes = table.changes()
        step.changes += [*changes, *live]
        if changes and self.host.has_systemd:
            step.reloads.append(RELOAD)
        if step.changes:
            plan.steps.append(step)
        return plan

    def _not_plannable(self, control: Control, mounts: Mapping[str, MountInfo], table: MountTable) -> Verdict | None:
        path = control.state["path"]
        if table.duplicates(path) > 1:
            return Verdict(FAILED, reason=f"{FSTAB} has {table.duplicates(path)} entries for {path}: leave one")
        options = table.options(path)
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
        self, control: Control, mounts: Mapping[str, MountInfo], table: MountTable, live: list[Change]
    ) -> Verdict:
        path = control.state["path"]
        wanted, mount = list(control.state["options"]), mounts.get(path)
        is_tmpfs = (mount.fstype if mount else table.fstype(path) or "tmpfs") == "tmpfs"
        size = [f"size={control.state['size']}"] if control.state.get("size") and is_tmpfs else []
        present = table.options(path)
        target = merged(present if present is not None else ("defaults",), [*wanted, *size])
        table.want(control.id, path, target)
        verdict = Verdict(COMPLIANT, {"configured": _text(present)}, {"configured": _text(target)})
        if mount is not None:
            self._plan_remount(mount, wanted, verdict, live)
        elif control.state.get("tmpfs") and is_tmpfs:
            self._plan_tmpfs(path, target, verdict, live)
        if verdict.before != verdict.after:
            verdict.status, verdict.step = CHANGE, FSTAB
        return verdict

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


def _text(options: tuple[str, ...] | None) -> str:
    return "not configured" if options is None else ",".join(options)
