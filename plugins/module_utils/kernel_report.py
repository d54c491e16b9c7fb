# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a host tells of its kernel settings: the running value, who sets it at boot, and what can be set.

Reads only. A later file wins with sysctl.d, an earlier line with tmpfiles.d; programs that set values after these two
(ufw, tuned) win over both.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .drop_in_order import in_order
from .fs import in_words
from .host import Host
from .kinds.kernel_module import canonical, loaded_modules
from .kinds.kernel_value import plain
from .providers.boot_sysctl import BootSysctl, normal_key, parse, same_value
from .providers.cmdline import DebianGrub
from .scoped_files import names_in, read_text

TMPFILES = ("/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d")
MODULES_LOAD = (
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
)
MODPROBE = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d")
# What brings a parameter that is missing.
MODULE_OF = {"net/netfilter/": "nf_conntrack", "net/bridge/": "br_netfilter"}
WHOLE_USER_NAMESPACE = ["0", "0", "4294967295"]
UFW, UFW_SYSCTL = "/etc/ufw/ufw.conf", "/etc/ufw/sysctl.conf"
TUNED_WANTED = "/etc/systemd/system/multi-user.target.wants/tuned.service"
TUNED_PROFILE, TUNED_HOMES = "/etc/tuned/active_profile", ("/etc/tuned", "/usr/lib/tuned", "/usr/lib/tuned/profiles")


# The state keys of controls that are looked at: the kind, and the options with its name and what is wanted.
CONTROLS = {
    "sysctl": ("sysctl", "key", "value"),
    "sysfs": ("sysfs", "path", "value"),
    "kernel_module": ("module", "name", "state"),
    "cmdline": ("cmdline", "parameter", "value"),
}


@dataclass(frozen=True)
class Question:
    """One setting to look at; for a control with its id and what it wants."""

    kind: str
    name: str
    id: str | None = None
    wanted: str | None = None


def questions(controls: Sequence[Mapping[str, Any]]) -> list[Question]:
    """The questions that a list of controls stands for; other kinds are left out."""
    found = []
    for control in controls:
        for key, (kind, name, value) in CONTROLS.items():
            if isinstance(control.get(key), Mapping) and name in control[key]:
                wanted = control[key].get(value)
                words = wanted if isinstance(wanted, (list, tuple)) else [] if wanted is None else [wanted]
                text = " ".join(map(str, words))
                found.append(Question(kind, str(control[key][name]), str(control.get("id")), text))
    return found


@dataclass(frozen=True)
class Line:
    """What one file says of a setting."""

    file: str
    value: str

    def told(self) -> dict[str, str]:
        """As it is handed out."""
        return {"file": self.file, "value": self.value}


