# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a host at this moment, read from /proc and the account database when it is asked for.

Without root the kernel hides the files and sockets of other users' processes. What was not seen is listed in `unseen`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..accounts import NO_LOGIN_SHELLS, Account, read_accounts
from ..host import Host
from ..listening_ports import Socket, decode_address, read_owners, read_sockets
from ..operator_session import sshd_ports
from ..scoped_files import read_text

ESTABLISHED = "01"
NO_SHELLS = {*map(os.path.basename, NO_LOGIN_SHELLS), "sync", "shutdown", "halt"}
# What sshd calls the process that keeps a session's connection; sshd-session since OpenSSH 9.8.
SESSION = re.compile(r"sshd(?:-session)?: (?P<user>[^ @\[]+)(?: \[priv\]|@)")
ACCEPTED = re.compile(
    r"Accepted (?P<method>\S+) for (?P<user>\S+) from (?P<address>\S+) port \d+ ssh2(?:: (?P<key>\S+))?"
)
LOGINS = ("journalctl", "--quiet", "--no-pager", "--output=cat", "--since=-30days", "--lines=5000", "--grep=^Accepted ")


@dataclass(frozen=True)
class Process:
    """One process, as far as it can be seen."""

    pid: int
    name: str
    title: str
    uid: int
    exe: str
    unit: str
    tracer: int


@dataclass(frozen=True)
class Connection:
    """An open TCP connection that a peer has made to a port of this host."""

    port: int
    peer: str
    inode: int


@dataclass(frozen=True)
class Login:
    """A login over SSH that the journal remembers."""

    user: str
    address: str
    method: str
    key: str


