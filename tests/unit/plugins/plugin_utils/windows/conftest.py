"""Every change of the clocks that the time zone database knows for some years, found from offsets alone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

FIRST, LAST = datetime(2022, 1, 1, tzinfo=timezone.utc), datetime(2028, 1, 1, tzinfo=timezone.utc)
STEP = timedelta(days=7)


@dataclass(frozen=True)
class Change:
    """The instant of a change, and the offsets before and after it."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def skips(self) -> bool:
        return self.after > self.before


def changes_of(name: str) -> Iterator[Change]:
    zone = zoneinfo.ZoneInfo(name)

    def offset(at: datetime) -> timedelta:
        found = at.astimezone(zone).utcoffset()
        assert found is not None
        return found

    at = FIRST
    while at < LAST:
        low, high = at, at + STEP
        if offset(low) != offset(high):
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds() // 2))
                low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
            yield Change(name, high, offset(low), offset(high))
        at += STEP


@pytest.fixture(scope="session")
def clock_changes() -> list[Change]:
    return [change for name in sorted(zoneinfo.available_timezones()) for change in changes_of(name)]
