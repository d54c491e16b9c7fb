# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of `key = value` lines, of which the last one for a key wins."""

from __future__ import annotations

import re
from typing import ClassVar

from .base import Entry, KeyedFormat, Parsed, split_tail, unquoted


class KeyValue(KeyedFormat):
    """`/etc/default/*`, pwquality.conf, faillock.conf: one key per line; a repeated key counts by its last line."""

    name = "keyvalue"
    summary = "lines of a key, a separator and a value, such as /etc/default/*; the last line for a key wins"
    default_separator: ClassVar[str] = "="

    def separator(self, entry: Entry) -> str:
        """What stands between key and value in a new line."""
        return entry.separator or self.default_separator

    def parse(self, line: str, entry: Entry) -> Parsed | None:
        """Split a line at the separator; blanks around it are taken as they come."""
        sign = self.separator(entry).strip()
        between = rf"\s*{re.escape(sign)}\s*" if sign else r"\s+"
        match = re.match(
            rf"(\s*(?:export\s+)?)([^\s{re.escape(self.comment + sign)}][^\s{re.escape(sign)}]*)({between})(.*)$", line
        )
        if not match:
            return None
        value, tail = split_tail(match.group(4))
        return Parsed(match.group(2), match.group(1) + match.group(2) + match.group(3), value, tail)

    def compose(self, entry: Entry, value: str) -> str:
        """A line with the separator as it was given."""
        return f"{entry.key}{self.separator(entry)}{value}"

    def replaced(self, parsed: Parsed, entry: Entry, value: str) -> str:
        """Keep the quotes that the old value had."""
        quote = parsed.value[0] if parsed.value != unquoted(parsed.value) and unquoted(value) == value else ""
        return f"{parsed.head}{quote}{value}{quote}{parsed.tail}"

    def normal(self, value: str) -> str:
        """Quotes around the whole value do not count."""
        return unquoted(value)

    def faults(self, entry: Entry) -> list[str]:
        """A key without blanks."""
        faults = super().faults(entry)
        if not entry.key or re.search(r"\s", entry.key) or entry.key.startswith(self.comment):
            faults.append(f"key {entry.key!r} is no key: allowed is a word without blanks")
        return faults
