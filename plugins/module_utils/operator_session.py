# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in to make this change, and through which door, so that neither is shut by it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .host import Host
from .ssh_keys import NO_BITS, rsa_bits, rsa_fingerprint

UNSET_LOGIN = 4294967295
# The newest of this boot; sshd-session speaks since OpenSSH 9.8.
ACCEPTED_LOGIN = (
    *("journalctl", "--quiet", "--no-pager", "--output=cat", "--boot", "--reverse", "--lines=1"),
    *("--identifier=sshd", "--identifier=sshd-session"),
)


@dataclass(frozen=True)
class Login:
    """The account that logged in over SSH to make this change, and from where."""

    name: str
    groups: frozenset[str]
    address: str
    # How it got in, as sshd's log has it (publickey, password …), and the length of its RSA key; where they are known.
    method: str = ""
    rsa_bits: int = NO_BITS


def ancestors(host: Host, pid: int | None = None) -> Iterator[int]:
    """This process and its parents, nearest first."""
    pid = os.getpid() if pid is None else pid
    seen: set[int] = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        yield pid
        try:
            stat = host.fs.read(host.path(f"/proc/{pid}/stat")).decode("utf-8", "replace")
        except OSError:
            return
        # The command may hold blanks and brackets; the parent is the second field after its end.
        pid = int(stat.rpartition(")")[2].split()[1])


def operator_uids(host: Host, environ: Mapping[str, str]) -> set[int]:
    """User ids of everybody on the way from the login to this process."""
    uids = {os.getuid(), *_uids_before(environ)}
    for pid in ancestors(host):
        uids |= {*uids_of(host, pid), *_kept_login(host, pid)}
    return uids


def ssh_login(host: Host, environ: Mapping[str, str]) -> Login | None:
    """Who came in over SSH; None where nobody did, or the account has no name."""
    connection = ssh_connection(host, environ)
    name = _name(host, _login_uid(host, environ)) if connection else ""
    if not connection or not name:
        return None
    return Login(name, frozenset(host.run(["id", "-nG", name]).out.split()), connection[0])


def with_way(host: Host, environ: Mapping[str, str], login: Login) -> Login:
    """The login together with how it got in, where sshd has logged that."""
    words = _connection_words(host, environ)
    if not words:
        return login
    accepted = rf"^Accepted \S+ for {re.escape(login.name)} from {re.escape(words[0])} port {words[1]} ssh2"
    line = host.run([*ACCEPTED_LOGIN, f"--grep={accepted}"], timeout=20).out.split()
    if len(line) < 2:
        return login
    return replace(login, method=line[1], rsa_bits=_bits_of(host, login.name, line[-1]))


def _bits_of(host: Host, name: str, fingerprint: str) -> int:
    """The length of the RSA key with this fingerprint, if it is among the account's keys."""
    entry = host.run(["getent", "passwd", name]).out.strip().split(":")
    for path in (".ssh/authorized_keys", ".ssh/authorized_keys2") if len(entry) > 5 else ():
        lines = (line.split() for line in host.glance(f"{entry[5]}/{path}").splitlines())
        for words in lines:
            if rsa_fingerprint(words) == fingerprint:
                return rsa_bits(words)
    return NO_BITS


def _login_uid(host: Host, environ: Mapping[str, str]) -> int:
    """The login's own uid where the kernel keeps it, else the one before sudo, else that of the first SSH process."""
    uid = os.getuid()
    for pid in ancestors(host):
        for login in _kept_login(host, pid):
            return login
        if "SSH_CONNECTION=" in host.glance(f"/proc/{pid}/environ"):
            uid = min(uids_of(host, pid), default=uid)
    return next(iter(_uids_before(environ)), uid)


def _uids_before(environ: Mapping[str, str]) -> list[int]:
    """Who called sudo or pkexec, as these tell it."""
    return [int(environ[name]) for name in ("SUDO_UID", "PKEXEC_UID") if environ.get(name, "").isdigit()]


def _kept_login(host: Host, pid: int) -> set[int]:
    """The uid that the kernel keeps for the login of a process; none where it keeps none."""
    login = host.glance(f"/proc/{pid}/loginuid").strip()
    return {int(login)} if login.isdigit() and int(login) != UNSET_LOGIN else set()


def _name(host: Host, uid: int) -> str:
    """The account's name, also where a directory knows it and /etc/passwd does not."""
    return host.run(["id", "-nu", str(uid)]).out.strip()


def ssh_connection(host: Host, environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Address of the client and port of the server, from this session or, past sudo, from a parent's."""
    words = _connection_words(host, environ)
    return (words[0].partition("%")[0], int(words[3])) if words else None


def _connection_words(host: Host, environ: Mapping[str, str]) -> list[str]:
    """SSH_CONNECTION in its words: address and port of the client, address and port of the server."""
    value = environ.get("SSH_CONNECTION", "")
    for pid in ancestors(host):
        if value:
            break
        pairs = host.glance(f"/proc/{pid}/environ").split("\0")
        value = next((pair.partition("=")[2] for pair in pairs if pair.startswith("SSH_CONNECTION=")), "")
    words = value.split()
    return words if len(words) == 4 and words[3].isdigit() else []


def sshd_ports(host: Host) -> set[int]:
    """The ports that sshd is configured for; empty where there is no sshd."""
    answer = host.run(["sshd", "-T"])
    words = (line.split() for line in answer.out.splitlines())
    return {int(word[1]) for word in words if len(word) == 2 and word[0] == "port" and word[1].isdigit()}


def uids_of(host: Host, pid: int) -> list[int]:
    """The real, effective, saved and file system's uid of a process; none where it is gone."""
    for line in host.glance(f"/proc/{pid}/status").splitlines():
        if line.startswith("Uid:"):
            return [int(uid) for uid in line.split()[1:]]
    return []
