# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows and freezes as data, and the intervals of time in which they let work happen."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from . import clock, recurrence
from .clock import WindowError

WINDOW_KEYS = {"name", "rule", "when", "timezone", "duration", "except"}
FREEZE_KEYS = {"from", "to", "timezone", "reason", "owner"}
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
LONGEST = timedelta(days=31)


@dataclass(frozen=True)
class Window:
    """A recurring span of time in which work is allowed."""

    name: str
    recurrence: recurrence.Recurrence
    zone: ZoneInfo
    duration: timedelta
    exceptions: frozenset[date] = frozenset()

    def openings(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Start and end (UTC) of each opening that ends after `at`, ascending; no instant opens it twice."""
        # Two days of room: zones differ from UTC by less than one, and a clock change has moved one by a whole day.
        local = at.astimezone(self.zone).replace(tzinfo=None) - self.duration - timedelta(days=2)
        seen: datetime | None = None
        for start in self.recurrence.starts(local):
            if start.date() in self.exceptions:
                continue
            begin = clock.instant(start, self.zone)
            if begin + self.duration <= at or (seen is not None and begin <= seen):
                continue
            seen = begin
            yield begin, begin + self.duration


@dataclass(frozen=True)
class Freeze:
    """A span of time in which no work is allowed, whatever the windows say."""

    start: datetime
    end: datetime
    reason: str
    owner: str


@dataclass(frozen=True, order=True)
class Opening:
    """A span in which work is really allowed: a window's opening less the freezes. Ordered by start."""

    start: datetime
    end: datetime
    name: str


def windows(data: Any) -> list[Window]:
    """Read `patching_windows`."""
    if not isinstance(data, list):
        raise WindowError(f"windows is {data!r}; allowed is a list of windows")
    read = [_window(item, f"windows[{number}]") for number, item in enumerate(data)]
    names = [window.name for window in read]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise WindowError(f"windows: the name {double[0]!r} is given twice; each window has a name of its own")
    return read


def _window(item: Any, where: str) -> Window:
    _check_keys(item, WINDOW_KEYS, ("name", "timezone", "duration"), where)
    where = f"window {item['name']!r}"
    window = Window(
        name=str(item["name"]),
        recurrence=recurrence.read(dict(item), where),
        zone=clock.zone(item["timezone"], where),
        duration=duration(item["duration"], where),
        exceptions=frozenset(
            clock.local_time(day, f"{where}: except")[0].date() for day in _list(item.get("except"), f"{where}: except")
        ),
    )
    if next(window.recurrence.starts(window.recurrence.start or datetime(2000, 1, 1)), None) is None:
        given = item.get("rule") or item.get("when")
        raise WindowError(f"{where}: {given!r} never fires; allowed is a rule that has an occurrence")
    return window


def freezes(data: Any) -> list[Freeze]:
    """Read `patching_freezes`."""
    return [_freeze(item, f"freezes[{number}]") for number, item in enumerate(_list(data, "freezes"))]


def _freeze(item: Any, where: str) -> Freeze:
    _check_keys(item, FREEZE_KEYS, ("from", "to", "timezone", "reason", "owner"), where)
    where = f"freeze {item['reason']!r}"
    zone = clock.zone(item["timezone"], where)
    begin, _only_date = clock.local_time(item["from"], f"{where}: from")
    end, only_date = clock.local_time(item["to"], f"{where}: to")
    # A date means the whole day, its last moment included.
    until = end + timedelta(days=1) if only_date else end
    if until <= begin:
        raise WindowError(f"{where}: to is {item['to']!s}; allowed is a time after from, {item['from']!s}")
    return Freeze(clock.instant(begin, zone), clock.instant(until, zone), str(item["reason"]), str(item["owner"]))


def duration(value: Any, where: str) -> timedelta:
    """A length such as `4h`, `90m` or `1h30m`."""
    match = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", str(value))
    counts = match.groups() if match else ()
    seconds = sum(int(count or 0) * unit for count, unit in zip(counts, UNITS.values(), strict=False))
    length = timedelta(seconds=min(seconds, 10**9))
    if not timedelta(0) < length <= LONGEST:
        raise WindowError(f"{where}: duration is {value!r}; allowed is 1s to 31d, written like 4h, 90m or 1h30m")
    return length


def openings(given: Iterable[Window], frozen: Iterable[Freeze], at: datetime) -> Iterator[Opening]:
    """All openings less the freezes that end after `at`, by start."""
    closed = sorted(frozen, key=lambda freeze: freeze.start)
    pending: list[Opening] = []
    for raw in heapq.merge(*(_named(window, at) for window in given)):
        # What a later opening leaves cannot begin before that opening does.
        while pending and pending[0].start <= raw.start:
            yield heapq.heappop(pending)
        for piece in _thaw(raw, closed, at):
            heapq.heappush(pending, piece)
    while pending:
        yield heapq.heappop(pending)


def _named(window: Window, at: datetime) -> Iterator[Opening]:
    return (Opening(start, end, window.name) for start, end in window.openings(at))


def _thaw(opening: Opening, closed: list[Freeze], at: datetime) -> Iterator[Opening]:
    """What is left of an opening between the freezes."""
    begin = opening.start
    for freeze in closed:
        if freeze.end <= begin or freeze.start >= opening.end:
            continue
        if freeze.start > begin and freeze.start > at:
            yield Opening(begin, freeze.start, opening.name)
        begin = max(begin, freeze.end)
    if begin < opening.end and opening.end > at:
        yield Opening(begin, opening.end, opening.name)


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(timezone.utc)


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise WindowError(f"{where} is {value!r}; allowed is a list")
    return value


def _check_keys(item: Any, allowed: set[str], needed: tuple[str, ...], where: str) -> None:
    if not isinstance(item, Mapping):
        raise WindowError(f"{where} is {item!r}; allowed is a dictionary with {', '.join(sorted(allowed))}")
    if unknown := sorted(set(item) - allowed):
        raise WindowError(f"{where} has the unknown key {unknown[0]!r}; allowed are {', '.join(sorted(allowed))}")
    if missing := [key for key in needed if item.get(key) in (None, "")]:
        raise WindowError(f"{where} lacks {missing[0]}; needed are {', '.join(needed)}")
