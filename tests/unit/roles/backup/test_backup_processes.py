# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes from a dump to the repository: all of it, or nothing that could be taken for all."""

from __future__ import annotations

import getpass
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from evenkeel_backup import processes
from evenkeel_backup.words import Trouble

# Keeps what it read only when it came to the end, as restic does; an interrupt ends it before.
SINK = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
data = sys.stdin.buffer.read()
open(sys.argv[1], "wb").write(data)
"""


def python(code: str, *arguments: str, **streams: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL, **streams)


def test_everything_arrives_and_is_hashed(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(b'row' * 1000000)"
    source = python(code, stdout=subprocess.PIPE)
    poured = processes.pour(source, python(SINK, str(tmp_path / "kept"), stdin=subprocess.PIPE))
    assert (poured.source_failed, poured.sink_failed, poured.bytes) == (False, False, 3_000_000)
    assert poured.sha256 == hashlib.sha256((tmp_path / "kept").read_bytes()).hexdigest()


def test_half_a_dump_is_never_kept(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(b'row' * 1000000); sys.stdout.flush(); sys.exit(1)"
    source = python(code, stdout=subprocess.PIPE)
    poured = processes.pour(source, python(SINK, str(tmp_path / "kept"), stdin=subprocess.PIPE))
    assert poured.source_failed
    assert not (tmp_path / "kept").exists()


def test_a_repository_that_breaks_off_is_told_from_a_dump_that_does() -> None:
    source = python("import sys\nwhile True: sys.stdout.buffer.write(b'row' * 1000)", stdout=subprocess.PIPE)
    poured = processes.pour(source, python("import sys; sys.exit(1)", stdin=subprocess.PIPE))
    assert (poured.source_failed, poured.sink_failed) == (False, True)


def test_a_program_gets_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTIC_PASSWORD", "secret")
    process = processes.start_as(getpass.getuser(), ["env"], stdout=subprocess.PIPE)
    said = process.communicate()[0].decode()
    assert "secret" not in said
    assert {line.partition("=")[0] for line in said.splitlines()} <= {"PATH", "LC_ALL", "HOME", "USER", "PWD"}


def test_an_unknown_user_is_named() -> None:
    with pytest.raises(Trouble, match="backup_database_user is 'nobody-here', which is no user of this host"):
        processes.start_as("nobody-here", ["true"])
