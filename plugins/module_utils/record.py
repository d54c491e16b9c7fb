# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One transaction as the journal keeps it: what was there before, how far it came, and how to put it back."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypedDict

from .blobs import DigestOnly, DirectoryBlobs
from .changes import ChangeFailed, State
from .fs import in_words, temporary_name
from .host import CommandFailed, Host
from .kinds.path import NotEmpty
from .kinds.registry import KINDS

SCHEMA = 1
# Changes of records in these states stand.
STANDING = ("confirmed", "committed")
# Nothing follows upon these.
ENDS = (*STANDING, "reverted")
# Records in these states were left by a killed call, unless their call is still running.
UNFINISHED = ("open", "reverting")
FAILURES = (OSError, ChangeFailed, CommandFailed, KeyError, ValueError)


class Entry(TypedDict):
    """One target of one step, as a line of entries.jsonl."""

    schema: int
    seq: int
    step: str
    # Steps of one group share targets: they are put back together.
    group: int
    kind: str
    target: str
    before: dict[str, Any]
    # None: only the tool that made it knew.
    intended_after: State
    reload: list[dict[str, Any]]
    secret: bool
    access: bool
    one_way: bool


@dataclass
class Restored:
    """What became of putting a record back. Targets are written `kind target`."""

    record: str = ""
    restored: list[str] = field(default_factory=list)
    # {kind, target, reason}: changed by somebody else since; nothing was touched.
    conflicts: list[dict[str, str]] = field(default_factory=list)
    # Changed by somebody else since, saved below the record's directory and overwritten.
    foreign_saved: list[str] = field(default_factory=list)
    # Directories that the transaction made and that hold somebody else's files now; what goes forward only.
    kept: list[str] = field(default_factory=list)
    # {kind, target, reason}: could not be put back.
    failed: list[dict[str, str]] = field(default_factory=list)
    reboot_required: list[str] = field(default_factory=list)
    # Words of the reloads that failed afterwards.
    reload_failures: list[str] = field(default_factory=list)


