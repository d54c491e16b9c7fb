# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of sections: systemd's, GDM's, Samba's."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .base import Entry, Parsed
from .document import Document
from .keyvalue import KeyValue

HEADING = re.compile(r"\s*\[([^\]]*)\]\s*$")


class Ini(KeyValue):
    """Keys below `[section]`; a key counts by its last line in any section of that name."""

    name = "ini"
    summary = "sections in square brackets with key=value lines, such as systemd's *.conf; needs `section`"

    def parse(self, line: str, entry: Entry) -> Parsed | None:
        """A `;` begins a comment, too."""
        return None if line.lstrip().startswith(";") else super().parse(line, entry)

    def spans(self, document: Document, entry: Entry) -> list[range]:
        """The lines below each heading of the entry's section."""
        heads = [(i, m.group(1).strip()) for i in range(len(document)) if (m := HEADING.match(document.line(i)))]
        ends = [index for index, _name in heads[1:]] + [len(document)]
        return [range(at + 1, end) for (at, name), end in zip(heads, ends) if name == entry.section]

    def place(self, document: Document, entry: Entry) -> int:
        """A section that is missing is added at the end of the file."""
        if not self.spans(document, entry):
            if len(document) and document.line(len(document) - 1).strip():
                document.insert(len(document), "")
            document.insert(len(document), f"[{entry.section}]")
        return super().place(document, entry)

    def render(self, entries: Iterable[Entry]) -> list[str]:
        """Sections in the order in which they first appear."""
        sections: dict[str, list[str]] = {}
        for entry in entries:
            sections.setdefault(entry.section, []).extend(super().render([entry]))
        lines: list[str] = []
        for section, body in sections.items():
            if body:
                lines += ([""] if lines else []) + [f"[{section}]", *body]
        return lines

    def faults(self, entry: Entry) -> list[str]:
        """A section with a name."""
        faults = super().faults(entry)
        if not entry.section or "]" in entry.section:
            faults.append(f"section is {entry.section!r}: format ini needs the name of a section")
        return faults
