# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receipt of a run: a hash-chained record of what was done to which host, and its verification.

One JSON object per line, in the one canonical form that `canonical` gives. Each line names the hash of the line
before (`prev`) and its own (`hash`); the last one has type `end`. There is no key: the chain shows that a file is
whole, and the heads kept on the hosts show that it is the file of that run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 1
START = "0" * 64
FIRST, LAST = "run", "end"


@dataclass
class Active:
    """The receipt that this process writes. Workers are forks and see it as it was when they were forked."""

    path: str = ""
    head: str = ""
    entries: int = 0
    # Hosts whose state this run changed through the engine.
    changed_hosts: set[str] = field(default_factory=set)


ACTIVE = Active()


def canonical(entry: Mapping[str, Any]) -> bytes:
    """The only accepted form of an entry: sorted keys, no blanks, ASCII."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def digest(value: Any) -> str:
    """SHA-256 of any JSON value, of which the value itself is not to be kept."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def seal(entry: Mapping[str, Any], prev: str) -> dict[str, Any]:
    """The entry with `prev` and its own `hash`."""
    linked = {**entry, "prev": prev}
    return {**linked, "hash": hashlib.sha256(canonical(linked)).hexdigest()}


class ReceiptFile:
    """An append-only receipt. Every entry is one write; nothing written is ever touched again."""

    def __init__(self, directory: str, run: str) -> None:
        Path(directory).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = str(Path(directory).resolve() / f"{run}.jsonl")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o600)
        self.head = START
        self.entries = 0

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add an entry to the chain. Raises OSError where it cannot be written whole."""
        sealed = seal({**entry, "seq": self.entries}, self.head)
        line = canonical(sealed) + b"\n"
        if os.write(self._fd, line) != len(line):
            raise OSError(f"{self.path}: the disk is full, an entry was cut")
        self.head = sealed["hash"]
        self.entries += 1

    def close(self, entry: Mapping[str, Any]) -> None:
        """Write the closing entry and bring the file to disk."""
        self.append({**entry, "type": LAST})
        os.fsync(self._fd)
        os.close(self._fd)
        directory = os.open(os.path.dirname(self.path), os.O_RDONLY)  # noqa: PTH120 - beside os.open
        os.fsync(directory)
        os.close(directory)


@dataclass(frozen=True)
class Checked:
    """A receipt as found: its entries as far as they can be trusted, and what is wrong with it."""

    entries: list[dict[str, Any]]
    problems: list[str]

    @property
    def head(self) -> str:
        """Hash of the last good entry."""
        return str(self.entries[-1]["hash"]) if self.entries else START

    @property
    def run(self) -> str:
        """The id of the run, "" where not even the first entry is good."""
        return str(self.entries[0].get("run", "")) if self.entries else ""

    def knows(self, head: str) -> int | None:
        """The position of the entry with this hash, or None."""
        return next((index for index, entry in enumerate(self.entries) if entry["hash"] == head), None)


def check(content: bytes) -> Checked:
    """Verify a receipt byte by byte; stops at the first line that is wrong, because nothing after it can be trusted."""
    entries: list[dict[str, Any]] = []
    prev = START
    if not content:
        return Checked(entries, ["the receipt is empty."])
    lines = content.split(b"\n")
    if lines.pop() != b"":
        return Checked(entries, ["the last line is cut: it has no line end."])
    for number, line in enumerate(lines, start=1):
        entry, problem = _entry(line, number, prev, is_last=number == len(lines))
        if entry is None:
            return Checked(entries, [problem])
        entries.append(entry)
        prev = entry["hash"]
    return Checked(entries, [])


def _entry(line: bytes, number: int, prev: str, is_last: bool) -> tuple[dict[str, Any] | None, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return None, f"line {number} is not JSON."
    if not isinstance(entry, dict) or canonical_or_empty(entry) != line:
        return None, f"line {number} is not in canonical form: it was altered."
    if entry.get("prev") != prev:
        return None, f"line {number} does not follow line {number - 1}: a line was altered, cut or moved."
    body = {key: value for key, value in entry.items() if key != "hash"}
    if entry.get("hash") != hashlib.sha256(canonical(body)).hexdigest():
        return None, f"line {number} does not have the hash that it names: it was altered."
    problem = _misplaced(entry, number, is_last)
    return (None, problem) if problem else (entry, "")


def _misplaced(entry: Mapping[str, Any], number: int, is_last: bool) -> str:
    kind = entry.get("type")
    if entry.get("seq") != number - 1:
        return f"line {number} says that it is entry {entry.get('seq')!r}; expected {number - 1}."
    if (kind == FIRST) != (number == 1):
        return f"line {number} is of type {kind!r}; the first line, and no other, is of type {FIRST!r}."
    if is_last and kind != LAST:
        return f"the receipt is incomplete: there is no closing line of type {LAST!r}."
    if kind == LAST and not is_last:
        return f"line {number} closes the receipt, but more follows."
    return ""


def canonical_or_empty(entry: Mapping[str, Any]) -> bytes:
    """`canonical`, or nothing for values that have no canonical form."""
    try:
        return canonical(entry)
    except ValueError:
        return b""


def directory(configured: str, environment: Mapping[str, str]) -> str:
    """Where receipts go: EVENKEEL_RECEIPT_DIR, else ansible-runner's artifacts of this run, else the setting."""
    chosen = environment.get("EVENKEEL_RECEIPT_DIR", "")
    artifacts = environment.get("AWX_ISOLATED_DATA_DIR", "")
    if not chosen and artifacts:
        return str(Path(artifacts) / "evenkeel_receipts")
    return str(Path(chosen or configured).expanduser())
