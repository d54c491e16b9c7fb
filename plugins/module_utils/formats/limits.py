# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/security/limits.conf: domain, type, item, value."""

from __future__ import annotations

import re

from .base import Entry, KeyedFormat, Parsed


class Limits(KeyedFormat):
    """The key is `domain type item`, such as `* hard core`."""

    name = "limits"
    summary = "/etc/security/limits.d/*: the key is domain, type and item (`* hard core`)"

    def parse(self, line: str, entry: Entry) -> Parsed | None:
        """Four fields, and perhaps a comment."""
        match = re.match(r"(\s*([^\s#]\S*\s+\S+\s+\S+)\s+)([^\s#]+)(\s*(?:#.*)?)$", line)
        return (
            Parsed(" ".join(match.group(2).split()), match.group(1), match.group(3), match.group(4)) if match else None
        )

    def matches(self, parsed: Parsed, entry: Entry) -> bool:
        """Blanks between the fields do not count."""
        return parsed.key == " ".join(entry.key.split())

    def compose(self, entry: Entry, value: str) -> str:
        """The four fields."""
        return f"{' '.join(entry.key.split())} {value}"

    def faults(self, entry: Entry) -> list[str]:
        """Three fields as key, one as value."""
        faults = super().faults(entry)
        fields = entry.key.split()
        if len(fields) != 3 or fields[1] not in ("soft", "hard", "-"):
            faults.append(f"key {entry.key!r}: format limits needs `domain type item`, with type soft, hard or -")
        if any(len(value.split()) != 1 for value in entry.values):
            faults.append(f"value {entry.values!r}: format limits needs one word")
        return faults
