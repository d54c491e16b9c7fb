# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before work: open with enough time left, or passed by somebody who says who and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from . import clock, model, questions
from .clock import WindowError

OVERRIDE_KEYS = ("reason", "owner")


def window_gate(windows: Any, needs: Any = "1s", at: Any = None, freezes: Any = None, override: Any = None) -> Any:
    """Whether work that takes `needs` may begin at `at`, as data and as a sentence."""
    length = model.duration(needs, "needs")
    order = read_override(override)
    moment = clock.iso(model.now() if at is None else clock.moment(at, "at"))
    told = questions.window_explain(windows, moment, freezes)
    left = questions.window_remaining(windows, moment, freezes)
    reason = told["reason"]
    if told["open"] and left < length.total_seconds():
        reason = f"{_left(left)} of the window are left, {needs} are needed; {reason}"
    fits = told["open"] and left >= length.total_seconds()
    if order and not fits:
        reason = f"passed by order of {order['owner']}: {order['reason']} ({reason})"
    return {
        "open": bool(fits or order),
        "reason": reason,
        "remaining": left,
        "next": told["next"],
        # What is kept in the journal of the host; empty where the window itself is open.
        "note": reason if order and not fits else "",
    }


def _left(seconds: int) -> str:
    return str(timedelta(seconds=seconds))


def read_override(given: Any) -> dict[str, str]:
    """The order to pass the gate: who, and why. Empty where there is none."""
    if not given:
        return {}
    if not isinstance(given, Mapping) or set(given) != set(OVERRIDE_KEYS):
        raise WindowError(f"override is {given!r}; allowed is a dictionary with reason and owner")
    empty = [key for key in OVERRIDE_KEYS if not str(given[key] or "").strip()]
    if empty:
        raise WindowError(f"override has no {empty[0]}; needed are a reason and an owner, who are kept in the journal")
    return {key: " ".join(str(given[key]).split()) for key in OVERRIDE_KEYS}
