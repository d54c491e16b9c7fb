# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a host tells, without changing it and without root: its summary, and what could not be seen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import listening_ports, pending_updates

Command = pending_updates.Command
FAILED_UNITS = ["systemctl", "list-units", "--failed", "--all", "--plain", "--no-legend", "--full", "--no-pager"]
KIBIBYTE = 1024


def parse_os_release(text: str) -> dict[str, str]:
    """Read /etc/os-release."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key: value.strip().strip("\"'") for key, value in pairs}


def parse_meminfo(text: str) -> dict[str, int]:
    """Read /proc/meminfo, in bytes."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key: int(value.split()[0]) * KIBIBYTE for key, value in pairs if value.strip()}


def parse_failed_units(text: str) -> list[str]:
    """Read the first column of `systemctl list-units --failed --plain`."""
    return sorted(line.split()[0] for line in text.splitlines() if line.strip())


@dataclass
class HostSummary:
    """Looks at a host through its files below `root`, its `command`s and the clock."""

    command: Command
    now: float
    root: str = "/"
    find: Callable[[str], str | None] = shutil.which
    uname: os.uname_result = field(default_factory=os.uname)
    privileged: bool = field(default_factory=lambda: os.geteuid() == 0)
    unknown: list[dict[str, str]] = field(default_factory=list)

    def collect(self, sections: Sequence[str]) -> dict[str, Any]:
        """Return the wanted sections; what could not be seen is noted in `unknown`."""
        found = {section: getattr(self, f"_{section}")() for section in sections}
        return {**found, "unknown": self.unknown}

    def _host(self) -> dict[str, Any]:
        release = parse_os_release(self._read("etc/os-release"))
        memory = parse_meminfo(self._read("proc/meminfo"))
        return {
            "hostname": self.uname.nodename,
            "distribution": release.get("PRETTY_NAME") or release.get("ID"),
            "kernel": self.uname.release,
            "architecture": self.uname.machine,
            "uptime_seconds": int(float((self._read("proc/uptime") or "0").split()[0])),
            "load_average": [float(number) for number in self._read("proc/loadavg").split()[:3]],
            "cpus": os.cpu_count(),
            "memory_total_bytes": memory.get("MemTotal"),
            "memory_available_bytes": memory.get("MemAvailable"),
            "swap_total_bytes": memory.get("SwapTotal"),
        }

    def _updates(self) -> dict[str, Any]:
        try:
            updates = pending_updates.summarize(self._ask_package_manager())
        except pending_updates.UpdatesUnknown as error:
            self._not_seen("pending updates", str(error))
            updates = {"count": None, "security_count": None, "packages": []}
        return {**updates, "lists_age_seconds": self._lists_age(), **self._reboot()}

    def _ask_package_manager(self) -> list[pending_updates.Update]:
        if self.find("apt-get"):
            return pending_updates.ask_apt(self.command)
        if self.find("dnf"):
            return pending_updates.ask_dnf(self.command)
        raise pending_updates.UpdatesUnknown("neither apt-get nor dnf is installed")

    def _lists_age(self) -> int | None:
        written = pending_updates.newest_mtime(self._path("var/lib/apt/lists"))
        return None if written is None else max(0, int(self.now - written))

    def _reboot(self) -> dict[str, Any]:
        reasons = pending_updates.host_reboot_reasons(self.root, self.uname.release)
        return {"reboot_required": bool(reasons), "reboot_reasons": reasons}

    def _failed_units(self) -> list[str] | None:
        if not os.path.isdir(self._path("run/systemd/system")):
            self._not_seen("failed units", "systemd does not run here")
            return None
        rc, out, err = self.command(FAILED_UNITS)
        if rc != 0:
            self._not_seen("failed units", err.strip())
            return None
        return parse_failed_units(out)

    def _listening_ports(self) -> list[dict[str, object]]:
        proc = self._path("proc")
        ports = listening_ports.describe(listening_ports.read_sockets(proc), listening_ports.read_owners(proc))
        hidden = sum(port["process"] is None for port in ports)
        if hidden:
            reason = "held by the kernel or another container" if self.privileged else "needs root"
            self._not_seen(f"process of {hidden} listening ports", reason)
        return ports

    def _not_seen(self, what: str, reason: str) -> None:
        self.unknown.append({"what": what, "reason": reason})

    def _path(self, relative: str) -> str:
        return os.path.join(self.root, relative)

    def _read(self, relative: str) -> str:
        try:
            with open(self._path(relative), encoding="utf-8", errors="replace") as source:
                return source.read()
        except OSError:
            return ""
