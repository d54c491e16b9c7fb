# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to windows and freezes: open now, open next, how long still, and why."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from . import clock, model

# Windows that follow each other without a break, day by day, never close; ten years of them are answer enough.
MOST_OPENINGS = 3653


def in_window(windows: Any, at: Any = None, freezes: Any = None) -> bool:
    """Whether work is allowed at `at`."""
    return _current(*_read(windows, at, freezes)) is not None


def next_window(windows: Any, at: Any = None, freezes: Any = None) -> dict[str, str] | None:
    """The first opening that begins after `at`; None where there is none."""
    found = _next(*_read(windows, at, freezes))
    return None if found is None else _as_data(found)


def window_remaining(windows: Any, at: Any = None, freezes: Any = None) -> int:
    """Whole seconds for which work stays allowed from `at` on, through openings that follow without a break."""
    given, frozen, moment = _read(windows, at, freezes)
    end = moment
    for opening in itertools.islice(model.openings(given, frozen, moment), MOST_OPENINGS):
        if opening.start > end:
            break
        end = max(end, opening.end)
    return int((end - moment).total_seconds())


def window_explain(windows: Any, at: Any = None, freezes: Any = None) -> dict[str, Any]:
    """Open or not, with the reason as a sentence for a person."""
    given, frozen, moment = _read(windows, at, freezes)
    current, following = _current(given, frozen, moment), _next(given, frozen, moment)
    freeze = next((item for item in frozen if item.start <= moment < item.end), None)
    if freeze:
        reason = f"frozen until {clock.iso(freeze.end)}: {freeze.reason} (owner {freeze.owner})"
    elif current:
        reason = f"window {current.name!r} is open until {clock.iso(current.end)}"
    else:
        reason = f"no window is open at {clock.iso(moment)}"
    return {
        "open": current is not None,
        "reason": f"{reason}; {_then(following)}",
        "window": None if current is None else _as_data(current),
        "next": None if following is None else _as_data(following),
        "freeze": freeze and {"until": clock.iso(freeze.end), "reason": freeze.reason, "owner": freeze.owner},
    }


def _then(following: model.Opening | None) -> str:
    if following is None:
        return "none opens after that"
    return f"next opens {following.name!r} from {clock.iso(following.start)} to {clock.iso(following.end)}"


def _read(windows: Any, at: Any, freezes: Any) -> tuple[list[model.Window], list[model.Freeze], datetime]:
    moment = model.now() if at is None else clock.moment(at, "at")
    return model.windows(windows), model.freezes(freezes), moment


def _current(given: list[model.Window], frozen: list[model.Freeze], at: datetime) -> model.Opening | None:
    first = next(model.openings(given, frozen, at), None)
    return first if first is not None and first.start <= at else None


def _next(given: list[model.Window], frozen: list[model.Freeze], at: datetime) -> model.Opening | None:
    return next((opening for opening in model.openings(given, frozen, at) if opening.start > at), None)


def _as_data(opening: model.Opening) -> dict[str, str]:
    return {"name": opening.name, "start": clock.iso(opening.start), "end": clock.iso(opening.end)}
