# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The crash tests count every call that changes something: strace, which knows nothing of us, counts the same."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import engine_driver
import pytest
from engine_world import World

# System call → what it is counted as here.
CHANGING = {
    "write": "write",
    "ftruncate": "truncate",
    "fallocate": "reserve",
    "fsync": "fsync",
    **dict.fromkeys(("rename", "renameat", "renameat2"), "rename"),
    **dict.fromkeys(("link", "linkat"), "link"),
    **dict.fromkeys(("mkdir", "mkdirat"), "mkdir"),
    **dict.fromkeys(("symlink", "symlinkat"), "symlink"),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "fchmodat2"), "chmod"),
    **dict.fromkeys(("chown", "lchown", "fchown", "fchownat"), "chown"),
    **dict.fromkeys(("setxattr", "lsetxattr", "fsetxattr"), "setxattr"),
    **dict.fromkeys(("removexattr", "lremovexattr", "fremovexattr"), "removexattr"),
    "rmdir": "rmdir",
    "unlink": "unlink",
}
# Nothing of ours calls these; one of them would be a change that no crash test sees.
FOREIGN = ("truncate", "pwrite64", "writev", "pwritev", "mknod", "mknodat", "creat", "utimensat", "copy_file_range",
           "sendfile", "fdatasync", "sync", "syncfs", "sync_file_range", "ioctl")  # fmt: skip


def can_trace() -> str:
    """Empty where strace works here, else why not."""
    if shutil.which("strace") is None:
        return "strace is not installed: apt-get install strace"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"ptrace is refused here: {tried.stderr.strip()}"


def traced(directory: Path, act: str) -> tuple[Counter[str], Counter[str]]:
    """What strace saw between the marks, and what the layer counted."""
    log = directory / f"{act}.strace"
    names = ",".join([*CHANGING, *FOREIGN, "openat", "open", "unlinkat", "newfstatat", "lstat", "statx"])
    command = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace=?{names.replace(',', ',?')}"]
    command += [sys.executable, "-B", engine_driver.__file__, str(directory), act]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=engine_driver.environment())
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    begin = next(number for number, line in enumerate(lines) if engine_driver.BEGIN in line)
    end = next(number for number, line in enumerate(lines) if engine_driver.END in line)
    return seen(lines[begin + 1 : end]), Counter(json.loads(done.stdout))


def seen(lines: list[str]) -> Counter[str]:
    """Changing calls that succeeded."""
    found: Counter[str] = Counter()
    for line in lines:
        match = re.match(r"\d+\s+(\w+)\((.*)\)\s+= (-?\d+)", line)
        if not match or match.group(3).startswith("-"):
            continue
        call, arguments = match.group(1), match.group(2)
        if call in CHANGING:
            found[CHANGING[call]] += 1
        elif call == "unlinkat":
            found["rmdir" if "AT_REMOVEDIR" in arguments else "unlink"] += 1
        elif call in ("open", "openat") and ("O_CREAT" in arguments or "O_TRUNC" in arguments):
            found["open"] += 1
        elif call in FOREIGN and not (call == "ioctl" and "TCGETS" in arguments):
            found[f"foreign {call}"] += 1
    return found


@pytest.mark.parametrize("act", ["apply", "undo", "recover"])
def test_strace_counts_what_the_layer_counts(tmp_path: Path, act: str) -> None:
    """Every kind of changing call, one by one."""
    reason = can_trace()
    if reason:
        print(reason)
        pytest.skip(reason)
    world = World(tmp_path).build()
    if act == "undo":
        traced(tmp_path, "apply")
    if act == "recover":
        engine_driver.step_and_kill(tmp_path, "apply", 190)
    kernel, counted = traced(tmp_path, act)
    expected = Counter(counted)
    expected["fsync"] += expected.pop("fsync_path", 0)
    expected["open"] = expected.pop("create", 0) + expected.pop("open_lock", 0) + expected["write_pseudo"]
    expected["write"] += expected.pop("write_pseudo", 0)
    print(f"{act}: {sum(counted.values())} primitives, as strace counts: {dict(kernel)}")
    assert kernel == expected
    assert not world.journal().unfinished()
