# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong, and how times and lists are written."""

from __future__ import annotations

import calendar
import os
import re
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAMED = 20
# Room that stays free beside what is restored.
RESERVE = 64 << 20


class Trouble(Exception):
    """What went wrong, in a sentence for the operator."""


class Busy(Trouble):
    """Another run is at work."""


class Stopped(BaseException):
    """Somebody wants this program to end; nothing that catches a failure catches this."""


def on_signal(number: int, _frame: Any) -> None:
    """End through the doors that a failure takes."""
    raise Stopped(f"stopped by {signal.Signals(number).name}")


def write_atomic(path: Path, text: str, mode: int = 0o600) -> None:
    """Put a file in place in one step; readers see the old one or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def iso(seconds: float) -> str:
    """A point in time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def parse_time(text: str) -> float:
    """restic's RFC 3339, with nanoseconds, as seconds since 1970."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not match:
        raise Trouble(f"restic says the time {text!r}, which is none")
    seconds: float = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S")) + float(match[2] or 0)
    if match[3] != "Z":
        offset = int(match[3][1:3]) * 3600 + int(match[3][4:]) * 60
        seconds -= offset if match[3][0] == "+" else -offset
    return seconds


def span(seconds: float) -> str:
    """A length of time as people write it: 2h 03m 04s."""
    whole = round(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{count}{unit}" for count, unit in parts)


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def free_bytes(path: Path) -> int:
    """What can still be written there."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
