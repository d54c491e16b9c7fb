# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local wall-clock times and the instants that they name.

The rule for clock changes is that of RFC 5545, section 3.3.5 (and of PEP 495 with fold=0): a local time that the clocks
skip is read with the offset from before the change, and a local time that happens twice means its first occurrence.
A window's length is elapsed time, so a four-hour window lasts four hours in the night of a change too.
"""

from __future__ import annotations

import difflib
import zoneinfo
from datetime import date, datetime, timezone
from typing import Any

try:
    from dateutil import parser as date_parser
except ImportError:  # the filters say so when they are used; documentation and sanity tests do without
    date_parser = None  # type: ignore[assignment]  # a module or nothing


class WindowError(ValueError):
    """Data of windows or freezes that cannot be used; the message names the variable, the value and what is allowed."""


def zone(name: Any, where: str) -> zoneinfo.ZoneInfo:
    """The time zone of this name of the IANA database."""
    try:
        return zoneinfo.ZoneInfo(str(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        close = difflib.get_close_matches(str(name), sorted(zoneinfo.available_timezones()), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise WindowError(
            f"{where}: timezone is {name!r}; allowed is a name of the IANA database, such as Europe/Berlin{hint}"
        ) from error


def instant(local: datetime, where: zoneinfo.ZoneInfo) -> datetime:
    """The UTC instant of a naive local time, by the rule at the head of this file."""
    return local.replace(tzinfo=where, fold=0).astimezone(timezone.utc)


def moment(value: Any, where: str) -> datetime:
    """An absolute point in time as UTC: a datetime or ISO 8601 text, either with an offset."""
    try:
        read = value if isinstance(value, datetime) else date_parser.isoparse(str(value))
    except ValueError as error:
        raise WindowError(f"{where} is {value!r}; allowed is ISO 8601, such as 2026-11-17T22:30:00+01:00") from error
    if read.tzinfo is None:
        raise WindowError(f"{where} is {value!r}, without an offset; allowed is ISO 8601 with Z or one like +01:00")
    return read.astimezone(timezone.utc)


def local_time(value: Any, where: str) -> tuple[datetime, bool]:
    """A naive local time, and whether only a date was given. YAML may have made a date of it already."""
    try:
        if isinstance(value, datetime):
            read, only_date = value, False
        elif isinstance(value, date):
            read, only_date = datetime(value.year, value.month, value.day), True
        else:
            read, only_date = date_parser.isoparse(str(value)), len(str(value)) <= len("2026-12-24")
    except ValueError as error:
        raise WindowError(
            f"{where} is {value!r}; allowed is a date or a local time, such as 2026-12-24 or 2026-12-24T18:00"
        ) from error
    if read.tzinfo is not None:
        raise WindowError(f"{where} is {value!r}; allowed is a local time without an offset; its zone stands beside it")
    return read, only_date


def iso(at: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
