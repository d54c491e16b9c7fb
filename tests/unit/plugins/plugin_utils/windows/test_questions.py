"""What operators ask of windows and freezes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.clock import WindowError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.questions import (
    in_window,
    next_window,
    window_explain,
    window_remaining,
)

MONTHLY = {"name": "monthly", "when": "third Tuesday 22:00", "timezone": "Europe/Berlin", "duration": "4h"}
HOLIDAYS = {"from": "2026-12-14", "to": "2027-01-06", "timezone": "Europe/Berlin", "reason": "holidays", "owner": "ops"}


@pytest.mark.parametrize(
    "at, answer",
    [
        ("2026-11-17T20:59:59Z", False),
        ("2026-11-17T21:00:00Z", True),
        ("2026-11-17T22:30:00+01:00", True),
        ("2026-11-18T00:59:59Z", True),
        ("2026-11-18T01:00:00Z", False),
        ("2026-11-10T21:30:00Z", False),
    ],
)
def test_a_window_is_open_from_its_start_to_just_before_its_end(at: str, answer: bool) -> None:
    assert in_window([MONTHLY], at=at) is answer


@pytest.mark.parametrize(
    "when, starts",
    [
        ("daily 22:00", "2026-11-17T22:00:00Z"),
        ("every day 22:00", "2026-11-17T22:00:00Z"),
        ("weekdays 06:30", "2026-11-18T06:30:00Z"),
        ("Saturday 03:00", "2026-11-21T03:00:00Z"),
        ("Tuesday, Thursday 09:00", "2026-11-19T09:00:00Z"),
        ("monday and friday 09:00", "2026-11-20T09:00:00Z"),
        ("last Friday 23:30", "2026-11-27T23:30:00Z"),
        ("fifth Tuesday 01:00", "2026-12-29T01:00:00Z"),
        ("2 days after second Tuesday 01:00", "2026-12-10T01:00:00Z"),
    ],
)
def test_friendly_forms(when: str, starts: str) -> None:
    window = {"name": "w", "when": when, "timezone": "UTC", "duration": "1h"}
    found = next_window([window], at="2026-11-17T12:00:00Z")
    assert found is not None
    assert found["start"] == starts


@pytest.mark.parametrize(
    "rule, starts",
    [
        ("FREQ=MONTHLY;BYDAY=3TU;BYHOUR=22", "2026-12-15T22:00:00Z"),
        ("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=1", "2028-02-29T01:00:00Z"),
        ("DTSTART:20260106T220000 RRULE:FREQ=WEEKLY;INTERVAL=2", "2026-11-24T22:00:00Z"),
        ("DTSTART:20261101T080000\nRRULE:FREQ=DAILY;COUNT=20", "2026-11-18T08:00:00Z"),
    ],
)
def test_recurrence_rules(rule: str, starts: str) -> None:
    found = next_window([{"name": "w", "rule": rule, "timezone": "UTC", "duration": "1h"}], at="2026-11-18T00:00:00Z")
    assert found is not None
    assert found["start"] == starts


def test_an_exception_takes_out_one_day() -> None:
    window = MONTHLY | {"except": ["2026-11-17", date(2026, 12, 15)]}
    assert not in_window([window], at="2026-11-17T22:30:00+01:00")
    found = next_window([window], at="2026-11-01T00:00:00Z")
    assert found == {"name": "monthly", "start": "2027-01-19T21:00:00Z", "end": "2027-01-20T01:00:00Z"}


def test_a_freeze_closes_and_a_date_includes_its_whole_day() -> None:
    assert not in_window([MONTHLY], at="2026-12-15T21:30:00Z", freezes=[HOLIDAYS])
    assert in_window([MONTHLY], at="2026-12-15T21:30:00Z", freezes=[HOLIDAYS | {"to": "2026-12-14"}])
    assert not in_window([MONTHLY], at="2026-12-15T21:30:00Z", freezes=[HOLIDAYS | {"to": "2026-12-15"}])


def test_a_freeze_within_an_opening_leaves_both_ends() -> None:
    freeze = HOLIDAYS | {"from": "2026-11-17T23:00", "to": "2026-11-18T00:30"}
    assert window_remaining([MONTHLY], at="2026-11-17T21:30:00Z", freezes=[freeze]) == 1800
    found = next_window([MONTHLY], at="2026-11-17T21:30:00Z", freezes=[freeze])
    assert found == {"name": "monthly", "start": "2026-11-17T23:30:00Z", "end": "2026-11-18T01:00:00Z"}


def test_openings_that_follow_each_other_count_as_one() -> None:
    windows = [
        {"name": "a", "when": "Tuesday 22:00", "timezone": "UTC", "duration": "2h"},
        {"name": "b", "when": "Wednesday 00:00", "timezone": "UTC", "duration": "1h"},
    ]
    assert window_remaining(windows, at="2026-11-17T23:00:00Z") == 7200
    assert window_remaining(windows, at="2026-11-17T21:00:00Z") == 0


def test_a_window_that_never_closes_has_an_answer() -> None:
    always = {"name": "always", "when": "daily 00:00", "timezone": "UTC", "duration": "1d"}
    assert window_remaining([always], at="2026-11-17T23:00:00Z") > 365 * 86400


def test_explain_names_window_freeze_and_what_opens_next() -> None:
    closed = window_explain([MONTHLY], at="2026-11-01T00:00:00Z")
    assert closed["open"] is False
    assert "next opens 'monthly' from 2026-11-17T21:00:00Z" in closed["reason"]
    frozen = window_explain([MONTHLY], at="2026-12-15T21:30:00Z", freezes=[HOLIDAYS])
    assert "holidays (owner ops)" in frozen["reason"]
    assert frozen["freeze"]["until"] == "2027-01-06T23:00:00Z"
    assert window_explain([MONTHLY], at="2026-11-17T21:30:00Z")["window"]["end"] == "2026-11-18T01:00:00Z"


def test_no_windows_are_never_open() -> None:
    assert not in_window([], at="2026-11-17T21:30:00Z")
    assert next_window([], at="2026-11-17T21:30:00Z") is None
    assert "none opens" in window_explain([], at="2026-11-17T21:30:00Z")["reason"]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"when": "third Twosday 22:00"}, ["monthly", "twosday", "no weekday"]),
        ({"when": "third Tuesday 25:00"}, ["25:00", "00:00 to 23:59"]),
        ({"when": "third Tuesday, Friday 22:00"}, ["third Tuesday, Friday 22:00", "allowed"]),
        ({"when": "3 days after Tuesday 22:00"}, ["3 days after", "allowed"]),
        ({"when": ""}, ["neither rule nor when", "allowed is one of"]),
        ({"rule": "FREQ=DAILY;BYHOUR=1"}, ["rule and when given", "allowed is one of"]),
        ({"when": None, "rule": "FREQ=HOURLY;BYHOUR=1"}, ["FREQ=HOURLY", "DAILY, WEEKLY"]),
        ({"when": None, "rule": "FREQ=DAILY"}, ["FREQ=DAILY", "BYHOUR"]),
        ({"when": None, "rule": "FREQ=WEEKLY;BYHOUR=1"}, ["BYDAY"]),
        ({"when": None, "rule": "FREQ=DAILY;INTERVAL=2;BYHOUR=1"}, ["INTERVAL", "DTSTART"]),
        ({"when": None, "rule": "every now and then"}, ["every now and then", "RRULE"]),
        ({"when": None, "rule": "FREQ=DAILY;BYHOUR=x"}, ["BYHOUR=x", "RRULE"]),
        ({"when": None, "rule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=1"}, ["BYMONTHDAY=30", "never fires"]),
        ({"when": None, "rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=1"}, ["BYMONTHDAY=30", "never fires"]),
        ({"timezone": "Europe/Berlim"}, ["Europe/Berlim", "did you mean 'Europe/Berlin'"]),
        ({"timezone": None}, ["lacks timezone"]),
        ({"duration": "4 hours"}, ["4 hours", "1s to 31d"]),
        ({"duration": "0h"}, ["0h", "1s to 31d"]),
        ({"duration": "32d"}, ["32d", "1s to 31d"]),
        ({"except": "2026-12-15"}, ["except", "a list"]),
        ({"except": ["Christmas"]}, ["except", "Christmas", "a date"]),
        ({"colour": "red"}, ["unknown key 'colour'", "duration"]),
    ],
)
def test_bad_windows_are_refused_with_value_and_what_is_allowed(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(WindowError) as refused:
        in_window([MONTHLY | change], at="2026-11-17T21:30:00Z")
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"to": "2026-12-01"}, ["holidays", "2026-12-01", "after from"]),
        ({"owner": ""}, ["lacks owner"]),
        ({"from": "2026-12-14T00:00:00Z"}, ["without an offset"]),
        ({"from": "tomorrow"}, ["tomorrow", "a date"]),
        ({"timezone": "CEST"}, ["CEST", "IANA"]),
    ],
)
def test_bad_freezes_are_refused(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(WindowError) as refused:
        in_window([MONTHLY], at="2026-11-17T21:30:00Z", freezes=[HOLIDAYS | change])
    for word in words:
        assert word in str(refused.value)


def test_a_moment_needs_an_offset() -> None:
    with pytest.raises(WindowError, match="without an offset"):
        in_window([MONTHLY], at="2026-11-17T21:30:00")


def test_one_name_for_one_window() -> None:
    with pytest.raises(WindowError, match="'monthly' is given twice"):
        in_window([MONTHLY, MONTHLY], at="2026-11-17T21:30:00Z")
