# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A waiver says that something is left as it is: why, by whom, and until when."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Waiver:
    """One waiver that is complete."""

    # Like waivers[2], for what is said of it.
    name: str
    id: str
    reason: str
    owner: str
    # The last day on which it counts.
    until: datetime.date
    # A pattern of places; empty for all.
    where: str = ""

    def expired(self, today: datetime.date) -> bool:
        """Whether it counts no more."""
        return self.until < today

    def __str__(self) -> str:
        return f"{self.reason} ({self.owner}, until {self.until})"


def complete(name: str, waiver: Any, needed: Sequence[str], optional: Sequence[str] = ()) -> list[str]:
    """What a waiver lacks, or has too much."""
    if not isinstance(waiver, Mapping) or set(waiver) - {*needed, *optional}:
        return [f"{name} is {waiver!r}: allowed is a mapping with {', '.join([*needed, *optional])}"]
    blank = [key for key in needed if not str(waiver.get(key) or "").strip()]
    if blank:
        return [f"{name} ({waiver.get('id')}) has no {blank[0]}: needed are {', '.join(needed)}"]
    return []


def date(name: str, value: Any) -> tuple[datetime.date | None, list[str]]:
    """A day as YAML or JSON give it, or what is wrong with it."""
    if isinstance(value, datetime.datetime):
        return value.date(), []
    if isinstance(value, datetime.date):
        return value, []
    try:
        return datetime.date.fromisoformat(str(value)), []
    except ValueError:
        return None, [f"{name} is {value!r}: allowed is a date such as 2027-03-31"]


def read(name: str, waiver: Any, day: str, optional: Sequence[str] = ()) -> tuple[Waiver | None, list[str]]:
    """A waiver whose last day stands under the key `day`, or a sentence for what is wrong with it."""
    problems = complete(name, waiver, ("id", "reason", "owner", day), optional)
    if problems:
        return None, problems
    until, problems = date(f"{name}.{day}", waiver[day])
    if until is None:
        return None, problems
    where = str(waiver.get("where") or "")
    return Waiver(name, str(waiver["id"]), str(waiver["reason"]), str(waiver["owner"]), until, where), []