class KernelReport:
    """One look at one host."""

    def __init__(self, host: Host, is_root: bool | None = None) -> None:
        self.host = host
        self.is_root = os.geteuid() == 0 if is_root is None else is_root
        self.boot = BootSysctl(host, {})
        self.late = list(self._late())

    def machine(self) -> dict[str, int]:
        """The sizes that values are computed from; 0 is unknown."""
        memory = dict(re.findall(r"^(\w+):\s+(\d+)", read_text(self.host, "/proc/meminfo") or "", re.MULTILINE))
        return {
            "memory_mib": int(memory.get("MemTotal", 0)) // 1024,
            "cores": os.cpu_count() or 1,
            "nic_mbits": max(self._speeds(), default=0),
            "hugepage_kib": int(memory.get("Hugepagesize", 2048)),
        }

    def environment(self) -> dict[str, Any]:
        """Whose kernel it is."""
        mapped = (read_text(self.host, "/proc/self/uid_map") or " ".join(WHOLE_USER_NAMESPACE)).split()
        return {
            "container": self.host.is_container,
            "user_namespace": mapped != WHOLE_USER_NAMESPACE,
            "proc_sys_read_only": self._is_read_only("/proc/sys"),
            "sys_read_only": self._is_read_only("/sys"),
            "root": self.is_root,
        }

    def settings(self, asked: Sequence[Question]) -> list[dict[str, Any]]:
        """One entry for each question, in their order."""
        look = {"sysctl": self._sysctl, "sysfs": self._sysfs, "module": self._module, "cmdline": self._cmdline}
        return [{**asdict(question), **look[question.kind](question.name)} for question in asked]

    # The kinds ---------------------------------------------------------------------------------------------------

    def _sysctl(self, name: str) -> dict[str, Any]:
        path = f"/proc/sys/{normal_key(name)}"
        running, reason = self._value(path)
        winner = self.boot.winner(name)
        lines = [Line(a.file, a.value) for a in self.boot.contenders(name) if a.value is not None]
        late = [line for line in self.late if normal_key(line.name) == normal_key(name)]
        if late:
            chosen: Line | None = Line(late[-1].file, late[-1].value)
        else:
            chosen = Line(winner.file, winner.value) if winner is not None and winner.value is not None else None
        lines += [Line(line.file, line.value) for line in late]
        return {**_told(running, reason, chosen, lines), **self._unread(name)}

    def _sysfs(self, name: str) -> dict[str, Any]:
        running, reason = self._value(name)
        lines = list(self._tmpfiles(name))
        return _told(running, reason, lines[0] if lines else None, lines)

    def _module(self, name: str) -> dict[str, Any]:
        loaded = "loaded" if canonical(name) in loaded_modules(self.host) else "not loaded"
        lines = [*self._module_lines(MODULES_LOAD, name), *self._module_lines(MODPROBE, name)]
        blocking = [line for line in lines if line.value == "blocked"]
        reason = "a container shares its kernel" if self.host.is_container else self._root_reason()
        return _told(loaded, reason, blocking[0] if blocking else lines[0] if lines else None, lines)

    def _cmdline(self, name: str) -> dict[str, Any]:
        words = (read_text(self.host, "/proc/cmdline") or "").split()
        running = [word for word in words if word.partition("=")[0] == name]
        reason = "a container has no boot loader of its own" if self.host.is_container else self._root_reason()
        lines = list(self._grub_lines(name))
        return _told(running[-1] if running else None, reason, lines[-1] if lines else None, lines)

    # Whether it can be set ---------------------------------------------------------------------------------------

    def _value(self, path: str) -> tuple[str | None, str]:
        """The running value, and why it could not be set here; empty where it could."""
        place = self.host.path(path)
        if not os.path.exists(place):
            module = next((name for start, name in MODULE_OF.items() if path.startswith(f"/proc/sys/{start}")), "")
            hint = f": its module {module} is not loaded" if module else ""
            return None, f"this kernel has no {path}{hint}"
        try:
            value = plain(self.host.fs.read(place).decode("utf-8", "replace").strip())
        except OSError as error:
            return None, f"{path} cannot be read: {in_words(error)}"
        return value, self._why_not(path)

    def _why_not(self, path: str) -> str:
        place, where = self.host.path(path), self.environment()
        if self.host.fs.is_read_only(place):
            if self.host.is_container:
                return f"{path} is read-only: this kernel belongs to the machine around the container"
            return f"{path} is on a file system that is mounted read-only"
        if not self.is_root:
            return "it needs root"
        if where["user_namespace"] and os.stat(place).st_uid != 0:
            return f"{path} does not belong to this user namespace: its root may not set it"
        if not os.stat(place).st_mode & 0o222:
            return f"{path} can only be read"
        return ""

    def _root_reason(self) -> str:
        return "" if self.is_root else "it needs root"

    def _is_read_only(self, path: str) -> bool:
        place = self.host.path(path)
        return os.path.exists(place) and self.host.fs.is_read_only(place)

    # Who says what -----------------------------------------------------------------------------------------------

    def _late(self) -> Iterator[_Late]:
        """What programs set after systemd-sysctl has."""
        if re.search(r"^\s*ENABLED=yes", read_text(self.host, UFW) or "", re.MULTILINE):
            for line in parse(UFW_SYSCTL, read_text(self.host, UFW_SYSCTL) or ""):
                if line.value is not None:
                    yield _Late(UFW_SYSCTL, line.key, line.value)
        if os.path.lexists(self.host.path(TUNED_WANTED)):
            yield from self._of_tuned((read_text(self.host, TUNED_PROFILE) or "").split())

    def _of_tuned(self, profiles: Sequence[str], depth: int = 0) -> Iterator[_Late]:
        """The sysctl section of tuned's active profiles, those that they include first."""
        for profile in profiles:
            path = next((f"{home}/{profile}/tuned.conf" for home in TUNED_HOMES if self._has(home, profile)), "")
            text = read_text(self.host, path) if path else None
            if text is None or depth > 9:
                continue
            for names in re.findall(r"^\s*include\s*=\s*(.+)$", text, re.MULTILINE):
                yield from self._of_tuned(re.split(r"[\s,]+", names.strip()), depth + 1)
            body = "\n".join(re.findall(r"^\[sysctl\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL))
            for name, value in re.findall(r"^\s*([\w./-]+)\s*=\s*(.+)$", body, re.MULTILINE):
                yield _Late(path, name, value.strip().strip('"'))

    def _has(self, home: str, profile: str) -> bool:
        return os.path.isfile(self.host.path(f"{home}/{profile}/tuned.conf"))

    def _unread(self, name: str) -> dict[str, Any]:
        """A line of /etc/sysctl.conf counts only where a link leads to it from sysctl.d; Debian 13 has none."""
        lines = list(parse("/etc/sysctl.conf", read_text(self.host, "/etc/sysctl.conf") or ""))
        values = [a.value for a in lines if a.key == normal_key(name) and a.value is not None]
        linked = any("sysctl.conf" in self._link(f"/etc/sysctl.d/{n}") for n in names_in(self.host, "/etc/sysctl.d"))
        return {"unread": Line("/etc/sysctl.conf", values[-1]).told() if values and not linked else None}

    def _link(self, path: str) -> str:
        place = self.host.path(path)
        return os.readlink(place) if os.path.islink(place) else ""

    def _tmpfiles(self, name: str) -> Iterator[Line]:
        for path, text in self._drop_ins(TMPFILES):
            for line in text.splitlines():
                words = line.split(None, 6)
                if len(words) == 7 and words[0][0] == "w" and words[1] == name:
                    yield Line(path, words[6])

    def _module_lines(self, directories: Sequence[str], name: str) -> Iterator[Line]:
        """Who loads a module at boot, and who keeps it from being loaded."""
        for path, text in self._drop_ins(directories):
            for line in text.splitlines():
                words = line.split()
                if directories is MODULES_LOAD and len(words) == 1 and canonical(words[0]) == canonical(name):
                    yield Line(path, "loaded")
                stops = len(words) > 1 and words[0] in ("install", "blacklist")
                if directories is MODPROBE and stops and canonical(words[1]) == canonical(name):
                    yield Line(path, "blocked" if words[0] == "install" else "not loaded by itself")

    def _grub_lines(self, name: str) -> Iterator[Line]:
        """Words of the boot loader's configuration, in the order of its files."""
        names = names_in(self.host, "/etc/default/grub.d", ".cfg")
        for path in ["/etc/default/grub", *(f"/etc/default/grub.d/{each}" for each in names)]:
            for word in sorted(DebianGrub.words(read_text(self.host, path) or "").get(name, ())):
                yield Line(path, word)

    def _drop_ins(self, directories: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Files by the order of their names; one hides those of its name in later directories."""
        for path in in_order(directories, lambda directory: names_in(self.host, directory, ".conf")):
            yield path, read_text(self.host, path) or ""

    def _speeds(self) -> Iterator[int]:
        """Mbit/s of the network cards that are up and tell it."""
        for name in names_in(self.host, "/sys/class/net"):
            try:
                speed = int(read_text(self.host, f"/sys/class/net/{name}/speed") or 0)
            except (OSError, ValueError):
                continue
            if speed > 0:
                yield speed


@dataclass(frozen=True)
class _Late:
    """A value that a program sets after the boot's own settings."""

    file: str
    name: str
    value: str


def _told(running: str | None, reason: str, chosen: Line | None, lines: Sequence[Line]) -> dict[str, Any]:
    """One setting: its value now and after a reboot, who decides, and who else had a say."""
    others = [line.told() for line in lines if chosen is None or line != chosen]
    return {
        "running": running,
        "settable": not reason,
        "reason": reason,
        "boot": chosen.told() if chosen else None,
        "shadowed": others,
        "same_after_reboot": None if chosen is None or running is None else same_value(chosen.value, running),
    }
