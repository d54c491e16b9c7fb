"""No window opens twice or vanishes when the clocks change, in any zone; the rule is RFC 5545, section 3.3.5."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows import model
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.questions import window_remaining

from .conftest import Change


def daily(change: Change, local: datetime) -> model.Window:
    return model.windows(
        [{"name": "night", "when": f"daily {local:%H:%M}", "timezone": change.zone, "duration": "1h"}]
    )[0]


def starts(window: model.Window, around: datetime) -> list[datetime]:
    """The instants at which the window opens from three days before to three days after."""
    found = []
    for begin, _end in window.openings(around - timedelta(days=3)):
        if begin > around + timedelta(days=3):
            return found
        found.append(begin)
    return found


def test_the_database_has_changes_of_both_kinds(clock_changes: list[Change]) -> None:
    skipped = [change for change in clock_changes if change.skips]
    repeated = [change for change in clock_changes if not change.skips]
    print(f"{len(clock_changes)} changes in {len({change.zone for change in clock_changes})} zones")
    assert len(skipped) > 500
    assert len(repeated) > 500
    assert any(change.after - change.before == timedelta(minutes=30) for change in skipped), "Lord Howe moves by half"


def test_a_skipped_start_is_read_with_the_offset_from_before(clock_changes: list[Change]) -> None:
    for change in clock_changes:
        if not change.skips:
            continue
        # The first local minute that does not exist.
        local = (change.at + change.before).replace(tzinfo=None, second=0)
        expected = (local - change.before).replace(tzinfo=timezone.utc)
        assert expected in starts(daily(change, local), change.at), change


def test_a_repeated_start_means_its_first_occurrence(clock_changes: list[Change]) -> None:
    for change in clock_changes:
        if change.skips:
            continue
        # The first local minute that comes twice.
        local = (change.at + change.after).replace(tzinfo=None)
        if local.second:
            local = local.replace(second=0) + timedelta(minutes=1)
        first = (local - change.before).replace(tzinfo=timezone.utc)
        second = (local - change.after).replace(tzinfo=timezone.utc)
        found = starts(daily(change, local), change.at)
        assert first in found, change
        assert second not in found, change


def test_a_daily_window_opens_once_a_day_around_every_change(clock_changes: list[Change]) -> None:
    for change in clock_changes:
        local = (change.at + min(change.before, change.after)).replace(tzinfo=None)
        found = starts(daily(change, local), change.at)
        gaps = [later - earlier for earlier, later in zip(found, found[1:], strict=False)]
        moved = abs(change.after - change.before)
        assert all(timedelta(hours=24) - moved <= gap <= timedelta(hours=24) + moved for gap in gaps), (change, found)


def test_a_lost_day_does_not_open_a_window_twice() -> None:
    # Samoa had no 30 December 2011.
    change = Change(
        "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=timezone.utc), timedelta(hours=-10), timedelta(hours=14)
    )
    found = starts(daily(change, datetime(2011, 12, 30, 22, 0)), change.at)
    assert len(found) == len(set(found))
    assert datetime(2011, 12, 31, 8, tzinfo=timezone.utc) in found


def test_the_duration_is_elapsed_time() -> None:
    # Berlin skips 02:00 to 03:00 on 29 March and repeats it on 25 October 2026.
    windows = [{"name": "night", "when": "daily 02:00", "timezone": "Europe/Berlin", "duration": "4h"}]
    assert window_remaining(windows, at="2026-03-29T00:59:59Z") == 0
    assert window_remaining(windows, at="2026-03-29T01:00:00Z") == 4 * 3600
    assert window_remaining(windows, at="2026-10-25T00:00:00Z") == 4 * 3600
    assert window_remaining(windows, at="2026-10-25T01:00:00Z") == 3 * 3600