class Scene:
    """Reads each thing once, and only if a control is about it."""

    def __init__(self, host: Host, privileged: bool | None = None) -> None:
        self.host = host
        self.privileged = os.geteuid() == 0 if privileged is None else privileged
        self.unseen: dict[str, str] = {}

    # Processes ------------------------------------------------------------------------------------------------------

    @cached_property
    def processes(self) -> list[Process]:
        """Every process but the kernel's own threads and this look itself."""
        if not self.privileged:
            self.unseen["files and sockets of other users' processes"] = "needs root"
        proc = self.host.path("/proc")
        pids = sorted(int(name) for name in os.listdir(proc) if name.isdigit() and int(name) != os.getpid())
        found = (self._process(pid) for pid in pids)
        return [process for process in found if process is not None and (process.title or process.exe)]

    def _process(self, pid: int) -> Process | None:
        status = dict(line.split(":\t", 1) for line in self._proc(pid, "status").splitlines() if ":\t" in line)
        if "Uid" not in status:
            return None  # it has just ended
        title = self._proc(pid, "cmdline").replace("\0", " ").strip()
        units = re.findall(r"/([^/\n]+\.(?:service|socket|timer))(?=/|$)", self._proc(pid, "cgroup"), re.MULTILINE)
        return Process(
            pid=pid,
            name=status.get("Name", ""),
            title=title,
            uid=int(status["Uid"].split()[0]),
            exe=self._link(pid, "exe"),
            unit=units[0] if units else "",
            tracer=int(status.get("TracerPid", "0") or 0),
        )

    def named(self, process: Process) -> str:
        """`nginx (812, www-data)`."""
        return f"{process.name} ({process.pid}, {self.user_name(process.uid)})"

    def mapped_code(self, process: Process) -> set[str]:
        """Files whose code a process runs: its program and its libraries."""
        lines = (line.split(None, 5) for line in self._proc(process.pid, "maps").splitlines())
        return {words[5] for words in lines if len(words) == 6 and "x" in words[1] and words[5].startswith("/")}

    def open_files(self, process: Process) -> set[str]:
        """Paths that a process has open, and where it stands."""
        directory = self.host.path(f"/proc/{process.pid}/fd")
        try:
            links = [f"fd/{name}" for name in os.listdir(directory)]
        except OSError:
            return set()
        return {path for path in (self._link(process.pid, name) for name in [*links, "cwd"]) if path.startswith("/")}

    def namespace(self, pid: int, kind: str) -> str:
        """The namespace that a process lives in; empty where it cannot be seen."""
        return self._link(pid, f"ns/{kind}")

    def _proc(self, pid: int, name: str) -> str:
        return self.host.glance(f"/proc/{pid}/{name}")

    def _link(self, pid: int, name: str) -> str:
        try:
            return os.readlink(self.host.path(f"/proc/{pid}/{name}")).removesuffix(" (deleted)")
        except OSError:
            return ""

    # Network --------------------------------------------------------------------------------------------------------

    @cached_property
    def listeners(self) -> list[Socket]:
        """Sockets that wait for peers outside this host."""
        waiting = read_sockets(self.host.path("/proc"))
        return [socket for socket in waiting if not ipaddress.ip_address(socket.address).is_loopback]

    @cached_property
    def connections(self) -> list[Connection]:
        """Connections that peers outside this host have made."""
        ports = {socket.port for socket in read_sockets(self.host.path("/proc")) if socket.protocol == "tcp"}
        tables = (self.host.glance(f"/proc/net/{name}") for name in ("tcp", "tcp6"))
        return [found for table in tables for found in parse_connections(table) if found.port in ports]

    @cached_property
    def owners(self) -> dict[int, tuple[int, str]]:
        """Process number and name by inode of a socket."""
        found = read_owners(self.host.path("/proc"))
        if not self.privileged:
            self.unseen["processes of sockets"] = "needs root"
        return {inode: (process.pid, process.name) for inode, process in found.items()}

    def port_name(self, socket: Socket) -> str:
        """`tcp 80 (nginx)`."""
        owner = self.owners.get(socket.inode)
        return f"{socket.protocol} {socket.port}" + (f" ({owner[1]})" if owner else "")

    # People ---------------------------------------------------------------------------------------------------------

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """The local accounts."""
        if not self.privileged:
            self.unseen["who has a password"] = "needs root"  # noqa: S105 - a reason, no password
        return read_accounts(self.host)

    @cached_property
    def people(self) -> list[Account]:
        """Accounts that get a shell, and not one command only."""
        return [each for each in self.accounts.values() if os.path.basename(each.shell or "sh") not in NO_SHELLS]

    def user_name(self, uid: int) -> str:
        """The name of a uid, or its number."""
        return next((account.name for account in self.accounts.values() if account.uid == uid), str(uid))

    @cached_property
    def sessions(self) -> list[tuple[str, str]]:
        """Who is logged in over SSH, and from where."""
        titles = {process.pid: process.title for process in self.processes}
        found = []
        for connection in self.connections:
            pid, _name = self.owners.get(connection.inode, (0, ""))
            match = SESSION.match(titles.get(pid, ""))
            if match:
                found.append((match["user"], connection.peer))
        return sorted(set(found))

    @cached_property
    def logins(self) -> list[Login]:
        """Logins of the last 30 days that the journal has."""
        answer = self.host.run([*LOGINS, "--identifier=sshd", "--identifier=sshd-session"], timeout=20)
        if not answer.ok and answer.words:
            self.unseen["logins of the last 30 days"] = answer.words.splitlines()[-1]
        elif not self.privileged:
            self.unseen["logins of the last 30 days"] = "the journal shows those of others to root only"
        matches = (ACCEPTED.match(line) for line in answer.out.splitlines())
        return [Login(m["user"], m["address"], m["method"], m["key"] or "") for m in matches if m]

    @cached_property
    def ssh_ports(self) -> set[int]:
        """Where sshd listens."""
        return sshd_ports(self.host) or {22}

    def keys(self, account: Account) -> list[list[str]]:
        """The words of each line of an account's authorized_keys."""
        homes = {line[0]: line[5] for line in records(self.host, "/etc/passwd", 7)}
        path = f"{homes.get(account.name, '/nonexistent')}/.ssh/authorized_keys"
        try:
            text = read_text(self.host, path) or ""
        except OSError:
            self.unseen["keys of other users"] = "needs root"
            return []
        lines = (line.split() for line in text.splitlines())
        return [words for words in lines if words and not words[0].startswith("#")]

    # File systems ---------------------------------------------------------------------------------------------------

    @cached_property
    def mounts(self) -> list[tuple[str, str]]:
        """Mount points with their type, the longest path first."""
        lines = (line.split() for line in self.host.glance("/proc/mounts").splitlines())
        found = {words[1].replace("\\040", " "): words[2] for words in lines if len(words) > 2}
        return sorted(found.items(), key=lambda mount: -len(mount[0]))

    def on_mount(self, path: str, mount: str) -> bool:
        """Whether the file lies on this very mount, not on one below it."""
        return next((point for point, _kind in self.mounts if within(path, point)), "/") == mount

    def is_suid(self, path: str) -> bool:
        """Whether a program runs with another's rights."""
        try:
            return bool(os.stat(self.host.path(path)).st_mode & (stat.S_ISUID | stat.S_ISGID))
        except OSError:
            return False


def within(path: str, directory: str) -> bool:
    """Whether a path is a directory or below it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def records(host: Host, path: str, fields: int) -> list[list[str]]:
    """The lines of a file with fields between colons."""
    lines = (line.split(":") for line in host.glance(path).splitlines())
    return [line for line in lines if len(line) >= fields]


def parse_connections(table: str) -> Iterator[Connection]:
    """Open connections to peers elsewhere, from the text of /proc/net/tcp or tcp6."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != ESTABLISHED:
            continue
        port = int(fields[1].split(":")[1], 16)
        address: Any = ipaddress.ip_address(decode_address(fields[2].split(":")[0]))
        address = getattr(address, "ipv4_mapped", None) or address
        if not address.is_loopback:
            yield Connection(port, str(address), int(fields[9]))
