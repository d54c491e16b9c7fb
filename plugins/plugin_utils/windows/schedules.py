# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows in the words of other schedulers: systemd's OnCalendar and AWX's schedules.

Both only wake the work up. Exceptions, freezes and the window's end stay with the gate of the play: a timer that fires
on an excepted day finds it closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import model
from .clock import WindowError
from .recurrence import DAYS, Recurrence

SYSTEMD_DAYS = dict(zip(DAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
# The parts of a rule that a day pattern can say.
_KNOWN = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR", "BYMINUTE", "BYSECOND", "WKST"}
_SHORTEST_MONTH = 28


@dataclass(frozen=True)
class Pattern:
    """Days by weekday and day of the month, at clock times: what calendars of both kinds can say."""

    weekdays: tuple[str, ...]
    month_days: tuple[int, ...]
    months: tuple[int, ...]
    times: tuple[tuple[int, int, int], ...]


def window_oncalendar(windows: Any) -> list[str]:
    """One systemd.time(7) calendar event for each window and clock time."""
    return [event for window in model.windows(windows) for event in _oncalendar(window)]


def _oncalendar(window: model.Window) -> list[str]:
    pattern = _pattern(window, "OnCalendar")
    weekdays = ",".join(SYSTEMD_DAYS[day] for day in pattern.weekdays)
    months = ",".join(str(month) for month in pattern.months) or "*"
    days = ",".join(str(day) for day in pattern.month_days if day > 0) or "*"
    date = f"*-{months}-{days}"
    if any(day < 0 for day in pattern.month_days):
        # Counted from the month's end: ~07/1 is each of the last seven days.
        date = f"*-{months}~{_from_end(pattern.month_days)}"
    return [
        " ".join(part for part in (weekdays, date, f"{hour:02}:{minute:02}:{second:02}", window.zone.key) if part)
        for hour, minute, second in pattern.times
    ]


def _from_end(days: tuple[int, ...]) -> str:
    return f"{-min(days):02}/1" if len(days) > 1 else f"{-days[0]:02}"


def window_awx_schedule(windows: Any, start: str = "20260101") -> list[dict[str, str]]:
    """One AWX schedule (`name`, `rrule`) for each window, in the subset of RFC 5545 that AWX accepts."""
    return [{"name": window.name, "rrule": _awx(window, start)} for window in model.windows(windows)]


def _awx(window: model.Window, start: str) -> str:
    """AWX wants DTSTART with TZID, an INTERVAL, and no number in BYDAY; the time of day comes from DTSTART."""
    pattern = _pattern(window, "AWX")
    if len(pattern.times) != 1:
        raise WindowError(f"window {window.name!r} opens at several times of day; allowed in one AWX schedule is one")
    hour, minute, second = pattern.times[0]
    begin = window.recurrence.start.strftime("%Y%m%d") if window.recurrence.start else start
    parts = [f"FREQ={'MONTHLY' if pattern.month_days else 'WEEKLY' if pattern.weekdays else 'DAILY'}", "INTERVAL=1"]
    if pattern.months:
        parts.append("BYMONTH=" + ",".join(map(str, pattern.months)))
    if pattern.weekdays:
        parts.append("BYDAY=" + ",".join(pattern.weekdays))
    if pattern.month_days:
        parts.append("BYMONTHDAY=" + ",".join(map(str, pattern.month_days)))
    if pattern.months and not pattern.month_days:
        parts[0] = "FREQ=YEARLY"
    return f"DTSTART;TZID={window.zone.key}:{begin}T{hour:02}{minute:02}{second:02} RRULE:{';'.join(parts)}"


def _pattern(window: model.Window, target: str) -> Pattern:
    """The window's recurrence as a day pattern, or a refusal that says what stands in the way."""
    recurrence = window.recurrence
    parts = recurrence.parts
    where = f"window {window.name!r} cannot be said as {target}"
    if unknown := sorted(set(parts) - _KNOWN):
        raise WindowError(f"{where}: its rule has {unknown[0]}; allowed are {', '.join(sorted(_KNOWN))}")
    if int(parts.get("INTERVAL", "1")) != 1:
        raise WindowError(f"{where}: its INTERVAL is {parts['INTERVAL']}; allowed is 1")
    weekdays, nth = _weekdays(parts, where)
    weekdays, month_days = _month_days(weekdays, nth, _numbers(parts, "BYMONTHDAY"), recurrence.offset_days, where)
    if parts["FREQ"] in ("MONTHLY", "YEARLY") and not month_days and "BYMONTH" not in parts and not weekdays:
        raise WindowError(f"{where}: its rule gives no day; allowed is one with BYDAY or BYMONTHDAY")
    return Pattern(weekdays, month_days, _numbers(parts, "BYMONTH"), _times(parts, recurrence))


def _numbers(parts: dict[str, str], key: str) -> tuple[int, ...]:
    return tuple(int(number) for number in parts[key].split(",")) if key in parts else ()


def _weekdays(parts: dict[str, str], where: str) -> tuple[tuple[str, ...], int]:
    """Weekdays without their number, and the number (0 where every week counts)."""
    days = [day for day in parts.get("BYDAY", "").split(",") if day]
    numbers = {int(day[:-2] or 0) for day in days} | {int(number) for number in parts.get("BYSETPOS", "0").split(",")}
    numbers -= {0} if len(numbers) > 1 else set()
    if len(numbers) > 1 or (numbers != {0} and len(days) != 1):
        raise WindowError(f"{where}: allowed is one weekday of the month, or weekdays of every week")
    return tuple(day[-2:] for day in days), numbers.pop() if numbers else 0


def _month_days(
    weekdays: tuple[str, ...], nth: int, given: tuple[int, ...], offset: int, where: str
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The n-th weekday is that weekday within seven days of the month; later days move both."""
    if not nth:
        return weekdays, given
    if given or not -1 <= nth <= 5:
        raise WindowError(f"{where}: allowed is first to fifth or last, without BYMONTHDAY")
    first = nth * 7 - 6 if nth > 0 else nth * 7
    last = first + 6
    if offset and (nth < 0 or last + offset > _SHORTEST_MONTH):
        raise WindowError(f"{where}: {offset} days after that weekday can lie in the next month")
    days = range(first + offset, last + offset + 1)
    moved = DAYS[(DAYS.index(weekdays[0]) + offset) % 7]
    return (moved,), tuple(day for day in days if abs(day) <= 31)


def _times(parts: dict[str, str], recurrence: Recurrence) -> tuple[tuple[int, int, int], ...]:
    begin = recurrence.start or datetime(2000, 1, 1)
    hours = _numbers(parts, "BYHOUR") or (begin.hour,)
    minutes = _numbers(parts, "BYMINUTE") or (begin.minute,)
    seconds = _numbers(parts, "BYSECOND") or (begin.second,)
    return tuple((hour, minute, second) for hour in hours for minute in minutes for second in seconds)
