# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a host: what every run changed, written down before it was changed.

    <state_dir>/               0700, the caller's own
      lock  hold  fenced/<run>
      pristine/<sha256 of kind:target>.json  pristine/blobs/
      runs/<run>/<NNNN>/       meta.json  entries.jsonl  blobs/  state  after.jsonl  foreign/

A record counts from the moment its file `state` is there; that is written last, when all else is durable.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .blobs import MemoryBlobs
from .fs import in_words
from .host import Host
from .pristine import Pristine
from .record import STANDING, Entry, Record, Restored, json_lines, now

__all__ = ["Entry", "Journal", "JournalFailed", "Record", "Restored", "RunInfo"]

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# Room for the journal's own small files while a record is put back on a full disk.
RESERVE_BYTES = 65536


class JournalFailed(Exception):
    """The journal cannot be written; nothing on the host was changed. One sentence with the remedy."""


@dataclass
class RunInfo:
    """One run as an operator sees it. Times are ISO 8601 in UTC; state is the one of its last record that stands."""

    run: str
    started: str
    finished: str
    who: str
    scopes: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    transactions: int = 0
    state: str = ""
    targets: int = 0
    bytes: int = 0


class Journal:
    """The records below one state directory."""

    def __init__(self, state_dir: str, host: Host) -> None:
        self.state_dir = os.path.abspath(state_dir)
        self.host = host
        self.pristine = Pristine(os.path.join(self.state_dir, "pristine"), host.fs)
        # A record that is at its end is read once only.
        self._known: dict[str, Record] = {}

    @property
    def _runs_dir(self) -> str:
        return os.path.join(self.state_dir, "runs")

    # --- reading ---

    def records(self) -> list[Record]:
        """Every whole record, oldest first."""
        return sorted((record for record in self._directories() if record.state), key=lambda record: record.order)

    def _directories(self) -> Iterator[Record]:
        fs = self.host.fs
        for run in fs.listdir(self._runs_dir) if fs.exists(self._runs_dir) else []:
            for name in fs.listdir(os.path.join(self._runs_dir, run)):
                if name.isdigit():
                    path = os.path.join(self._runs_dir, run, name)
                    yield self._known.setdefault(path, Record(path, self.host))

    def record(self, run: str, number: int) -> Record:
        """One record; KeyError where there is none."""
        record = Record(os.path.join(self._runs_dir, run, f"{number:04d}"), self.host)
        if not RUN_ID.fullmatch(run) or not record.state:
            raise KeyError(f"{run}/{number:04d}")
        return record

    def unfinished(self) -> list[Record]:
        """What killed calls left, newest first. Ask only while no call is running: under the lock, or at boot."""
        return [record for record in reversed(self.records()) if record.is_unfinished]

    def armed(self) -> Record | None:
        """The record that waits for its confirmation."""
        return next((record for record in self.records() if record.state == "armed"), None)

    def latest(self) -> int:
        """The order of the newest record; 0 where there is none."""
        return max((record.order for record in self.records()), default=0)

    def undone(self) -> set[str]:
        """Ids of the records that a later undo, which itself stands, took back."""
        gone: set[str] = set()
        for record in reversed(self.records()):
            if record.state in STANDING and record.id not in gone:
                gone |= set(record.meta["undoes"])
        return gone

    def standing(self) -> list[Record]:
        """Records whose changes are in force, oldest first."""
        gone = self.undone()
        return [record for record in self.records() if record.state in STANDING and record.id not in gone]

    def is_fenced(self, run: str) -> bool:
        """Whether the dead man's switch put this run back, so that nothing more of it may come."""
        return self.host.fs.exists(os.path.join(self.state_dir, "fenced", run))

    def runs(self) -> list[RunInfo]:
        """All runs, newest first."""
        gone = self.undone()
        found: dict[str, RunInfo] = {}
        for record in self.records():
            meta = record.meta
            info = found.setdefault(record.run, RunInfo(record.run, meta["started"], "", meta["who"]))
            info.transactions += 1
            info.finished = record.finished
            info.targets += int(meta["targets"])
            info.bytes += int(meta["bytes"])
            info.scopes += [meta["scope"]] if meta["scope"] not in info.scopes else []
            info.modules += [meta["module"]] if meta["module"] not in info.modules else []
            info.state = _worse(info.state, "undone" if record.id in gone else record.state)
        return list(reversed(list(found.values())))

    # --- writing ---

    def begin(
        self,
        run: str,
        scope: str,
        who: str,
        module: str,
        entries: Sequence[Entry],
        contents: MemoryBlobs,
        undoes: Sequence[str] = (),
    ) -> Record:
        """Write everything down, durably; JournalFailed, with nothing left behind, where that is not possible."""
        if not RUN_ID.fullmatch(run):
            raise JournalFailed(f"run is {run!r}; allowed are up to 128 letters, digits and ._- after a first one")
        order = self.latest() + 1
        directory = os.path.join(self._runs_dir, run)
        record = Record(os.path.join(directory, f"{self._next_number(directory):04d}"), self.host)
        meta = {
            "schema": 1,
            "order": order,
            "scope": scope,
            "who": who,
            "module": module,
            "started": now(),
            "undoes": list(undoes),
            "targets": len(entries),
            "bytes": sum(len(content) for content in contents.kept.values()),
        }
        try:
            self.host.fs.make_dirs(record.blobs.directory)
            self._write(record, meta, entries, contents)
            self.pristine.remember(entries, contents, run, scope, order)
        except OSError as error:
            self.discard(record)
            raise JournalFailed(f"The journal cannot be written, so nothing was changed: {in_words(error)}.") from None
        return record

    def _next_number(self, directory: str) -> int:
        fs = self.host.fs
        names = fs.listdir(directory) if fs.exists(directory) else []
        return max((int(name) for name in names if name.isdigit()), default=0) + 1

    def _write(self, record: Record, meta: dict[str, object], entries: Sequence[Entry], contents: MemoryBlobs) -> None:
        fs = self.host.fs
        for content in contents.kept.values():
            record.blobs.put(content)
        fs.write_new(os.path.join(record.path, "meta.json"), json.dumps(meta, sort_keys=True).encode() + b"\n")
        fs.write_new(os.path.join(record.path, "entries.jsonl"), json_lines(entries))
        self._reserve(record, max((len(content) for content in contents.kept.values()), default=0) + RESERVE_BYTES)
        fs.fsync_dir(record.blobs.directory)
        fs.fsync_dir(record.path)
        record.write_state("open")

    def _reserve(self, record: Record, size: int) -> None:
        """A full disk must not keep the biggest file from being put back."""
        fd = self.host.fs.create(os.path.join(record.path, "reserve"))
        try:
            self.host.fs.reserve(fd, size)
        finally:
            self.host.fs.close(fd)

    def discard(self, record: Record) -> None:
        """Remove a record under which nothing was changed."""
        fs = self.host.fs
        self._known.pop(record.path, None)
        # Without its state it does not count any more, should this be cut off.
        fs.discard(os.path.join(record.path, "state"))
        fs.remove_tree(record.path)
        directory = os.path.dirname(record.path)
        if fs.exists(directory) and not fs.listdir(directory):
            fs.rmdir(directory)

    def sweep(self) -> None:
        """Remove half-written records: nothing was changed under them."""
        for record in list(self._directories()):
            if not record.state:
                self.discard(record)


def _worse(one: str, other: str) -> str:
    """The word for a run whose records are in these states: what needs attention wins."""
    ranks = ["", "undone", "reverted", "committed", "confirmed", "reverting", "armed", "open"]
    return max(one, other, key=ranks.index)
