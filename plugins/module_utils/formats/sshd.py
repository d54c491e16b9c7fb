# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd_config: the first value of a keyword wins, and what stands below Match counts only for some."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .base import Entry, KeyedFormat, Parsed, split_tail, unquoted
from .document import Document

# Keywords whose lines add up; every other keyword counts by its first line.
REPEATABLE = {
    *("acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostcertificate", "hostkey"),
    *("listenaddress", "port", "setenv", "subsystem"),
}
# Keywords that take a list of words; other lists are joined by commas.
BLANK_SEPARATED = {"authenticationmethods", "authorizedkeysfile", "ipqos", "permitlisten", "permitopen", "rekeylimit"}
LINE = re.compile(r"(\s*)([A-Za-z][A-Za-z0-9]*)((?:\s*=\s*|\s+))(.*)$")


class Sshd(KeyedFormat):
    """Only the part before the first Match is read and edited."""

    name = "sshd"
    summary = (
        "sshd_config and its drop-ins; Match blocks are left alone, Include and first-value-wins are taken into account"
    )
    first_wins = True

    def entry(self, key: str, values: Sequence[str], section: str, separator: str, listed: bool) -> Entry:
        """A list becomes several lines for a repeatable keyword, one line for any other."""
        if key.lower() in REPEATABLE:
            return Entry(key, tuple(values), many=True)
        joint = " " if key.lower() in BLANK_SEPARATED else ","
        return Entry(key, (joint.join(values),) if values else ())

    def parse(self, line: str, entry: Entry) -> Parsed | None:
        """A keyword, blanks or `=`, arguments."""
        match = LINE.match(line)
        if not match:
            return None
        value, tail = split_tail(match.group(4))
        return Parsed(match.group(2).lower(), "".join(match.group(1, 2, 3)), value, tail)

    def matches(self, parsed: Parsed, entry: Entry) -> bool:
        """Keywords do not have a case."""
        return parsed.key == entry.key.lower()

    def spans(self, document: Document, entry: Entry) -> list[range]:
        """What stands before the first Match, without the comment that leads it in."""
        for index in range(len(document)):
            if re.match(r"\s*match\s", document.line(index), re.IGNORECASE):
                while index and document.line(index - 1).lstrip().startswith("#"):
                    index -= 1
                return [range(index)]
        return [range(len(document))]

    def compose(self, entry: Entry, value: str) -> str:
        """Keyword, blank, arguments."""
        return f"{entry.key} {value}"

    def normal(self, value: str) -> str:
        """Blanks and quotes around the whole value do not count."""
        return " ".join(unquoted(value).split())

    def faults(self, entry: Entry) -> list[str]:
        """A keyword that is neither Match nor Include."""
        faults = super().faults(entry)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", entry.key) or entry.key.lower() in ("match", "include"):
            faults.append(
                f"key {entry.key!r} is no keyword that format sshd sets: allowed is any but Match and Include"
            )
        return faults
