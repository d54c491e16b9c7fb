# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd takes as OnCalendar, and what it refuses; each was tried with systemd-analyze calendar."""

from __future__ import annotations

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.oncalendar import is_event


@pytest.mark.parametrize(
    "event",
    [
        "*-*-* 02:00:00",
        "hourly",
        "Daily",
        "Mon..Fri *-*-* 01,13:30:00",
        "Mon,Wed,Sat..Sun 22:15",
        "Sunday 04:00 Europe/Berlin",
        "*-*-* 03:00 UTC",
        "*:0/15",
        "*-*~1 05:00",
        "2026-12-24",
        "12-24 18:00",
        "*-1,7-01..07 00:00",
        "Tue",
    ],
)
def test_events_are_taken(event: str) -> None:
    assert is_event(event)


@pytest.mark.parametrize(
    "event",
    [
        "",
        " ",
        "nightly",
        "every day",
        "02",
        "25:00",
        "*-*-* 24:00:00",
        "*-13-01 02:00",
        "*-*-32",
        "02:60",
        "Funday 02:00",
        "02:00 Mon",
        "02:00 03:00",
        "*-*-* 02:00:00\n",
        "*-*-* 02:00:00; reboot",
        "0 2 * * *",
        "*:0/0",
        "5..3:00",
    ],
)
def test_what_is_no_event_is_refused(event: str) -> None:
    assert not is_event(event)
