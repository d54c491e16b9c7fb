# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting back what a killed call left. It always goes through, is never undecided, and can be killed itself.

Upgrades of packages are the exception: they stand as far as they came.
"""

from __future__ import annotations

from .changes import Reload
from .execution import reload_all
from .journal import Journal
from .record import FAILURES, Record, Restored, name_of, problem, words_of


def recover(journal: Journal, reload: bool = True) -> list[Restored]:
    """Put back what killed calls left, newest first. Under the lock, or at boot (then without reloads)."""
    return [put_back(record, reload) for record in journal.unfinished()]


def put_back(record: Record, reload: bool = True) -> Restored:
    """Restore one record, always; it ends as `reverted`, or stays `reverting` where something resists."""
    record.release_reserve()
    if record.goes_forward:
        return _let_stand(record)
    for state in ("open", "armed"):
        if record.move(state, "reverting"):
            break
    done = record.restore(force=True)
    if reload:
        reloads = [Reload(tuple(item["argv"]), item["unit"]) for item in record.reloads()]
        done.reload_failures = reload_all(reloads, record.host)
    if not done.failed:
        record.move("reverting", "reverted")
    return done


def _let_stand(record: Record) -> Restored:
    """End a killed upgrade as `committed`, as far as it came: the next call finishes it, and a person may undo it."""
    done = Restored(record=record.id, kept=[name_of(entry) for entry in record.entries])
    try:
        record.mark_after()
    except FAILURES as error:
        done.failed.append(problem(record.entries[0], words_of(error)))
        return done
    for state in ("open", "reverting"):
        if record.move(state, "committed"):
            break
    return done
