# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on a host before this collection changes anything: looked at only, without a trace, also without root."""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from . import dpkg_files, listening_ports, manager_marks, tree_manifest
from .boot_unit import DEFAULT_STATE_DIR
from .providers.boot_sysctl import parse as parse_sysctl

Command = Callable[[Sequence[str]], tuple[int, str, str]]

# What our roles are about, by topic. `**` goes down, and a place that is not there is fine.
WATCHED: tuple[tuple[str, str], ...] = (
    ("haproxy", "/etc/haproxy/**"),
    ("nginx", "/etc/nginx/nginx.conf"),
    ("nginx", "/etc/nginx/conf.d/*"),
    ("nginx", "/etc/nginx/sites-enabled/*"),
    ("prometheus", "/etc/prometheus/**"),
    ("prometheus", "/etc/default/prometheus*"),
    ("ssh", "/etc/ssh/sshd_config"),
    ("ssh", "/etc/ssh/sshd_config.d/*"),
    ("sudo", "/etc/sudoers"),
    ("sudo", "/etc/sudoers.d/*"),
    ("sysctl", "/etc/sysctl.conf"),
    ("sysctl", "/etc/sysctl.d/*.conf"),
    ("modules", "/etc/modprobe.d/*"),
    ("modules", "/etc/modules-load.d/*"),
    ("limits", "/etc/security/limits.conf"),
    ("limits", "/etc/security/limits.d/*"),
    ("audit", "/etc/audit/auditd.conf"),
    ("audit", "/etc/audit/rules.d/*"),
    ("firewall", "/etc/nftables.conf"),
    ("firewall", "/etc/nftables.d/*"),
    ("firewall", "/etc/ufw/*.rules"),
    ("firewall", "/etc/firewalld/zones/*"),
    ("firewall", "/etc/iptables/rules.v*"),
    ("systemd", "/etc/systemd/*.conf"),
    ("systemd", "/etc/systemd/*.conf.d/*.conf"),
    ("unit", "/etc/systemd/system/*.service"),
    ("unit", "/etc/systemd/system/*.timer"),
    ("drop-in", "/etc/systemd/system/*.d/*.conf"),
    ("apt", "/etc/apt/sources.list"),
    ("apt", "/etc/apt/sources.list.d/*"),
    ("apt", "/etc/apt/apt.conf.d/*"),
    ("apt", "/etc/apt/preferences.d/*"),
    ("apt", "/etc/yum.repos.d/*.repo"),
)
FIREWALLS = ("ufw", "firewalld", "nftables", "netfilter-persistent", "shorewall")
FIREWALL_UNITS = tuple(f"{name}.service" for name in FIREWALLS)
EVENKEEL = "evenkeel"
MOST_FILES = 5000
MOST_BYTES = 4 << 20
EXEC = re.compile(r"^\s*(Exec[A-Za-z]+|User|Group|Type)\s*=", re.MULTILINE)
NGINX_DEFAULT = re.compile(r"(?<![\w-])listen\s+([^;{}]*?)\s+default_server(?![\w-])")
NGINX_NAMES = re.compile(r"(?<![\w-])server_name\s+([^;{}]+);")


@dataclass
class Finding:
    """One file that is there."""

    topic: str
    path: str
    # package, modified, foreign, evenkeel or unknown (see dpkg_files).
    origin: str
    # The manager whose words stand in it.
    manager: str = ""
    # The settings in it, for topics whose order decides: ssh and sysctl.
    keys: dict[str, str] = field(default_factory=dict)
    # Of a drop-in: what it sets of how the unit starts. Of an nginx file: what may be there once only.
    claims: list[str] = field(default_factory=list)


