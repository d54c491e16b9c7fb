# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that still run code which was replaced on disk: found by needrestart, restarted one by one."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from . import hold
from .host import Host
from .lock import HostLock, LockHeld
from .module_args import own_run
from .pending_updates import host_reboot_reasons
from .unit_log import UnitLog

PROGRAM = "needrestart"
# Batch mode lists and never asks or restarts; -l, -k and so on would leave parts out.
COMMAND = (PROGRAM, "-b")
LINE = re.compile(r"NEEDRESTART-(?P<key>[A-Z]+):\s*(?P<value>.*)")
# needrestart's word for process 1, which takes new code over without losing anything.
MANAGER = "systemd-manager"
REEXEC = ("systemctl", "daemon-reexec")
# Units that check their configuration when they start, and would be down after a restart with a broken one.
CHECKS: Mapping[str, Sequence[str]] = {
    "ssh.service": ("sshd", "-t"),
    "sshd.service": ("sshd", "-t"),
    "nginx.service": ("nginx", "-t", "-q"),
    "haproxy.service": ("haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"),
}
# Units whose reload executes the program anew, while the old workers answer their last requests.
RENEWED_BY_RELOAD = ("haproxy.service",)
# How long the old workers may take; after that they are reported, and not cut off.
LAST_REQUESTS = 30.0
RESTART_TIMEOUT = 300.0
KERNEL_UPGRADED = {"2": "an ABI compatible kernel is installed", "3": "a newer kernel is installed"}


class OutdatedUnknown(Exception):
    """needrestart would not say."""


@dataclass(frozen=True)
class Found:
    """What needrestart says."""

    services: list[str] = field(default_factory=list)
    # Virtual machines and containers, and logins, that run replaced code: nobody restarts these by itself.
    containers: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    # Why only a reboot helps.
    reboot: list[str] = field(default_factory=list)


def parse(output: str) -> Found:
    """Read `needrestart -b`. Its KSTA is 0 unknown, 1 current, 2 ABI compatible upgrade, 3 version upgrade."""
    lines = [match for match in map(LINE.fullmatch, output.splitlines()) if match]
    values: dict[str, list[str]] = {}
    for match in lines:
        values.setdefault(match["key"], []).append(match["value"].strip())
    if "VER" not in values:
        raise OutdatedUnknown(f"needrestart -b gave no version line: {output.strip()[:200] or 'nothing at all'}")
    return Found(
        services=list(dict.fromkeys(values.get("SVC", []))),
        containers=values.get("CONT", []),
        sessions=values.get("SESS", []),
        reboot=[*_kernel(values), *_microcode(values)],
    )


def _kernel(values: Mapping[str, list[str]]) -> list[str]:
    status = (values.get("KSTA") or ["0"])[0]
    if status not in KERNEL_UPGRADED:
        return []
    running, expected = (values.get(key, ["?"])[0] for key in ("KCUR", "KEXP"))
    return [f"{KERNEL_UPGRADED[status]}: {expected}, {running} runs"]


def _microcode(values: Mapping[str, list[str]]) -> list[str]:
    current, available = (values.get(key, [""])[0] for key in ("UCCUR", "UCEXP"))
    return [f"newer microcode is there: {available}, {current} runs"] if available and available != current else []


def look(host: Host) -> Found | None:
    """What runs replaced code; None where needrestart is not installed."""
    if not host.has(PROGRAM):
        return None
    answer = host.run(COMMAND, timeout=RESTART_TIMEOUT)
    if not answer.ok:
        raise OutdatedUnknown(f"{' '.join(COMMAND)} returned {answer.rc}: {answer.words}")
    return parse(answer.out)


