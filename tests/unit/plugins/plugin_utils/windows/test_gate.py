# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: open with enough time left, or passed by an order that is kept."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.clock import WindowError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.gate import window_gate

WINDOWS = [{"name": "monthly", "when": "third Tuesday 22:00", "timezone": "Europe/Berlin", "duration": "4h"}]
FREEZES = [
    {"from": "2026-11-17", "to": "2026-11-18", "timezone": "Europe/Berlin", "reason": "closing", "owner": "finance"}
]
ORDER = {"reason": "CVE-2026-1234", "owner": "anna"}


def test_open_with_enough_time_left() -> None:
    gate = window_gate(WINDOWS, needs="1h", at="2026-11-17T22:30:00+01:00")
    assert (gate["open"], gate["remaining"], gate["note"]) == (True, 12600, "")
    assert gate["reason"].startswith("window 'monthly' is open until 2026-11-18T01:00:00Z")


@pytest.mark.parametrize(("at", "answer"), [("2026-11-18T01:45:00+01:00", True), ("2026-11-18T01:45:01+01:00", False)])
def test_a_wave_is_not_begun_when_less_than_it_takes_is_left(at: str, answer: bool) -> None:
    gate = window_gate(WINDOWS, needs="15m", at=at)
    assert gate["open"] is answer
    if not answer:
        assert gate["reason"].startswith(
            "0:14:59 of the window are left, 15m are needed; window 'monthly' is open until"
        )


def test_closed_and_when_it_opens_next() -> None:
    gate = window_gate(WINDOWS, at="2026-11-16T12:00:00Z")
    assert not gate["open"]
    assert gate["next"] == {"name": "monthly", "start": "2026-11-17T21:00:00Z", "end": "2026-11-18T01:00:00Z"}
    assert "next opens 'monthly' from 2026-11-17T21:00:00Z" in gate["reason"]


def test_a_freeze_closes_it() -> None:
    gate = window_gate(WINDOWS, at="2026-11-17T22:30:00+01:00", freezes=FREEZES)
    assert not gate["open"]
    assert gate["reason"].startswith("frozen until 2026-11-18T23:00:00Z: closing (owner finance)")


def test_an_order_passes_it_and_is_kept() -> None:
    gate = window_gate(WINDOWS, at="2026-11-17T22:30:00+01:00", freezes=FREEZES, override=ORDER)
    assert gate["open"]
    assert gate["note"].startswith("passed by order of anna: CVE-2026-1234 (frozen until")
    assert window_gate([], override=ORDER)["open"]


def test_an_order_that_was_not_needed_is_not_kept() -> None:
    assert window_gate(WINDOWS, at="2026-11-17T22:30:00+01:00", override=ORDER)["note"] == ""


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("yes", "override is 'yes'; allowed is a dictionary with reason and owner"),
        ({"reason": "x"}, "allowed is a dictionary with reason and owner"),
        ({**ORDER, "until": "x"}, "allowed is a dictionary with reason and owner"),
        ({"reason": " ", "owner": "anna"}, "override has no reason"),
        ({"reason": "x", "owner": None}, "override has no owner"),
    ],
)
def test_an_order_needs_a_reason_and_an_owner(override: Any, words: str) -> None:
    with pytest.raises(WindowError, match=words):
        window_gate(WINDOWS, override=override)


def test_how_long_it_takes_is_a_length() -> None:
    with pytest.raises(WindowError, match="needs: duration is 'soon'"):
        window_gate(WINDOWS, needs="soon")
