# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group and mode of files and trees; directories and empty files that are to be; files that are not to be."""

from __future__ import annotations

import fnmatch
import grp
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from ..changes import Change
from ..changes_basic import SetState, parents, removal
from . import file_modes
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, UNKNOWN, Control, Plan, Provider, Unfit, Verdict, step_for
from .files import must_be_writable

# More than this in one control is a mistake, or a job for another tool.
MOST = 20_000
EXISTING, ABSENT = "existing", "absent"


class File(Provider):
    """Symbolic links are never followed: in a tree they are passed over, as the path itself they are refused."""

    key = "file"
    summary = "A file or directory has an owner, a group and a mode, is there, or is not."
    # Behind setting, whose new files get their owner and mode here.
    order = 35
    example = {"path": "/etc/shadow", "owner": "root", "group": "shadow", "mode_max": "0640"}
    spec = {
        "path": {"type": "path", "required": True, "description": "The file or directory."},
        "state": {
            "type": "str",
            "choices": [EXISTING, "file", "directory", ABSENT],
            "default": EXISTING,
            "description": "existing: what is there gets owner and mode, a missing path is not_applicable. file and"
            " directory: made where missing, empty. absent: removed with all that is in it.",
        },
        "mode": {
            "type": "str",
            "description": "The mode, in octal digits or in symbols.",
            "example": "u=rw,go-w",
        },
        "mode_max": {
            "type": "str",
            "description": "Bits beyond these octal digits are taken away, others stay. In a directory whoever may read"
            " may enter, too.",
            "example": "0640",
        },
        "owner": {"type": "str", "description": "The owner's name, or a number in quotes.", "example": "root"},
        "group": {"type": "str", "description": "The group's name, or a number in quotes.", "example": "shadow"},
        "recurse": {
            "type": "bool",
            "default": False,
            "description": "The same for all that is below, on the same file system.",
        },
        "exclude": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Patterns of absolute paths that are left alone, with all that is below them.",
            "example": ["/home/*/.cache"],
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Modes that are modes; something to do; nothing that contradicts itself."""
        state, faults = control.state, []
        if state["mode"] and file_modes.fault(state["mode"]):
            faults.append(f"file.mode is {file_modes.fault(state['mode'])}")
        if state["mode_max"] and not _is_octal(state["mode_max"]):
            faults.append(f"file.mode_max is {state['mode_max']!r}: allowed are three or four octal digits in quotes")
        if state["mode"] and state["mode_max"]:
            faults.append("file.mode and file.mode_max are both given: allowed is one of them")
        wishes = [name for name in ("mode", "mode_max", "owner", "group") if state[name]]
        if state["state"] == ABSENT and wishes:
            faults.append(f"file.{wishes[0]} is given for a file that shall be absent")
        if state["state"] == EXISTING and not wishes:
            faults.append("file says nothing of an existing path: give mode, mode_max, owner or group")
        if (
            state["path"].rstrip("/") in ("", "/etc", "/usr", "/var", "/proc", "/sys", "/dev")
            and state["state"] == ABSENT
        ):
            faults.append(f"file.path is {state['path']!r}: it cannot be absent")
        return faults

    @classmethod
    def subject(cls, control: Control) -> str:
        """The path, without the tree below it."""
        return "" if control.state["recurse"] else f"file {os.path.normpath(control.state['path'])}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """One step per control."""
        plan = Plan()
        for control in controls:
            try:
                self._plan(plan, control)
            except Unfit as unfit:
                plan.verdicts[control.id] = unfit.verdict()
            except PermissionError as error:
                plan.verdicts[control.id] = Verdict(UNKNOWN, reason=f"{error.filename} cannot be read: it needs root")
            except OSError as error:
                plan.verdicts[control.id] = Verdict(FAILED, reason=str(error))
        return plan

    def _not_there(self, path: str) -> Verdict:
        """Nothing to do, unless a package of this call brings the path: nobody knows before."""
        verdict = Verdict(NOT_APPLICABLE, reason=f"there is no {path}")
        if self.planned.packages:
            verdict.assumed = True
            verdict.reason += "; a package that is going to be installed may bring it"
        return verdict

    def _plan(self, plan: Plan, control: Control) -> None:
        path, state = os.path.normpath(control.state["path"]), control.state["state"]
        found = self._kind(path)
        coming = self.planned.files.get(path) if found is None and state in (EXISTING, "file") else None
        if found is None and coming is None and state == EXISTING:
            plan.verdicts[control.id] = self._not_there(path)
            return
        if state == ABSENT:
            verdict, changes = self._absent(path, found)
        elif coming is not None:
            verdict, changes = self._coming(control, path, *coming)
        elif found is None:
            verdict, changes = self._created(control, path)
        else:
            if state in ("file", "directory") and found != state:
                raise Unfit(f"{path} is a {found}, not a {state}")
            verdict, changes = self._corrected(control, path)
        if changes:
            step = step_for(f"file {control.id}", [control])
            step.changes, verdict.step = changes, step.name
            plan.steps.append(step)
        plan.verdicts[control.id] = verdict

    def _kind(self, path: str) -> str | None:
        try:
            mode = os.lstat(self.host.path(path)).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(mode):
            raise Unfit(f"{path} is a symbolic link to {os.readlink(self.host.path(path))}: name the file itself")
        return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "special file"

    def _absent(self, path: str, found: str | None) -> tuple[Verdict, list[Change]]:
        if found is None:
            return Verdict(COMPLIANT, ABSENT, ABSENT), []
        must_be_writable(self.host, path)
        changes: list[Change] = [*removal(self.host, path)]
        if len(changes) > MOST:
            raise Unfit(f"{path} holds more than {MOST} files: remove it by hand")
        return Verdict(CHANGE, found, ABSENT), changes

    def _coming(self, control: Control, path: str, content: bytes, mode: int) -> tuple[Verdict, list[Change]]:
        """A file that another control of this call creates."""
        want = self._wanted(control, mode, os.geteuid(), os.getegid(), is_directory=False)
        return Verdict(CHANGE, ABSENT, _words(*want)), [SetState.file(path, content, *want)]

    def _created(self, control: Control, path: str) -> tuple[Verdict, list[Change]]:
        must_be_writable(self.host, path)
        is_directory = control.state["state"] == "directory"
        mode, uid, gid = self._wanted(
            control, 0o755 if is_directory else 0o644, os.geteuid(), os.getegid(), is_directory
        )
        make = SetState.directory(path, mode, uid, gid) if is_directory else SetState.file(path, b"", mode, uid, gid)
        return Verdict(CHANGE, ABSENT, _words(mode, uid, gid)), [*parents(self.host, path), make]

    def _corrected(self, control: Control, path: str) -> tuple[Verdict, list[Change]]:
        changes: list[Change] = []
        first: tuple[Any, Any] | None = None
        for each in self._tree(control, path):
            now = os.lstat(self.host.path(each))
            have = stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid
            want = self._wanted(control, *have, stat.S_ISDIR(now.st_mode))
            if want == have:
                continue
            if os.geteuid() not in (0, now.st_uid) or (want[1:] != have[1:] and os.geteuid() != 0):
                raise Unfit(f"{each} cannot be changed: it needs root", UNKNOWN)
            if self.host.fs.is_read_only(self.host.path(each)):
                raise Unfit(f"{each} is on a read-only file system")
            changes.append(SetState.meta(each, *want))
            if len(changes) > MOST:
                raise Unfit(f"more than {MOST} files below {path} differ: narrow the control, or exclude a part")
            first = first or (_words(*have), _words(*want))
        now = os.lstat(self.host.path(path))
        present = _words(stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid)
        if first is None:
            return Verdict(COMPLIANT, present, present), []
        reason = f"{len(changes)} files differ, {changes[0].touches()[0][1]} is the first" if len(changes) > 1 else ""
        return Verdict(CHANGE, first[0], first[1], reason), changes

    def _tree(self, control: Control, path: str) -> Iterator[str]:
        """The path and, where asked for, all below it: no symbolic link, no other file system, nothing excluded."""
        yield path
        if not control.state["recurse"]:
            return
        device, waiting = os.lstat(self.host.path(path)).st_dev, [path]
        while waiting:
            directory = waiting.pop()
            if not os.path.isdir(self.host.path(directory)):
                continue
            for entry in sorted(os.scandir(self.host.path(directory)), key=lambda each: each.name):
                each = os.path.join(directory, entry.name)
                excluded = any(fnmatch.fnmatchcase(each, pattern) for pattern in control.state["exclude"])
                if excluded or entry.is_symlink() or entry.stat(follow_symlinks=False).st_dev != device:
                    continue
                yield each
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(each)

    def _wanted(self, control: Control, mode: int, uid: int, gid: int, is_directory: bool) -> tuple[int, int, int]:
        state = control.state
        if state["mode"]:
            mode = file_modes.apply(state["mode"], mode, is_directory)
        if state["mode_max"]:
            mode = file_modes.at_most(state["mode_max"], mode, is_directory)
        return mode, self._id(state["owner"], uid, "user"), self._id(state["group"], gid, "group")

    @staticmethod
    def _id(name: str | None, now: int, what: str) -> int:
        """The number of a user or group, or the present one where none is asked for."""
        if not name:
            return now
        if name.isdigit():
            return int(name)
        try:
            return pwd.getpwnam(name).pw_uid if what == "user" else grp.getgrnam(name).gr_gid
        except KeyError:
            raise Unfit(f"there is no {what} {name!r} here") from None


def _words(mode: int, uid: int, gid: int) -> dict[str, Any]:
    """Mode, owner and group as a reader knows them."""
    return {"mode": file_modes.show(mode), "owner": _name(uid, "user"), "group": _name(gid, "group")}


def _name(number: int, what: str) -> str:
    try:
        return pwd.getpwuid(number).pw_name if what == "user" else grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _is_octal(mode: str) -> bool:
    return 3 <= len(mode) <= 4 and set(mode) <= set("01234567")