def split(services: Sequence[str], never: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those to be restarted, process 1 first, and those that must not be."""
    kept = [name for name in services if any(fnmatchcase(name, pattern) for pattern in never)]
    due = [name for name in services if name not in kept]
    return sorted(due, key=lambda name: name != MANAGER), kept


@dataclass
class Restarts:
    """One call of the module restart_outdated."""

    options: Mapping[str, Any]
    check_mode: bool
    host: Host = field(default_factory=Host)
    values: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    error: str = ""

    def serve(self) -> None:
        """Restart what is due, or say what would be."""
        self.values = {"known": True, "restarted": [], "kept": [], "outdated": [], "sessions": [], "containers": []}
        try:
            found = look(self.host)
        except OutdatedUnknown as unknown:
            self.error = str(unknown)
            return
        if found is None:
            self.values.update(known=False, reboot_reasons=self._distribution())
            if not self.check_mode:
                self.error = "needrestart is not installed, so nobody knows what runs replaced code; install it."
            return
        due, self.values["kept"] = split(found.services, self.options["never"])
        if self.check_mode:
            self.values["restarted"] = due
            self.changed = bool(due)
        elif due:
            self._restart_under_lock(due)
            found = self._look_again(found)
        self.values.update(sessions=found.sessions, containers=found.containers)
        reasons = [*self._distribution(), *found.reboot]
        self.values["reboot_reasons"] = list(dict.fromkeys(reasons))

    def _distribution(self) -> list[str]:
        return host_reboot_reasons(self.host.root, os.uname().release)

    def _restart_under_lock(self, due: Sequence[str]) -> None:
        """Nobody else changes the host meanwhile, and a host on hold is left alone."""
        state_dir = self.options["state_dir"]
        held = hold.read(state_dir, self.host.fs)
        if held:
            self.error = held.words
            return
        lock = HostLock(state_dir, self.host.fs)
        try:
            with lock.held(self.options.get("run") or own_run()):
                self._restart(due)
        except LockHeld as error:
            self.error = str(error)

    def _restart(self, due: Sequence[str]) -> None:
        failed = []
        for name in due:
            words = restart(self.host, name)
            if words:
                failed.append(words)
            else:
                self.values["restarted"].append(name)
                self.changed = True
        self.error = " ".join(failed)

    def _look_again(self, before: Found) -> Found:
        """What still runs replaced code."""
        reloaded = set(RENEWED_BY_RELOAD).intersection(self.values["restarted"])
        end = time.monotonic() + LAST_REQUESTS
        try:
            found = look(self.host) or before
            while reloaded.intersection(found.services) and time.monotonic() < end:
                time.sleep(1)
                found = look(self.host) or before
        except OutdatedUnknown as unknown:
            self.error = self.error or str(unknown)
            return before
        left = split(found.services, self.options["never"])[0]
        self.values["kept"] += [name for name in left if name in reloaded]
        self.values["outdated"] = [name for name in left if name not in reloaded]
        if self.values["outdated"] and not self.error:
            self.error = f"Restarted, and still running replaced code: {', '.join(self.values['outdated'])}."
        return found


def restart(host: Host, name: str) -> str:
    """Restart one unit, and see it run; empty where it does, else what is wrong."""
    if name == MANAGER:
        answer = host.run(REEXEC, timeout=RESTART_TIMEOUT)
        return "" if answer.ok else f"{' '.join(REEXEC)} returned {answer.rc}: {answer.words}."
    unit = name if "." in name else f"{name}.service"
    check = CHECKS.get(unit)
    if check:
        answer = host.run(check, timeout=RESTART_TIMEOUT)
        if not answer.ok:
            return f"{unit} is not restarted, because its configuration would not start it: {answer.words}."
    log = UnitLog(unit)
    log.mark(host)
    verb = "reload" if unit in RENEWED_BY_RELOAD else "restart"
    answer = host.run(["systemctl", verb, "--", unit], timeout=RESTART_TIMEOUT)
    if not answer.ok:
        return f"{unit} did not come back: {answer.words} {log.since(host)}".strip() + "."
    state = host.run(["systemctl", "is-active", "--", unit]).out.strip()
    if state not in ("active", "activating", "reloading"):
        return f"{unit} is {state or 'unknown'} after its restart: {log.since(host)}".strip() + "."
    return ""
