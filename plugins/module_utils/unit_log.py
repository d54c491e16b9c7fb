# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a systemd unit logged since a mark, bounded: a program's own words for a failure."""

from __future__ import annotations

from .host import Host

LINES = 40
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
        argv = ["journalctl", "--quiet", f"--unit={self.unit}", f"--after-cursor={self.cursor}", f"--lines={LINES}"]
        answer = host.run([*argv, "--output=cat", "--no-pager"], timeout=20)
        return answer.out.strip()[-4000:] if answer.ok else ""
