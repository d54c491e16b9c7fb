# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether systemd would take a text as OnCalendar: its grammar (man 7 systemd.time), without asking systemd."""

from __future__ import annotations

import re
from collections.abc import Mapping

SHORTHANDS = frozenset(
    ("minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly", "annually")
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALLOWED = "an event of systemd's OnCalendar, like '*-*-* 02:00:00', 'Mon..Fri 01,13:30', 'hourly'"
LIMITS: Mapping[str, tuple[int, int]] = {
    "year": (1970, 2199),
    "month": (1, 12),
    "day": (1, 31),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}
ZONE = re.compile(r"UTC|[A-Z][A-Za-z_+-]*(/[A-Za-z0-9_+-]+)+")


def is_event(text: str) -> bool:
    """Whether the text is an event that happens."""
    words = text.split()
    if not words or text != text.strip():
        return False
    if len(words) > 1 and ZONE.fullmatch(words[-1]):
        words.pop()
    if len(words) == 1 and words[0].lower() in SHORTHANDS:
        return True
    checks = [_is_days, _is_date, _is_time]
    for word in words:
        # Each part is given at most once, in this order.
        while checks and not checks[0](word):
            checks.pop(0)
        if not checks:
            return False
        checks.pop(0)
    return True


def _is_days(word: str) -> bool:
    names = {name[:length] for name in DAYS for length in (3, len(name))}
    return all(
        part in names or all(end in names for end in part.split("..")) and part.count("..") == 1
        for part in word.lower().rstrip(",").split(",")
    )


def _is_date(word: str) -> bool:
    match = re.fullmatch(r"(?:([0-9*.,/]+)-)?([0-9*.,/]+)([-~])([0-9*.,/]+)", word)
    if not match:
        return False
    year, month, _sign, day = match.groups()
    return (year is None or _fits("year", year)) and _fits("month", month) and _fits("day", day)


def _is_time(word: str) -> bool:
    parts = word.split(":")
    return len(parts) in (2, 3) and all(map(_fits, ("hour", "minute", "second"), parts))


def _fits(unit: str, text: str) -> bool:
    """A list of numbers and ranges, each perhaps with a repetition."""
    low, high = LIMITS[unit]
    for part in text.split(","):
        match = re.fullmatch(r"(?:\*|([0-9]{1,4})(?:\.\.([0-9]{1,4}))?)(?:/([0-9]{1,4}))?", part)
        if not match:
            return False
        first, last, step = match.groups()
        numbers = [int(each) for each in (first, last) if each is not None]
        if not all(low <= number <= high for number in numbers) or numbers != sorted(numbers) or step == "0":
            return False
    return True
