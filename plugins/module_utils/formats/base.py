# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every file format can do: find a key's value, set it, take it out, and render a file of nothing but settings."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Optional

from .document import Document

Values = Optional["tuple[str, ...]"]


@dataclass(frozen=True)
class Entry:
    """One setting, as a control wants it."""

    key: str
    values: tuple[str, ...]
    section: str = ""
    separator: str = ""
    # The key stands for all its lines together, not for the one that wins.
    many: bool = False
    # Lines above it where the file is rendered whole.
    comment: str = ""


@dataclass(frozen=True)
class Parsed:
    """A line that sets a key: `head` is all before the value, `tail` all behind it."""

    key: str
    head: str
    value: str
    tail: str = ""


class Format(ABC):
    """How one family of files is read and edited."""

    name: ClassVar[str]
    # One sentence for the documentation.
    summary: ClassVar[str]

    @abstractmethod
    def get(self, document: Document, entry: Entry) -> Values:
        """The values in force for the entry's key; None where it is not set."""

    @abstractmethod
    def set(self, document: Document, entry: Entry) -> None:
        """Make the entry's values the ones in force, touching no other line."""

    @abstractmethod
    def remove(self, document: Document, entry: Entry) -> None:
        """Take every line that sets the entry's key out."""

    @abstractmethod
    def render(self, entries: Iterable[Entry]) -> list[str]:
        """The lines of a file that holds these entries and nothing else."""

    def entry(self, key: str, values: Sequence[str], section: str, separator: str, listed: bool) -> Entry:
        """The entry for a control's options; `listed`: the value was given as a list."""
        return Entry(key, tuple(values), section, separator, many=listed)

    def faults(self, entry: Entry) -> list[str]:
        """What this format cannot hold, in sentences."""
        if any(re.search(r"[\n\r\0]", text) for text in (entry.key, entry.section, *entry.values)):
            return ["a key, section or value cannot have a line break"]
        return []

    def normal(self, value: str) -> str:
        """A value in the form in which two spellings of the same value are equal."""
        return value.strip()

    def same(self, found: Values, entry: Entry) -> bool:
        """Whether the values found are the wanted ones."""
        return found is not None and [*map(self.normal, found)] == [*map(self.normal, entry.values)]


class KeyedFormat(Format):
    """Formats in which a line sets a key."""

    first_wins: ClassVar[bool] = False
    comment: ClassVar[str] = "#"

    @abstractmethod
    def parse(self, line: str, entry: Entry) -> Parsed | None:
        """The setting on a line, or None where there is none."""

    @abstractmethod
    def compose(self, entry: Entry, value: str) -> str:
        """A new line that gives the entry's key this value."""

    def matches(self, parsed: Parsed, entry: Entry) -> bool:
        """Whether a line is about the entry's key."""
        return parsed.key == entry.key

    def spans(self, document: Document, entry: Entry) -> list[range]:
        """The runs of lines in which the entry's key counts."""
        return [range(len(document))]

    def replaced(self, parsed: Parsed, entry: Entry, value: str) -> str:
        """The line with another value."""
        return f"{parsed.head}{value}{parsed.tail}"

    def found(self, document: Document, entry: Entry) -> list[tuple[int, Parsed]]:
        """The lines that set the entry's key, with their numbers."""
        hits = []
        for span in self.spans(document, entry):
            for index in span:
                parsed = self.parse(document.line(index), entry)
                if parsed is not None and self.matches(parsed, entry):
                    hits.append((index, parsed))
        return hits

    def get(self, document: Document, entry: Entry) -> Values:
        """All values of the key where the entry means all of them, else the one that wins."""
        values = tuple(parsed.value for _index, parsed in self.found(document, entry))
        if not values:
            return None
        return values if entry.many else (values[0 if self.first_wins else -1],)

    def set(self, document: Document, entry: Entry) -> None:
        """Change the value where it stands; what is missing goes below, what is too many goes out."""
        hits = self.found(document, entry)
        if hits and not entry.many:
            hits = [hits[0 if self.first_wins else -1]]
        for (index, parsed), value in zip(hits, entry.values):
            if self.normal(parsed.value) != self.normal(value):
                document.replace(index, self.replaced(parsed, entry, value))
        missing = entry.values[len(hits) :]
        below = hits[-1][0] + 1 if hits else self.place(document, entry) if missing else 0
        for offset, value in enumerate(missing):
            document.insert(below + offset, self.compose(entry, value))
        for index, _parsed in reversed(hits[len(entry.values) :]):
            document.delete(index)

    def remove(self, document: Document, entry: Entry) -> None:
        """Take out every line that sets the key."""
        for index, _parsed in reversed(self.found(document, entry)):
            document.delete(index)

    def place(self, document: Document, entry: Entry) -> int:
        """Where a new line goes: below the commented-out default, or at the end of what the key belongs to."""
        spans = self.spans(document, entry)
        for span in spans:
            for index in reversed(span):
                line = document.line(index).lstrip()
                parsed = self.parse(line[1:], entry) if line.startswith(self.comment) else None
                if parsed is not None and self.matches(parsed, entry):
                    return index + 1
        return self.end(document, spans[-1])

    def end(self, document: Document, span: range) -> int:
        """Behind the last line of the span that is not blank."""
        at = span.stop
        while at > span.start and not document.line(at - 1).strip():
            at -= 1
        return at

    def render(self, entries: Iterable[Entry]) -> list[str]:
        """One line per value, in the order of the controls, each below its comment."""
        lines: list[str] = []
        for entry in entries:
            lines += [f"{self.comment} {line}" for line in entry.comment.splitlines()]
            lines += [self.compose(entry, value) for value in entry.values]
        return lines


def split_tail(text: str) -> tuple[str, str]:
    """A value, and what follows it: blanks and a comment, which begins with # after a blank and outside quotes."""
    at, end = 0, len(text)
    while at < end:
        if text[at] in "\"'" and text.find(text[at], at + 1) > 0:
            at = text.find(text[at], at + 1)
        elif text[at] == "#" and (at == 0 or text[at - 1].isspace()):
            end = at
        at += 1
    value = text[:end].rstrip()
    return value, text[len(value) :]


def unquoted(value: str) -> str:
    """The value without the pair of quotes around it."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]:
        return value[1:-1]
    return value
