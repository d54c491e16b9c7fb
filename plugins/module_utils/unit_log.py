# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a systemd unit logged since a mark, bounded: a program's own words for a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .host import Host

LINES = 40
# Of so many lines the last 40 that matter are quoted: a busy program also logs its requests.
READ = 2000
WARNING = 4
CURSOR = "-- cursor: "


class UnitLog:
    """The journal of one unit (`nginx.service`), from `mark` on."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.cursor = ""

    def mark(self, host: Host) -> None:
        """Remember the journal's present end."""
        self.cursor = ""
        if not host.has_systemd:
            return
        answer = host.run(["journalctl", "--quiet", "--lines=1", "--show-cursor", "--output=cat"], timeout=20)
        for line in answer.out.splitlines():
            if line.startswith(CURSOR):
                self.cursor = line[len(CURSOR) :].strip()

    def since(self, host: Host) -> str:
        """At most the last 40 lines of the unit since the mark; "" where there is no journal."""
        if not self.cursor:
            return ""
        argv = ["journalctl", "--quiet", f"--unit={self.unit}", f"--after-cursor={self.cursor}", f"--lines={READ}"]
        answer = host.run([*argv, "--output=json", "--no-pager"], timeout=20)
        return "\n".join(list(words(answer.out))[-LINES:])[-4000:] if answer.ok else ""


def words(journal: str) -> Iterator[str]:
    """What was printed, or logged as a warning or worse; requests are logged at lower levels and left out."""
    for line in journal.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        message, level = entry.get("MESSAGE"), str(entry.get("PRIORITY", "6"))
        serious = level.isdigit() and int(level) <= WARNING
        if isinstance(message, str) and (serious or entry.get("_TRANSPORT") == "stdout"):
            yield message