@dataclass
class Look:
    """Looks at a host through its files below `root` and its `command`s. `more` are paths to look at beside ours."""

    command: Command
    more: Sequence[str] = ()
    root: str = "/"
    state_dir: str = DEFAULT_STATE_DIR
    privileged: bool = field(default_factory=lambda: os.geteuid() == 0)
    unseen: list[dict[str, str]] = field(default_factory=list)

    def collect(self) -> dict[str, Any]:
        """All of it."""
        return {
            "files": [asdict(finding) for finding in self.files()],
            "managers": manager_marks.present(self.root),
            "firewalls": self.firewalls(),
            "listeners": self.listeners(),
            "active_units": self.active_units(),
            "unseen": self.unseen,
        }

    # --- files ---

    def files(self) -> list[Finding]:
        """Each file once, under the first topic that names it; edited conffiles of any topic, too."""
        packages = dpkg_files.read(self.root)
        if not packages.known:
            self._not_seen("which package brought a file", "this host has no dpkg")
        own = self._owned_by_trees()
        found: dict[str, Finding] = {}
        for topic, path in self._paths(packages):
            if path not in found and len(found) < MOST_FILES:
                finding = self._finding(topic, path, packages, own)
                if finding is not None:
                    found[path] = finding
        # Of all the other conffiles only those that somebody edited.
        return [each for each in found.values() if each.topic != "conffile" or each.origin == dpkg_files.MODIFIED]

    def _paths(self, packages: dpkg_files.PackageFiles) -> Iterator[tuple[str, str]]:
        for topic, pattern in WATCHED:
            yield from ((topic, path) for path in self._matches(pattern))
        for pattern in self.more:
            yield from (("other", path) for path in self._matches(pattern))
        yield from (("conffile", path) for path in sorted(packages.shipped))

    def _matches(self, pattern: str) -> list[str]:
        directory = self._path(os.path.dirname(pattern.replace("/**", "/x")))
        if os.path.isdir(directory) and not os.access(directory, os.R_OK | os.X_OK):
            self._not_seen(os.path.dirname(pattern.replace("/**", "/x")), "needs root")
            return []
        paths = sorted(glob.glob(self._path(pattern), recursive=True))
        return ["/" + os.path.relpath(path, self.root) for path in paths]

    def _finding(self, topic: str, path: str, packages: dpkg_files.PackageFiles, own: set[str]) -> Finding | None:
        place = self._path(path)
        real = os.path.realpath(place)
        if topic == "unit" and os.path.islink(place):
            return None  # an alias, or a mask
        try:
            if not stat.S_ISREG(os.stat(place).st_mode):
                return None
            with open(place, "rb") as stream:
                content = stream.read(MOST_BYTES)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                self._not_seen(path, "needs root")
            return None
        name = "/" + os.path.relpath(real, os.path.realpath(self.root))
        is_own = path in own or EVENKEEL in os.path.basename(path)
        whose = EVENKEEL if is_own else dpkg_files.origin(name, content, packages)
        # A package's own words may tell of managers: only what others wrote is asked.
        manager = manager_marks.writer(content) if whose not in (EVENKEEL, dpkg_files.PACKAGE) else ""
        text = content.decode("utf-8", "replace")
        return Finding(topic, path, whose, manager, _keys(topic, path, text), _claims(topic, text))

    def _owned_by_trees(self) -> set[str]:
        """Files that config_tree has written here, as far as the journal may be read."""
        directory = self._path(self.state_dir)
        if not os.path.isdir(directory):
            return set()
        if not os.access(directory, os.R_OK | os.X_OK):
            self._not_seen(self.state_dir, "needs root")
            return set()
        found: set[str] = set()
        for name in sorted(os.listdir(directory)):
            if name.startswith(tree_manifest.PREFIX):
                with open(os.path.join(directory, name), encoding="utf-8") as stream:
                    found |= set(json.load(stream).get("files", ()))
        return found

    # --- what runs ---

    def firewalls(self) -> list[str]:
        """What filters packets here beside us: units that are active, and tables in the kernel."""
        found = [f"{name} is active" for name in self._active(FIREWALL_UNITS)]
        if re.search(r"^ENABLED=yes", self._text("/etc/ufw/ufw.conf"), re.MULTILINE):
            found.append("ufw is enabled in /etc/ufw/ufw.conf")
        rc, out, err = self.command(["nft", "list", "tables"])
        if rc == 0:
            tables = [line.partition(" ")[2] for line in out.splitlines() if line.startswith("table ")]
            found += [f"nftables has the table {name}" for name in tables if not name.split()[-1].startswith(EVENKEEL)]
        elif rc != 127:
            self._not_seen("rules of nftables", err.strip() if self.privileged else "needs root")
        return found

    def _active(self, units: Sequence[str]) -> list[str]:
        rc, out, _err = self.command(["systemctl", "is-active", "--", *units])
        states = out.split()
        return [] if rc == 127 else [name for name, state in zip(units, states) if state == "active"]

    def listeners(self) -> list[dict[str, Any]]:
        """Ports, and whose they are."""
        proc = self._path("/proc")
        found = listening_ports.describe(listening_ports.read_sockets(proc), listening_ports.read_owners(proc))
        hidden = sum(port["process"] is None for port in found)
        if hidden and not self.privileged:
            self._not_seen(f"process of {hidden} listening ports", "needs root")
        return found

    def active_units(self) -> list[str]:
        """Units that run now."""
        rc, out, err = self.command(["systemctl", "list-units", "--state=active", "--plain", "--no-legend", "--full"])
        if rc != 0:
            self._not_seen("active units", err.strip() or "systemd does not run here")
            return []
        names = (line.split()[0] for line in out.splitlines() if line.strip())
        return sorted(name for name in names if name.endswith((".service", ".socket", ".timer")))

    # --- reading ---

    def _path(self, path: str) -> str:
        return os.path.join(self.root, path.lstrip("/"))

    def _text(self, path: str) -> str:
        try:
            with open(self._path(path), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""
        except PermissionError:
            self._not_seen(path, "needs root")
            return ""

    def _not_seen(self, what: str, reason: str) -> None:
        entry = {"what": what, "reason": reason}
        if entry not in self.unseen:
            self.unseen.append(entry)


def _keys(topic: str, path: str, text: str) -> dict[str, str]:
    """Key to value; of a key that stands twice the value that its program takes."""
    if topic == "sysctl":
        return {each.key: each.value for each in parse_sysctl(path, text) if each.value is not None}
    found: dict[str, str] = {}
    if topic == "ssh":
        for line in text.splitlines():
            words = line.split(None, 1)
            if words[:1] == ["Match"] or words[:1] == ["match"]:
                break  # from here on it is about some connections only
            if len(words) == 2 and not words[0].startswith("#"):
                found.setdefault(words[0].lower(), words[1].strip())
    return found


def _claims(topic: str, text: str) -> list[str]:
    if topic in ("drop-in", "unit"):
        return sorted({match[1] for match in EXEC.finditer(text)})
    if topic == "nginx":
        text = re.sub(r"#.*", "", text)
        ports = [listen.split()[0].rpartition(":")[2] for listen in NGINX_DEFAULT.findall(text)]
        defaults = [f"default_server {port}" for port in ports]
        names = [f"server_name {name}" for names in NGINX_NAMES.findall(text) for name in names.split() if name != "_"]
        return list(dict.fromkeys([*defaults, *names]))
    return []
