"""Windows as systemd calendar events and as AWX schedules fire when the windows open."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows import model
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.clock import WindowError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.schedules import (
    window_awx_schedule,
    window_oncalendar,
)
from dateutil import rrule

FORMS = {
    "daily 22:00": "*-*-* 22:00:00 UTC",
    "weekdays 22:00": "Mon,Tue,Wed,Thu,Fri *-*-* 22:00:00 UTC",
    "Tuesday, Thursday 09:30": "Tue,Thu *-*-* 09:30:00 UTC",
    "third Tuesday 22:00": "Tue *-*-15,16,17,18,19,20,21 22:00:00 UTC",
    "fifth Monday 01:00": "Mon *-*-29,30,31 01:00:00 UTC",
    "last Friday 23:30": "Fri *-*~07/1 23:30:00 UTC",
    "2 days after second Tuesday 01:00": "Thu *-*-10,11,12,13,14,15,16 01:00:00 UTC",
}


def window(when: str) -> dict[str, str]:
    return {"name": "w", "when": when, "timezone": "UTC", "duration": "1h"}


def rule(text: str) -> dict[str, str]:
    return {"name": "w", "rule": text, "timezone": "UTC", "duration": "1h"}


@pytest.mark.parametrize("when", FORMS)
def test_oncalendar(when: str) -> None:
    assert window_oncalendar([window(when)]) == [FORMS[when]]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed on this machine")
@pytest.mark.parametrize("when", FORMS)
def test_systemd_fires_when_the_window_opens(when: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--base-time=2026-01-01 00:00:00 UTC", "--iterations=30", FORMS[when]],
        capture_output=True, text=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    fired = re.findall(r"(?:Next elapse|Iteration #\d+|Iter\. #\d+): \w{3} (\S+ \S+)", done.stdout)
    starts = model.windows([window(when)])[0].recurrence.starts(datetime(2026, 1, 1, 0, 0, 1))
    assert len(fired) == 30
    assert fired == [str(next(starts)) for _turn in fired]


@pytest.mark.parametrize("when", FORMS)
def test_awx_fires_when_the_window_opens(when: str) -> None:
    [schedule] = window_awx_schedule([window(when)])
    match = re.fullmatch(r"DTSTART;TZID=UTC:(\S+) RRULE:(\S+)", schedule["rrule"])
    assert match
    assert "INTERVAL=1" in match[2]
    assert not re.search(r"BYDAY=[^;]*\d|EXDATE|RDATE", schedule["rrule"]), "AWX refuses these"
    fires = iter(rrule.rrulestr(match[2], dtstart=datetime.strptime(match[1], "%Y%m%dT%H%M%S")))
    starts = model.windows([window(when)])[0].recurrence.starts(datetime(2026, 1, 1))
    assert [next(fires) for _turn in range(30)] == [next(starts) for _turn in range(30)]


@pytest.mark.parametrize(
    "text, words",
    [
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;BYHOUR=1", "BYWEEKNO"),
        ("DTSTART:20260106T220000 FREQ=WEEKLY;INTERVAL=2", "INTERVAL is 2"),
        ("FREQ=MONTHLY;BYDAY=1TU,3TU;BYHOUR=1", "one weekday of the month"),
    ],
)
def test_what_a_calendar_cannot_say_is_refused(text: str, words: str) -> None:
    for convert in (window_oncalendar, window_awx_schedule):
        with pytest.raises(WindowError, match=words):
            convert([rule(text)])


def test_days_that_can_leave_the_month_are_refused() -> None:
    with pytest.raises(WindowError, match="next month"):
        window_oncalendar([window("9 days after fourth Friday 01:00")])


def test_awx_takes_one_time_of_day() -> None:
    with pytest.raises(WindowError, match="several times of day"):
        window_awx_schedule([rule("FREQ=DAILY;BYHOUR=1,13")])
    assert len(window_oncalendar([rule("FREQ=DAILY;BYHOUR=1,13")])) == 2
