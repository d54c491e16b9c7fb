# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies below: mounts, kernel modules, packages, files and who may read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..providers.base import Control, Verdict
from ..scoped_files import names_in
from .scene import Scene, within
from .touch import Touch

RIGHTS = {4: "read", 2: "write", 1: "enter or run"}
JOBS = {"/etc/cron.allow": "/var/spool/cron/crontabs", "/etc/at.allow": "/var/spool/cron/atjobs"}


def mount(control: Control, scene: Scene) -> Iterator[Touch]:
    """Processes whose program or libraries lie on a file system that shall run none."""
    path, options = control.state["path"], set(control.state["options"])
    for process in scene.processes:
        code = sorted(
            each for each in scene.mapped_code(process) | {process.exe} if each and scene.on_mount(each, path)
        )
        if "noexec" in options and code:
            yield Touch("process", scene.named(process), f"runs {code[0]}: goes on, but does not start again")
        elif "nosuid" in options and any(scene.is_suid(each) for each in code):
            yield Touch(
                "process",
                scene.named(process),
                f"runs {code[0]} with the rights of its owner: not so at its next start",
            )


def kernel_module(control: Control, scene: Scene) -> Iterator[Touch]:
    """A module that is loaded, what uses it, and what is mounted with it."""
    name = str(control.state["name"])
    if control.state.get("state") == "loaded":
        return
    for line in scene.host.glance("/proc/modules").splitlines():
        words = line.split()
        if len(words) > 3 and words[0] == name.replace("-", "_"):
            users = words[3].rstrip(",")
            by = f", used by {users}" if users != "-" else ""
            yield Touch("module", name, f"is loaded, {words[2]} uses{by}: cannot be loaded again once it is gone")
    for point, kind in scene.mounts:
        if kind == name:
            yield Touch("mount", f"{point} ({kind})", "stays until it is unmounted, and cannot be mounted again")


def package(control: Control, scene: Scene) -> Iterator[Touch]:
    """Processes that run a program of a package that goes."""
    if control.state.get("state", "present") != "absent":
        return
    name = str(control.state["name"])
    owned = set(scene.host.run(["dpkg-query", "--listfiles", "--", name]).out.splitlines())
    for process in scene.processes:
        if process.exe in owned:
            yield Touch("process", scene.named(process), f"runs {process.exe}, which goes with the package {name}")


def file(control: Control, verdict: Verdict, scene: Scene) -> Iterator[Touch]:
    """People and processes that lose what a mode or an owner let them do."""
    path = str(control.state["path"])
    for user in names_in(scene.host, JOBS[path]) if path in JOBS else ():
        yield Touch("user", user, f"has jobs: they go on, but cannot be changed unless {path} names the user")
    before, after = verdict.before, verdict.after
    if after == "absent":
        for process in scene.processes:
            if any(within(each, path) for each in scene.open_files(process)):
                yield Touch("process", scene.named(process), f"has {path} open, which goes")
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _losing_people(path, before, after, scene)
        yield from _losing_processes(path, before, after, scene)


def _losing_people(path: str, before: Mapping[str, Any], after: Mapping[str, Any], scene: Scene) -> Iterator[Touch]:
    losing: dict[int, list[str]] = {}
    for account in scene.people:
        groups = account.groups | {account.name}
        lost = rights(before, account.name, groups) & ~rights(after, account.name, groups)
        if account.uid != 0 and lost:
            losing.setdefault(lost, []).append(account.name)
    for lost, names in losing.items():
        yield Touch("user", ", ".join(names), f"can {_spoken(lost)} {path} no more")


def _losing_processes(path: str, before: Mapping[str, Any], after: Mapping[str, Any], scene: Scene) -> Iterator[Touch]:
    for process in scene.processes:
        user = scene.user_name(process.uid)
        found = scene.accounts.get(user)
        groups = (found.groups if found else frozenset()) | {user}
        lost = rights(before, user, groups) & ~rights(after, user, groups)
        if process.uid != 0 and lost and any(within(each, path) for each in scene.open_files(process)):
            yield Touch(
                "process", scene.named(process), f"has {path} open: keeps it, but can {_spoken(lost)} it no more"
            )


def rights(state: Mapping[str, Any], user: str, groups: frozenset[str]) -> int:
    """The bits of the mode that hold for a user: the first class that fits decides."""
    mode = int(str(state.get("mode", "0")), 8)
    if user == state.get("owner"):
        return mode >> 6 & 7
    return mode >> 3 & 7 if state.get("group") in groups else mode & 7


def _spoken(bits: int) -> str:
    return " and ".join(word for bit, word in RIGHTS.items() if bits & bit)
