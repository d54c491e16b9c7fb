# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that a scope owns whole, with a block of lines for each control, headed by the control's id.

The ids let a call that brings only some of a scope's controls leave the lines of the others as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .changes import Change
from .host import Host
from .scoped_files import read_text, scoped_text, write_changes

HEAD = re.compile(r"# control ([A-Za-z0-9][A-Za-z0-9_.:/-]*)")


class ScopedBlocks:
    """What is in the file now, and what will be."""

    def __init__(self, host: Host, path: str, scope: str, keep: frozenset[str]) -> None:
        self.host, self.path, self.scope, self.keep = host, path, scope, keep
        self.found = self._parse(read_text(host, path) or "")
        self.wanted: dict[str, list[str]] = {}

    def want(self, control: str, lines: Sequence[str]) -> bool:
        """Give a control its lines; return whether the file has them already."""
        self.wanted[control] = list(lines)
        return self.found.get(control) == self.wanted[control]

    def blocks(self) -> dict[str, list[str]]:
        """The blocks of the next file, in the order of their ids."""
        kept = {control: lines for control, lines in self.found.items() if control in self.keep}
        return dict(sorted({**kept, **self.wanted}.items()))

    def changes(self) -> list[Change]:
        """What makes the file so; without any block it goes."""
        lines = [line for control, block in self.blocks().items() for line in (f"# control {control}", *block)]
        return write_changes(self.host, self.path, scoped_text(self.scope, lines))

    def released(self) -> list[dict[str, Any]]:
        """The blocks whose control is gone."""
        gone = self.found.keys() - self.blocks().keys()
        return [
            {"id": control, "file": self.path, "key": "; ".join(self.found[control]), "action": "removed", "reason": ""}
            for control in sorted(gone)
        ]

    def _parse(self, text: str) -> Mapping[str, list[str]]:
        blocks: dict[str, list[str]] = {}
        control = ""
        for line in text.splitlines():
            head = HEAD.fullmatch(line)
            if head:
                control = head.group(1)
                blocks[control] = []
            elif control:
                blocks[control].append(line)
        return blocks
