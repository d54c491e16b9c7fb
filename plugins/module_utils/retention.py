# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the past is kept: runs are dropped whole, the oldest first, never what is pristine or not at its end."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .journal import Journal
from .record import STANDING, Record

NOT_ENDED = ("open", "armed", "reverting")
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Retention:
    """What may be kept at most; the newest run is always kept."""

    runs: int = 100
    bytes: int = 512 * MEBIBYTE


def prune(journal: Journal, retention: Retention) -> list[str]:
    """Drop runs beyond the limits; return their ids. Call it under the lock."""
    infos = journal.runs()
    dropped: list[str] = []
    count, size = len(infos), sum(info.bytes for info in infos)
    for info in reversed(infos[1:]):
        if count <= retention.runs and size <= retention.bytes:
            break
        if drop(journal, info.run):
            dropped.append(info.run)
            count, size = count - 1, size - info.bytes
    return dropped


def drop(journal: Journal, run: str) -> bool:
    """Forget one run, except what is pristine; False, and nothing happened, where it is not at its end."""
    records = [record for record in journal.records() if record.run == run]
    if any(record.state in NOT_ENDED for record in records):
        return False
    gone = journal.undone()
    for record in records:
        _fold(journal, record, undone=record.id in gone)
    fs = journal.host.fs
    for record in records:
        journal.discard(record)
    fs.remove_tree(os.path.join(journal.state_dir, "runs", run))
    return True


def _fold(journal: Journal, record: Record, undone: bool) -> None:
    """Undo to the pristine state has to tell our last state from what somebody else made of it."""
    if record.state not in STANDING or undone:
        return
    after = record.after()
    for entry in record.entries:
        journal.pristine.fold(entry["kind"], entry["target"], after[entry["seq"]])
