# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole lines that a file has or has not."""

from __future__ import annotations

from collections.abc import Iterable

from .base import Entry, Format, Values
from .document import Document


class Lines(Format):
    """The value is the line or lines; a key is not needed. Lines are compared exactly, but for blanks at their end."""

    name = "lines"
    summary = "whole lines that are there or not, compared exactly; `value` is the line or a list of them"

    def normal(self, value: str) -> str:
        """Blanks at the end do not count."""
        return value.rstrip()

    def get(self, document: Document, entry: Entry) -> Values:
        """Those of the wanted lines that are there."""
        there = {self.normal(document.line(index)) for index in range(len(document))}
        return tuple(line for line in entry.values if self.normal(line) in there) or None

    def set(self, document: Document, entry: Entry) -> None:
        """Add what is missing at the end."""
        present = self.get(document, entry) or ()
        for line in entry.values:
            if line not in present:
                document.insert(len(document), line)

    def remove(self, document: Document, entry: Entry) -> None:
        """Take the lines out wherever they stand."""
        unwanted = {self.normal(line) for line in entry.values}
        for index in reversed(range(len(document))):
            if self.normal(document.line(index)) in unwanted:
                document.delete(index)

    def render(self, entries: Iterable[Entry]) -> list[str]:
        """The lines in the order of the controls, each control's below its comment."""
        lines: list[str] = []
        for entry in entries:
            lines += [f"# {line}" for line in entry.comment.splitlines()]
            lines += entry.values
        return lines

    def faults(self, entry: Entry) -> list[str]:
        """At least one line, and no line twice."""
        faults = super().faults(entry)
        if not entry.values:
            faults.append("value is missing: format lines needs a line or a list of lines")
        if len({self.normal(line) for line in entry.values}) < len(entry.values):
            faults.append("value names a line twice")
        return faults
