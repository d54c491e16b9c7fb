# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in, and through which port, seen past sudo."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.operator_session import operator_uids, ssh_connection

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


def test_a_loop_of_parents_ends(tmp_path: Path) -> None:
    process(tmp_path, os.getpid(), 7, 1)
    process(tmp_path, 7, os.getpid(), 2)
    assert {1, 2} <= operator_uids(Host(str(tmp_path)), {})
