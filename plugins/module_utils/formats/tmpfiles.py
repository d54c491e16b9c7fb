# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tmpfiles.d: values that are written into /sys at boot."""

from __future__ import annotations

import re

from .base import Entry, KeyedFormat, Parsed


class Tmpfiles(KeyedFormat):
    """Lines of type `w`; the key is the path."""

    name = "tmpfiles"
    summary = "tmpfiles.d: a path and the value written into it at boot"

    def parse(self, line: str, entry: Entry) -> Parsed | None:
        """Seven fields, the last of which has all the rest."""
        match = re.match(r"(w[+!-]*\s+(\S+)\s+\S+\s+\S+\s+\S+\s+\S+\s+)(.*)$", line)
        return Parsed(match.group(2), match.group(1), match.group(3)) if match else None

    def compose(self, entry: Entry, value: str) -> str:
        """Write at boot; a file that is missing by then is no error."""
        return f"w- {entry.key} - - - - {value}"
