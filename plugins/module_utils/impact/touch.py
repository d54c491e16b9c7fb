# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a control would touch of what runs: one entry per thing, with what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

# A control that touches more is told with this many and a count.
MOST = 20
# Names of processes and files may hold what would break a line, or colour it.
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Touch:
    """One thing: a listener, connection, session, user, process, module or mount."""

    what: str
    name: str
    effect: str


def as_data(touches: Iterable[Touch]) -> list[dict[str, Any]]:
    """Without doubles, and not too many."""
    found = list(dict.fromkeys(replace(touch, name=CONTROL.sub("?", touch.name)) for touch in touches))
    shown = [touch.__dict__ for touch in found[:MOST]]
    more = len(found) - len(shown)
    return [*shown, {"what": "more", "name": str(more), "effect": "of the same"}] if more else shown