def now() -> str:
    """UTC in ISO 8601, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def words_of(error: BaseException) -> str:
    """What a failure means, in one sentence."""
    if isinstance(error, OSError):
        return in_words(error)
    if isinstance(error, KeyError):
        return f"the journal has lost the content {error.args[0]!s:.12}…"
    return str(error)


def problem(entry: Entry, reason: str) -> dict[str, str]:
    """A target and what is wrong with it."""
    return {"kind": entry["kind"], "target": entry["target"], "reason": reason}


def name_of(entry: Entry) -> str:
    """`kind target`."""
    return f"{entry['kind']} {entry['target']}"


def json_lines(items: Sequence[Any]) -> bytes:
    """One JSON document per line."""
    return b"".join(json.dumps(item, sort_keys=True).encode() + b"\n" for item in items)


class Record:
    """The directory <state_dir>/runs/<run>/<NNNN>."""

    def __init__(self, path: str, host: Host) -> None:
        self.path = path
        self.host = host
        self.blobs = DirectoryBlobs(os.path.join(path, "blobs"), host.fs)
        self._meta: dict[str, Any] | None = None
        self._entries: list[Entry] | None = None
        # Its last state, which need not be read again.
        self._end: dict[str, Any] | None = None

    # --- what it says ---

    @property
    def run(self) -> str:
        """The run that it belongs to."""
        return os.path.basename(os.path.dirname(self.path))

    @property
    def id(self) -> str:
        """<run>/<NNNN>."""
        return f"{self.run}/{os.path.basename(self.path)}"

    @property
    def meta(self) -> dict[str, Any]:
        """Scope, who, module, started (ISO 8601, UTC), order among all records, undoes, bytes."""
        if self._meta is None:
            self._meta = json.loads(self.host.fs.read(self._file("meta.json")))
        return self._meta

    @property
    def order(self) -> int:
        """Its place in the sequence of all records of this host; greater is later."""
        return int(self.meta["order"])

    @property
    def entries(self) -> list[Entry]:
        """Every target, in the order of applying."""
        if self._entries is None:
            lines = self.host.fs.read(self._file("entries.jsonl")).splitlines()
            self._entries = [json.loads(line) for line in lines]
        return self._entries

    @property
    def state(self) -> str:
        """open | armed | confirmed | committed | reverting | reverted; empty for a half-written record."""
        return str(self._state().get("state", ""))

    @property
    def finished(self) -> str:
        """When it came to its present state (ISO 8601, UTC)."""
        return str(self._state().get("at", ""))

    def _state(self) -> dict[str, Any]:
        if self._end is not None:
            return self._end
        try:
            found: dict[str, Any] = json.loads(self.host.fs.read(self._file("state")))
        except FileNotFoundError:
            return {}
        if found["state"] in ENDS:
            self._end = found
        return found

    @property
    def applied(self) -> bool:
        """Whether all was applied: an armed record without this was killed on its way."""
        return self.host.fs.exists(self._file("after.jsonl"))

    @property
    def goes_forward(self) -> bool:
        """Whether it stands as far as it came, where it was killed."""
        return any(KINDS[entry["kind"]].forward for entry in self.entries)

    @property
    def is_unfinished(self) -> bool:
        """Whether a killed call left this record, given that none is running now."""
        state = self.state
        return state in UNFINISHED or (state == "armed" and not self.applied)

    def after(self) -> dict[int, State]:
        """The state of each target after applying, by seq; what was intended where that was not recorded."""
        known: dict[int, State] = {entry["seq"]: entry["intended_after"] for entry in self.entries}
        if self.applied:
            for line in self.host.fs.read(self._file("after.jsonl")).splitlines():
                item = json.loads(line)
                known[item["seq"]] = item["after"]
        return known

    def reloads(self) -> list[dict[str, Any]]:
        """Every reload that the record names, {argv, unit}, each once, in order."""
        found: list[dict[str, Any]] = []
        for entry in self.entries:
            found += [item for item in entry["reload"] if item not in found]
        return found

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)

    # --- how far it came ---

    def move(self, expected: str, new: str) -> bool:
        """Go from state `expected` to `new`; False, and nothing happened, where the state was another."""
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Compare and swap: confirming and expiring may come at the same moment.
            fcntl.flock(directory, fcntl.LOCK_EX)
            if self.state != expected:
                return False
            self.write_state(new)
            return True
        finally:
            os.close(directory)

    def write_state(self, new: str) -> None:
        """Set the state, durably."""
        self._end = None
        self.host.fs.write_atomic(self._file("state"), json.dumps({"state": new, "at": now()}).encode() + b"\n")

    def mark_after(self) -> dict[int, dict[str, Any]]:
        """Record, durably, what the targets are like now; return it by seq."""
        found = {entry["seq"]: self.capture(entry) for entry in self.entries}
        lines = [{"seq": seq, "after": state} for seq, state in found.items()]
        self.host.fs.write_atomic(self._file("after.jsonl"), json_lines(lines))
        return found

    def capture(self, entry: Entry) -> dict[str, Any]:
        """The present state of an entry's target, content by digest only."""
        return KINDS[entry["kind"]].capture(entry["target"], self.host, DigestOnly())

    def release_reserve(self) -> None:
        """Give back the disk space that was kept for putting back."""
        self.host.fs.discard(self._file("reserve"))

    # --- putting back ---

    def restore(self, force: bool = True, groups: Collection[int] | None = None) -> Restored:
        """Put every target (of these groups) back to its state before, the last one first.

        With `force` this always goes through: what somebody else made since is saved first. Without it, a single
        conflict keeps everything as it is. State and reloads are the caller's. Idempotent, and can be killed.
        """
        done = Restored(record=self.id)
        chosen = [entry for entry in self.entries if groups is None or entry["group"] in groups]
        if not force:
            done.conflicts = [problem(entry, "changed by somebody else since") for entry in self._foreign(chosen)]
            if done.conflicts:
                return done
        self.release_reserve()
        Restoring(self, chosen, done).go()
        return done

    def _foreign(self, entries: Sequence[Entry]) -> list[Entry]:
        after = self.after()
        return [entry for entry in entries if self.is_foreign(entry, self.capture(entry), after[entry["seq"]])]

    @staticmethod
    def is_foreign(entry: Entry, current: dict[str, Any], after: State) -> bool:
        """Whether the present state is neither the one before nor known to be the transaction's own."""
        kind = KINDS[entry["kind"]]
        return not kind.is_back(current, entry["before"]) and (after is None or not kind.same(current, after))

    def save_foreign(self, entry: Entry) -> bool:
        """Keep what somebody else made of a target in `foreign/`, durably; False where there is no room for it."""
        fs, directory = self.host.fs, self._file("foreign")
        try:
            fs.make_dirs(directory)
            store = DirectoryBlobs(directory, fs)
            state = KINDS[entry["kind"]].capture(entry["target"], self.host, store)
            index = self._file("foreign.jsonl")
            known = fs.read(index) if fs.exists(index) else b""
            line = json_lines([{"kind": entry["kind"], "target": entry["target"], "state": state}])
            if line not in known:
                fs.fsync_dir(directory)
                fs.write_atomic(index, known + line)
        except OSError:
            # Putting back is worth more than what is in its way.
            return False
        return True


