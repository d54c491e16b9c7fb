# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a backend of HAProxy for a while: how many of its requests fail, and how many of its servers are up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from .haproxy_runtime import Runtime, RuntimeRefused

INTERVAL = 1.0
BACKEND_TYPE = "1"
# So many errors say enough to stop before the time is over.
ENOUGH_ERRORS = 20
STATUSES = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")


@dataclass(frozen=True)
class Counted:
    """What a backend has answered since HAProxy's worker began; in mode tcp, sessions."""

    requests: int = 0
    errors: int = 0

    def since(self, before: Counted) -> Counted:
        """The difference; a new worker begins at 0."""
        if self.requests < before.requests or self.errors < before.errors:
            return self
        return Counted(self.requests - before.requests, self.errors - before.errors)

    @property
    def percent(self) -> float:
        """How many of the requests failed."""
        return round(100 * self.errors / self.requests, 2) if self.requests else 0.0


def count(row: Mapping[str, str]) -> Counted:
    """Read the row of a backend."""
    if row.get("hrsp_2xx"):
        return Counted(sum(int(row.get(name) or 0) for name in STATUSES), int(row.get("hrsp_5xx") or 0))
    return Counted(int(row.get("stot") or 0), int(row.get("econ") or 0) + int(row.get("eresp") or 0))


@dataclass(frozen=True)
class Verdict:
    """What was seen."""

    counted: Counted
    seconds: float
    # Empty where all is well.
    problem: str = ""


class Watch:
    """Looks once a second; ends early where it is bad enough."""

    def __init__(self, runtime: Runtime, backend: str, error_percent: float, min_up: int) -> None:
        self.runtime, self.backend = runtime, backend
        self.error_percent, self.min_up = error_percent, min_up

    def serve(self, seconds: float) -> Verdict:
        """Watch so long. Raises RuntimeRefused where HAProxy does not answer, or does not have the backend."""
        started, before = time.monotonic(), self._count()
        counted = Counted()
        while True:
            left = seconds - (time.monotonic() - started)
            time.sleep(max(0.0, min(INTERVAL, left)))
            passed = time.monotonic() - started
            now = self._count()
            step = now.since(before)
            counted, before = Counted(counted.requests + step.requests, counted.errors + step.errors), now
            problem = self._too_few_up() or self._too_many_errors(counted, passed >= seconds)
            if problem or passed >= seconds:
                return Verdict(counted, round(passed, 1), problem)

    def _count(self) -> Counted:
        rows = [row for row in self.runtime.stats() if row.get("type") == BACKEND_TYPE]
        for row in rows:
            if row["pxname"] == self.backend:
                return count(row)
        names = ", ".join(sorted(row["pxname"] for row in rows)) or "none: it has no backends"
        raise RuntimeRefused(
            f"backend is {self.backend!r}, which HAProxy at {self.runtime.socket} does not have; allowed are {names}."
        )

    def _too_few_up(self) -> str:
        up = [server.name for server in self.runtime.servers() if server.backend == self.backend and server.is_up]
        if len(up) >= self.min_up:
            return ""
        return f"{len(up)} servers of {self.backend} are up ({', '.join(up) or 'none'}); min_up is {self.min_up}"

    def _too_many_errors(self, counted: Counted, at_end: bool) -> str:
        if counted.percent <= self.error_percent or not (at_end or counted.errors >= ENOUGH_ERRORS):
            return ""
        return (
            f"{counted.errors} of {counted.requests} requests to {self.backend} failed ({counted.percent:g} %), "
            f"more than error_percent {self.error_percent:g}"
        )
