# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first state of every target that was ever touched on this host, kept apart from the runs' retention."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

from .blobs import DirectoryBlobs, MemoryBlobs
from .changes import State
from .fs import FileLayer
from .kinds.registry import KINDS
from .record import Entry


class Pristine:
    """The directory <state_dir>/pristine: one JSON file per target, and the contents in `blobs`."""

    def __init__(self, directory: str, fs: FileLayer) -> None:
        self.directory = directory
        self.fs = fs
        self.blobs = DirectoryBlobs(os.path.join(directory, "blobs"), fs)

    def _file(self, kind: str, target: str) -> str:
        return os.path.join(self.directory, hashlib.sha256(f"{kind}:{target}".encode()).hexdigest() + ".json")

    def remember(self, entries: Sequence[Entry], contents: MemoryBlobs, run: str, scope: str, order: int) -> None:
        """Keep the state before of every target that is new here. All or nothing: raises OSError with nothing kept."""
        kept = [entry for entry in entries if KINDS[entry["kind"]].has_pristine]
        new = [entry for entry in kept if not self.fs.exists(self._file(entry["kind"], entry["target"]))]
        if not new:
            return
        self.fs.make_dirs(self.blobs.directory)
        written: list[str] = []
        try:
            for entry in new:
                digest = entry["before"].get("digest")
                if digest:
                    self.blobs.put(contents.get(digest))
            self.fs.fsync_dir(self.blobs.directory)
            for entry in new:
                written.append(self._file(entry["kind"], entry["target"]))
                self._write(entry["kind"], entry["target"], self._first(entry, run, scope, order))
        except OSError:
            for path in written:
                self.fs.discard(path)
            raise

    @staticmethod
    def _first(entry: Entry, run: str, scope: str, order: int) -> dict[str, Any]:
        """What is known when a target is touched for the first time; `after` follows when runs are forgotten."""
        return {"entry": entry, "after": None, "run": run, "scope": scope, "order": order}

    def _write(self, kind: str, target: str, more: dict[str, Any]) -> None:
        content = json.dumps({**more, "schema": 1, "kind": kind, "target": target}, sort_keys=True)
        self.fs.write_atomic(self._file(kind, target), content.encode() + b"\n")

    def all(self) -> list[dict[str, Any]]:
        """{kind, target, entry, after, run, scope, order} of every target, in the order of being touched first."""
        if not self.fs.exists(self.directory):
            return []
        names = [name for name in self.fs.listdir(self.directory) if name.endswith(".json")]
        found = [json.loads(self.fs.read(os.path.join(self.directory, name))) for name in names]
        return sorted(found, key=lambda item: (item["order"], item["entry"]["seq"]))

    def fold(self, kind: str, target: str, after: State) -> None:
        """Remember the last state that a run left, when the run's own record is dropped. None: it is as at first."""
        path = self._file(kind, target)
        if self.fs.exists(path):
            known = json.loads(self.fs.read(path))
            if after is not None and KINDS[kind].same(after, known["entry"]["before"]):
                after = None
            if known["after"] != after:
                self._write(kind, target, {**known, "after": after})
