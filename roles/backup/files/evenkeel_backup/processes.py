# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run as somebody else, and streams between programs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from .words import Trouble

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CHUNK = 1 << 20


def start_as(user: str, argv: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
    """Start a program as another user with that user's groups, and nothing of our environment."""
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise Trouble(f"backup_database_user is {user!r}, which is no user of this host") from error
    environment = {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "HOME": account.pw_dir, "USER": user}
    identity: dict[str, Any] = {}
    if os.geteuid() != account.pw_uid:
        groups = os.getgrouplist(user, account.pw_gid)
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    try:
        return subprocess.Popen(argv, env=environment, cwd="/", **identity, **streams)
    except OSError as error:
        raise Trouble(f"{argv[0]} cannot be started: {error.strerror}") from error


def ask_as(user: str, argv: Sequence[str], stdin: str = "") -> str:
    """Run a program as another user; return what it says, or raise what went wrong."""
    process = start_as(user, argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(stdin.encode())
    if process.returncode != 0:
        raise Trouble(f"{argv[0]} failed: {err.decode('utf-8', 'replace').strip()}")
    return out.decode("utf-8", "replace")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt what still runs, so that restic gives its lock back and keeps no snapshot; kill it where that fails."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def text_of(stream: BinaryIO) -> str:
    """What a program wrote to a file of ours."""
    stream.seek(0)
    return stream.read().decode("utf-8", "replace").strip()


@dataclass
class Poured:
    """What went from one program into another, and which of them failed first, if one did."""

    sha256: str = ""
    bytes: int = 0
    source_failed: bool = False
    sink_failed: bool = False


def pour(source: subprocess.Popen[bytes], sink: subprocess.Popen[bytes]) -> Poured:
    """Pass everything on, and hash it on the way. The second program learns of the end only after the first ended well.

    Without that, a program that fails half-way would look like one that said all, and half would count as the whole.
    """
    pipe, target = source.stdout, sink.stdin
    if pipe is None or target is None:
        raise Trouble("the two programs are not connected")
    digest, found = hashlib.sha256(), Poured()
    try:
        try:
            for block in iter(lambda: pipe.read(CHUNK), b""):
                digest.update(block)
                found.bytes += len(block)
                target.write(block)
            target.flush()
            found.source_failed = source.wait() != 0
            if not found.source_failed:
                target.close()
                found.sink_failed = sink.wait() != 0
        except BrokenPipeError:
            found.sink_failed = True
    finally:
        pipe.close()
        stop(source)
        stop(sink)
        with contextlib.suppress(BrokenPipeError):
            target.close()
    found.sha256 = digest.hexdigest()
    return found
