"""The audit of this very machine runs from the installed copy, and changes nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import ROOT, Place

# Where a package manager or a service manager that is only asked might still write.
WATCHED = ("/etc", "/boot", "/var/cache/apt", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd", "/var/log/apt")
OPENED_TO_WRITE = r"open\w*\(.*\bO_(?:WRONLY|RDWR|CREAT)\b"
CHANGED = r"(?:unlink|rename|mkdir|rmdir|mknod|link|symlink|f?chmod|[fl]?chown|f?truncate|utime|\w*setxattr)\w*\("
WRITES = re.compile(rf"^\d+ +(?:{OPENED_TO_WRITE}|{CHANGED})")
ALLOWED = re.compile(r'"/(?:dev|tmp|proc/self)[/"]')


LOOKED_ONLY = re.compile(r"^localhost\s+: ok=\d+\s+changed=0\s+unreachable=0\s+failed=0", re.MULTILINE)


def state(directories: tuple[str, ...] = WATCHED) -> dict[str, tuple[int, int, int]]:
    """Everything below these directories, with what shows that it was touched."""
    return dict(entries(directories))


def entries(directories: tuple[str, ...]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield each path with its inode, size and time of change."""
    for top in directories:
        for directory, names, files in os.walk(top):
            for name in [".", *names, *files]:
                found = Path(directory, name).lstat()
                yield f"{directory}/{name}", (found.st_ino, found.st_size, found.st_ctime_ns)


def test_audit_changes_nothing(place: Place) -> None:
    """It reports no change, says what it saw, and no watched file was touched."""
    before = state()
    printed = place.playbook("evenkeel.ops.audit")
    assert LOOKED_ONLY.search(printed), printed
    assert re.search(r"kernel \S+", printed), printed
    assert "reboot: " in printed, printed
    assert state() == before


def test_audit_is_the_same_in_check_mode(place: Place) -> None:
    """A summary that changes nothing has nothing to predict."""
    printed = place.playbook("evenkeel.ops.audit", "--check")
    assert LOOKED_ONLY.search(printed), printed


def test_audit_writes_its_evidence_and_fails_below_the_threshold(place: Place) -> None:
    """From the installed copy, with the parts of the page that are no Python."""
    reports = place.directory / "reports"
    wishes = ["-e", f"evenkeel_audit_report={reports}", "-e", "evenkeel_audit_threshold=100"]
    done = place.run("ansible-playbook", "evenkeel.ops.audit", *wishes)
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(r"localhost scores [0-9.]+, and evenkeel_audit_threshold is 100 per cent", done.stdout), (
        done.stdout
    )
    assert {path.name for path in reports.iterdir()} == {"audit.html", "audit.json", "audit.prom", "audit.xml"}
    assert "</html>" in (reports / "audit.html").read_text(encoding="utf-8")


def test_audit_refuses_what_it_does_not_know(place: Place) -> None:
    """A threshold that is misspelt would never fail a pipeline."""
    done = place.run("ansible-playbook", "evenkeel.ops.audit", "-e", "evenkeel_audit_treshold=90")
    assert done.returncode == 2, done.stdout
    assert "did you mean 'evenkeel_audit_threshold'?" in done.stdout
    assert "Look at the host" not in done.stdout


def test_make_audit_looks_at_this_machine() -> None:
    """The target of the README, in a shell of its own."""
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT), "audit"],
        capture_output=True,
        text=True,
        env=clean,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert LOOKED_ONLY.search(done.stdout), done.stdout


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: system calls were not watched")
def test_module_makes_no_writing_call(place: Place, tmp_path: Path) -> None:
    """No system call of the module or of the programs that it asks writes outside a temporary directory."""
    arguments = tmp_path / "arguments.json"
    arguments.write_text('{"ANSIBLE_MODULE_ARGS": {}}', encoding="utf-8")
    trace = tmp_path / "trace"
    module = place.collection / "plugins/modules/host_summary_info.py"
    watched = ["-e", "trace=%file,fchmod,fchown,ftruncate,fsetxattr", "-o", str(trace)]
    program = ["-E", f"PYTHONPATH={place.collections}", sys.executable, "-B", str(module), str(arguments)]
    done = place.run("/usr/bin/env", "strace", "-f", "-qq", *watched, *program)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    assert len(calls) > 100, "strace recorded next to nothing"
    writing = [call for call in calls if WRITES.search(call) and not ALLOWED.search(call) and " = -1 " not in call]
    assert not writing, "\n".join(writing)
