# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recurrence of a window: read from an RRULE or from a friendly form, and expanded by python-dateutil.

Friendly forms: `daily 22:00`, `weekdays 22:00`, `Tuesday 22:00`, `Tuesday, Thursday 22:00`, `third Tuesday 22:00`,
`last Friday 23:30`, `2 days after second Tuesday 01:00`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

try:
    from dateutil import rrule
except ImportError:  # the filters say so when they are used; documentation and sanity tests do without
    rrule = None  # type: ignore[assignment]  # a module or nothing

from .clock import WindowError

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
# The rarest rule of use, 29 February on a given weekday, comes at the latest after 40 years (around 2100).
HORIZON = timedelta(days=40 * 366)

_FRIENDLY = re.compile(
    r"(?:(?P<offset>\d{1,2}) days? after )?(?:every )?"
    rf"(?:(?P<ordinal>{'|'.join(ORDINALS)}) )?(?P<days>[a-z]+(?:(?:, ?| and )[a-z]+)*) "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})"
)
FRIENDLY_ALLOWED = (
    "a form such as 'daily 22:00', 'weekdays 22:00', 'Tuesday, Thursday 22:00', 'third Tuesday 22:00', "
    "'last Friday 23:30' or '2 days after second Tuesday 01:00'"
)


@dataclass(frozen=True)
class Recurrence:
    """Naive local starts: those of an RRULE, each moved by whole days."""

    text: str
    start: datetime | None = None
    offset_days: int = 0

    @property
    def parts(self) -> dict[str, str]:
        """The RRULE's parts, as `FREQ` → `MONTHLY`."""
        return dict(part.split("=", 1) for part in self.text.split(";"))

    def starts(self, after: datetime) -> Iterator[datetime]:
        """Local starts from `after` on, within the horizon, ascending."""
        begin = after - timedelta(days=self.offset_days)
        anchor = self.start or datetime(max(begin.year - 1, 1), 1, 1)
        rule = rrule.rrulestr(self.text, dtstart=anchor)
        if isinstance(rule, rrule.rrule) and not {"COUNT", "UNTIL"} & set(self.parts):
            # Without an end dateutil searches an impossible rule up to the year 9999.
            rule = rule.replace(until=max(begin, anchor) + HORIZON)
        for found in rule.xafter(begin, inc=True):
            yield found + timedelta(days=self.offset_days)


def read(window: dict[str, Any], where: str) -> Recurrence:
    """The recurrence of a window's `rule` or `when`; exactly one of them is given."""
    given = [key for key in ("rule", "when") if window.get(key)]
    if len(given) != 1:
        raise WindowError(
            f"{where}: {' and '.join(given) or 'neither rule nor when'} given; allowed is one of rule, when"
        )
    return _rule(str(window["rule"]), where) if given == ["rule"] else friendly(str(window["when"]), where)


def friendly(text: str, where: str) -> Recurrence:
    """The recurrence of a friendly form."""
    match = _FRIENDLY.fullmatch(" ".join(text.lower().split()))
    if not match or int(match["hour"]) > 23 or int(match["minute"]) > 59:
        raise WindowError(f"{where}: when is {text!r}; allowed is {FRIENDLY_ALLOWED}, from 00:00 to 23:59")
    clock = f"BYHOUR={int(match['hour'])};BYMINUTE={int(match['minute'])};BYSECOND=0"
    days, ordinal = _weekdays(match["days"], text, where), match["ordinal"]
    if ordinal and len(days) != 1 or match["offset"] and not ordinal:
        raise WindowError(f"{where}: when is {text!r}; allowed is {FRIENDLY_ALLOWED}")
    if ordinal:
        rule = f"FREQ=MONTHLY;BYDAY={days[0]};BYSETPOS={ORDINALS[ordinal]};{clock}"
        return Recurrence(rule, offset_days=int(match["offset"] or 0))
    if len(days) == len(DAYS):
        return Recurrence(f"FREQ=DAILY;{clock}")
    return Recurrence(f"FREQ=WEEKLY;BYDAY={','.join(days)};{clock}")


def _weekdays(names: str, text: str, where: str) -> list[str]:
    if names in ("daily", "day"):
        return list(DAYS)
    if names in ("weekdays", "weekday"):
        return list(DAYS[:5])
    wanted = re.split(r", ?| and ", names)
    if unknown := [name for name in wanted if name not in DAY_NAMES]:
        raise WindowError(f"{where}: when is {text!r}, and {unknown[0]!r} is no weekday; allowed is {FRIENDLY_ALLOWED}")
    return [DAYS[number] for number, name in enumerate(DAY_NAMES) if name in wanted]


def _rule(text: str, where: str) -> Recurrence:
    """An RRULE, alone or behind a DTSTART in local time."""
    match = re.fullmatch(r"(?:DTSTART:(?P<start>\d{8}T\d{6})\s+)?(?:RRULE:)?(?P<rule>[A-Z]+=[^\s]+)", text.strip())
    allowed = "an RFC 5545 RRULE, such as FREQ=MONTHLY;BYDAY=TU;BYSETPOS=3;BYHOUR=22;BYMINUTE=0"
    if not match:
        raise WindowError(f"{where}: rule is {text!r}; allowed is {allowed}")
    rule, start = match["rule"], match["start"]
    try:
        begin = datetime.strptime(start, "%Y%m%dT%H%M%S") if start else None
        recurrence = Recurrence(rule, begin)
        parts = recurrence.parts
        rrule.rrulestr(rule, dtstart=begin or datetime(2000, 1, 1))
    except (ValueError, TypeError) as error:
        raise WindowError(f"{where}: rule is {text!r} ({error}); allowed is {allowed}") from error
    if parts.get("FREQ") not in FREQUENCIES:
        raise WindowError(f"{where}: rule is {text!r}; allowed as FREQ are {', '.join(FREQUENCIES)}")
    return recurrence if begin else _fixed(recurrence, parts, text, where)


def _fixed(recurrence: Recurrence, parts: dict[str, str], text: str, where: str) -> Recurrence:
    """A rule without DTSTART has to say by itself when it fires."""
    if "COUNT" in parts or int(parts.get("INTERVAL", "1")) > 1:
        raise WindowError(
            f"{where}: rule is {text!r}; COUNT and INTERVAL above 1 need a DTSTART:YYYYMMDDTHHMMSS before the rule"
        )
    if "BYHOUR" not in parts:
        raise WindowError(f"{where}: rule is {text!r}; allowed without DTSTART is a rule that gives BYHOUR")
    if parts["FREQ"] != "DAILY" and not any(key in parts for key in ("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO")):
        raise WindowError(
            f"{where}: rule is {text!r}; allowed without DTSTART is a rule that gives BYDAY or BYMONTHDAY"
        )
    missing = [f"{key}=0" for key in ("BYMINUTE", "BYSECOND") if key not in parts]
    return Recurrence(";".join([recurrence.text, *missing]))