class Restoring:
    """One walk over the entries of a record, in the order of restoring."""

    def __init__(self, record: Record, chosen: Sequence[Entry], done: Restored) -> None:
        self.record = record
        self.host = record.host
        self.chosen = chosen
        self.done = done
        self.after = record.after()

    def go(self) -> None:
        """Put all back; what fails is listed and does not stop the rest."""
        for entry in restoring_order(self.chosen, self.host):
            try:
                self._restore(entry)
            except FAILURES as error:
                self.done.failed.append(problem(entry, words_of(error)))

    def _restore(self, entry: Entry) -> None:
        if entry["kind"] == "path":
            self.host.fs.discard(temporary_name(self.host.path(entry["target"])))
        current = self.record.capture(entry)
        if KINDS[entry["kind"]].same(current, entry["before"]):
            return
        if KINDS[entry["kind"]].forward:
            self.done.kept.append(name_of(entry))
            return
        if entry["one_way"]:
            self.done.reboot_required.append(name_of(entry))
            return
        if self.record.is_foreign(entry, current, self.after[entry["seq"]]):
            self._save(entry)
        self._put(entry)

    def _put(self, entry: Entry) -> None:
        kind = KINDS[entry["kind"]]
        try:
            kind.put(entry["target"], entry["before"], self.host, self.record.blobs)
        except NotEmpty:
            if entry["before"]["type"] == "absent":
                # All of ours went before: what it holds is somebody else's.
                self.done.kept.append(name_of(entry))
                return
            self._clear(entry)
            kind.put(entry["target"], entry["before"], self.host, self.record.blobs)
        self.done.restored.append(name_of(entry))

    def _clear(self, entry: Entry) -> None:
        """Save, then remove, a foreign directory that stands where something else was."""
        for below in tree_of(self.host, entry["target"]):
            foreign = entry.copy()
            foreign["target"] = below
            self._save(foreign)
        self.host.fs.remove_tree(self.host.path(entry["target"]))

    def _save(self, entry: Entry) -> None:
        if self.record.save_foreign(entry):
            self.done.foreign_saved.append(name_of(entry))


def restoring_order(entries: Sequence[Entry], host: Host) -> list[Entry]:
    """Entries, given in the order of applying, in the order of restoring: the last first, with two exceptions.

    A directory that is gone comes before what was in it, and one that shall go comes after what is in it.
    """
    paths = {entry["target"]: entry for entry in entries if entry["kind"] == "path"}
    below: dict[str, list[Entry]] = {}
    for entry in reversed(entries):
        below.setdefault(os.path.dirname(entry["target"]), []).append(entry)
    ordered: dict[int, Entry] = {}
    waiting: set[int] = set()

    def visit(entry: Entry) -> None:
        if id(entry) in waiting:
            return
        waiting.add(id(entry))
        if entry["kind"] == "path" and entry["before"]["type"] == "absent":
            for inner in below.get(entry["target"], []):
                visit(inner)
        parent = paths.get(os.path.dirname(entry["target"]))
        if parent and parent["before"]["type"] == "directory" and not _is_directory(host.path(parent["target"])):
            visit(parent)
        ordered[id(entry)] = entry

    for entry in reversed(entries):
        visit(entry)
    return list(ordered.values())


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def tree_of(host: Host, target: str) -> list[str]:
    """`target` and everything below it, links not followed."""
    found = [target]
    if stat.S_ISDIR(host.fs.lstat(host.path(target)).st_mode):
        for name in host.fs.listdir(host.path(target)):
            found += tree_of(host, os.path.join(target, name))
    return found
