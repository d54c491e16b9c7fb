# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in, and through which port, seen past sudo."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.operator_session import (
    Login,
    operator_uids,
    ssh_connection,
    ssh_login,
    with_way,
)

LOGIN = 500


def process(root: Path, pid: int, parent: int, uid: int, environ: str = "", loginuid: str = "4294967295") -> None:
    place = root / "proc" / str(pid)
    place.mkdir(parents=True)
    (place / "stat").write_text(f"{pid} (a b) c) S {parent} 1 1")
    (place / "status").write_text(f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    (place / "environ").write_text(environ)
    (place / "loginuid").write_text(loginuid)


def session(root: Path) -> Host:
    """python (root) below sudo below a shell that sshd started for uid 1001."""
    process(root, os.getpid(), 600, 0, "LANG=C\0")
    process(root, 600, LOGIN, 0)
    process(root, LOGIN, 1, 1001, "A=b\0SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 2222\0", "1002")
    process(root, 1, 0, 0)
    return Host(str(root))


def test_everybody_between_login_and_process_is_an_operator(tmp_path: Path) -> None:
    assert {0, 1001, 1002} <= operator_uids(session(tmp_path), {})


def test_sudo_names_its_caller(tmp_path: Path) -> None:
    assert 1234 in operator_uids(Host(str(tmp_path)), {"SUDO_UID": "1234"})


def test_the_connection_is_found_in_a_parent(tmp_path: Path) -> None:
    assert ssh_connection(session(tmp_path), {}) == ("192.0.2.7", 2222)


def test_the_own_environment_comes_first(tmp_path: Path) -> None:
    said = {"SSH_CONNECTION": "fe80::1%eth0 1 fe80::2%eth0 22"}
    assert ssh_connection(session(tmp_path), said) == ("fe80::1", 22)


def test_a_console_has_no_connection(tmp_path: Path) -> None:
    assert ssh_connection(Host(str(tmp_path)), {}) is None


class Names(Runner):
    """`id` for two accounts."""

    def run(self, argv: Sequence[str], *args: Any, **options: Any) -> Result:
        names = {"1001": "alice", "1002": "bob", "1234": "carol"}
        said = names.get(argv[2], "") if argv[1] == "-nu" else "staff adm"
        return Result(tuple(argv), 0, said, "")


def test_the_login_is_told_by_the_kernel_first(tmp_path: Path) -> None:
    session(tmp_path)
    host = Host(str(tmp_path), runner=Names())
    assert ssh_login(host, {"SUDO_UID": "1234"}) == Login("bob", frozenset({"staff", "adm"}), "192.0.2.7")


def test_the_login_is_told_by_sudo_or_by_the_session(tmp_path: Path) -> None:
    session(tmp_path)
    (tmp_path / "proc" / str(LOGIN) / "loginuid").write_text("4294967295")
    host = Host(str(tmp_path), runner=Names())
    by_sudo, by_session = ssh_login(host, {"SUDO_UID": "1234"}), ssh_login(host, {})
    assert by_sudo and by_sudo.name == "carol"
    assert by_session and by_session.name == "alice"


def test_nobody_has_logged_in_at_a_console(tmp_path: Path) -> None:
    assert ssh_login(Host(str(tmp_path), runner=Names()), {"SUDO_UID": "1234"}) is None


MODULUS = (1 << 2047).to_bytes(257, "big")
BLOB = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-rsa", b"\x01\x00\x01", MODULUS))
KEY = f"ssh-rsa {base64.b64encode(BLOB).decode()} bob@work"
FINGERPRINT = f"SHA256:{base64.b64encode(hashlib.sha256(BLOB).digest()).decode().rstrip('=')}"


class Journal(Runner):
    """What sshd has logged of one login, and where the account lives."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.asked: list[str] = []

    def run(self, argv: Sequence[str], *args: Any, **options: Any) -> Result:
        self.asked.append(argv[-1])
        answer = "bob:x:1002:1002::/home/bob:/bin/sh" if argv[0] == "getent" else self.line
        return Result(tuple(argv), 0, answer, "")


@pytest.mark.parametrize(
    ("line", "method", "bits"),
    [
        ("Accepted password for bob from 192.0.2.7 port 50000 ssh2\n", "password", -1),
        (f"Accepted publickey for bob from 192.0.2.7 port 50000 ssh2: RSA {FINGERPRINT}\n", "publickey", 2048),
        ("Accepted publickey for bob from 192.0.2.7 port 50000 ssh2: RSA SHA256:other\n", "publickey", -1),
        ("Accepted publickey for bob from 192.0.2.7 port 50000 ssh2: ED25519 SHA256:x\n", "publickey", -1),
        ("", "", -1),
    ],
)
def test_the_journal_tells_how_the_login_came_in(tmp_path: Path, line: str, method: str, bits: int) -> None:
    session(tmp_path)
    keys = tmp_path / "home/bob/.ssh"
    keys.mkdir(parents=True)
    (keys / "authorized_keys").write_text(f"# work\n{KEY}\n")
    journal = Journal(line)
    login = with_way(Host(str(tmp_path), runner=journal), {}, Login("bob", frozenset(), "192.0.2.7"))
    assert (login.method, login.rsa_bits) == (method, bits)
    # Of all logins the one of this very connection.
    assert journal.asked[0] == r"--grep=^Accepted \S+ for bob from 192\.0\.2\.7 port 50000 ssh2"


def test_a_console_has_no_way_to_tell(tmp_path: Path) -> None:
    login = Login("bob", frozenset(), "")
    assert with_way(Host(str(tmp_path), runner=Journal("")), {}, login) == login


def test_a_loop_of_parents_ends(tmp_path: Path) -> None:
    process(tmp_path, os.getpid(), 7, 1)
    process(tmp_path, 7, os.getpid(), 2)
    assert {1, 2} <= operator_uids(Host(str(tmp_path)), {})
