# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with rights that nobody has decided on, wherever they lie: reported, and put right where a list says so."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterable, Sequence
from typing import Any

from ..changes_basic import SetState
from ..file_search import FINDINGS, SUID, Names, Stray, TookTooLong, search
from .base import CHANGE, COMPLIANT, FAILED, UNKNOWN, Control, Plan, Provider, Unfit, Verdict, step_for

# Where programs of packages lie.
PROGRAMS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/lib/", "/usr/lib/", "/usr/libexec/")
# Not entered: what is no part of the host's own tree, as in the audit of the CIS Benchmark for Debian 12, 7.1.11.
SKIP = (
    "/proc",
    "/sys",
    "/run/user/*",
    "*/containerd/*",
    "*/kubelet/pods/*",
    "*/kubelet/plugins/*",
    "/var/lib/docker/overlay2/*",
    "/var/lib/containers/storage/overlay/*",
    "/var/*/private/*",
)
PATIENCE = 300
NAMED = 10
ROOT = 0


class StrayFiles(Provider):
    """One walk serves all controls of a call. What no list names fails its control, and nothing is done then."""

    key = "stray_files"
    summary = "No file on the host's own disks has a right that nobody has decided on."
    # Behind all that brings files, before probes.
    order = 88
    example = {"finding": "world_writable", "accept": ["/srv/exchange/*"], "fix": ["/opt/vendor/*"]}
    spec = {
        "finding": {
            "type": "str",
            "required": True,
            "choices": list(FINDINGS),
            "description": "world_writable: plain files that anybody writes. no_sticky_bit: directories that anybody"
            " writes, without the bit. unowned: what belongs to no known user or group. suid: programs with SUID or"
            " SGID.",
        },
        "accept": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Patterns of absolute paths that are meant to be so; * stands for / too.",
            "example": ["/srv/exchange/*"],
        },
        "programs": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Patterns of names that are accepted where packages have their programs: below /usr/bin,"
            " /usr/sbin, /usr/lib and /usr/libexec.",
            "example": ["sudo"],
        },
        "fix": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Patterns of absolute paths that are put right, accepted or not: others no longer write, the"
            " sticky bit is set, root owns what nobody owned, SUID and SGID go.",
            "example": ["/opt/vendor/*"],
        },
        "skip": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Patterns of directories that are not entered, beside /proc, /sys, /run/user and the"
            " stores of container engines. File systems that are not on a disk of the host are never entered.",
            "example": ["/srv/mirror"],
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Patterns of absolute paths, and names without a directory."""
        state = control.state
        faults = [
            f"stray_files.{option} has {pattern!r}: allowed are patterns of absolute paths"
            for option in ("accept", "fix", "skip")
            for pattern in state[option]
            if not pattern.startswith(("/", "*/"))
        ]
        names = [name for name in state["programs"] if "/" in name or not name]
        return faults + [f"stray_files.programs has {name!r}: allowed are names without a directory" for name in names]

    @classmethod
    def subject(cls, control: Control) -> str:
        """What is looked for."""
        return f"stray files: {control.state['finding']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step for each control that has something to mend."""
        try:
            found = self._search(controls) if controls else {}
        except Unfit as unfit:
            return Plan({control.id: unfit.verdict() for control in controls})
        return self.plan_each(controls, lambda plan, control: self._judge(plan, control, found))

    def _search(self, controls: Sequence[Control]) -> dict[str, list[Stray]]:
        if os.geteuid() != ROOT:
            raise Unfit("only root sees every file", UNKNOWN)
        shared = set.intersection(*(set(control.state["skip"]) for control in controls))
        try:
            return search(self.host, sorted({c.state["finding"] for c in controls}), [*SKIP, *sorted(shared)], PATIENCE)
        except TookTooLong:
            raise Unfit(f"not all files were seen within {PATIENCE} seconds: name what to skip", UNKNOWN) from None
        except OSError as error:
            raise Unfit(f"{error.filename or 'the list of mounts'} cannot be read: {error.strerror}", UNKNOWN) from None

    def _judge(self, plan: Plan, control: Control, found: dict[str, list[Stray]]) -> Verdict:
        state = control.state
        strays, undecided = [], []
        for each in found[state["finding"]]:
            if _fits(each.path, state["fix"]):
                strays.append(each)
            elif not _is_accepted(each.path, state):
                undecided.append(each)
        named = _named(undecided or strays)
        if undecided:
            return Verdict(FAILED, named, reason=f"{len(undecided)} found: {', '.join(named)}")
        if not strays:
            return Verdict(COMPLIANT, [], [])
        step, names = step_for(f"stray files {control.id}", [control]), Names()
        for each in strays:
            if self.host.fs.is_read_only(self.host.path(os.path.dirname(each.path))):
                raise Unfit(f"{each.path} is on a read-only file system")
            step.changes.append(SetState.meta(each.path, *mended(state["finding"], each, names)))
        plan.steps.append(step)
        reason = f"{len(strays)} files are put right: {', '.join(named)}"
        return Verdict(CHANGE, named, [], reason, step=step.name)


def mended(finding: str, stray: Stray, names: Names) -> tuple[int, int, int]:
    """Mode, owner and group of a file that is put right."""
    if finding == "world_writable":
        return stray.mode & ~stat.S_IWOTH, stray.uid, stray.gid
    if finding == "no_sticky_bit":
        return stray.mode | stat.S_ISVTX, stray.uid, stray.gid
    if finding == "suid":
        return stray.mode & ~SUID, stray.uid, stray.gid
    uid = stray.uid if names.has_user(stray.uid) else ROOT
    return stray.mode, uid, stray.gid if names.has_group(stray.gid) else ROOT


def _is_accepted(path: str, state: Any) -> bool:
    if _fits(path, [*state["accept"], *state["skip"], *(f"{pattern}/*" for pattern in state["skip"])]):
        return True
    return path.startswith(PROGRAMS) and _fits(os.path.basename(path), state["programs"])


def _fits(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def _named(strays: Sequence[Stray]) -> list[str]:
    """The paths of the first few, and how many there are beyond."""
    more = [f"and {len(strays) - NAMED} more"] if len(strays) > NAMED else []
    return [*(stray.path for stray in strays[:NAMED]), *more]
