# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration file as lines that can be edited one at a time, every other byte left as it is."""

from __future__ import annotations


class Document:
    """The lines of a text; foreign bytes, line ends and a missing final newline survive."""

    def __init__(self, content: bytes) -> None:
        text = content.decode("utf-8", "surrogateescape")
        self.lines = text.split("\n")
        # What follows the last newline is a line only where it has characters.
        self._final_newline = not text or self.lines[-1] == ""
        if self.lines[-1] == "":
            self.lines.pop()
        self._crlf = bool(self.lines) and self.lines[0].endswith("\r")

    def line(self, index: int) -> str:
        """Line `index` without its line end."""
        return self.lines[index].rstrip("\r")

    def replace(self, index: int, text: str) -> None:
        """Put `text` in place of line `index`, with the line end that was there."""
        self.lines[index] = text + ("\r" if self.lines[index].endswith("\r") else "")

    def insert(self, index: int, text: str) -> None:
        """Put `text` before line `index`, with the line end that the file uses."""
        self.lines.insert(index, text + ("\r" if self._crlf else ""))

    def delete(self, index: int) -> None:
        """Take line `index` out."""
        del self.lines[index]

    def __len__(self) -> int:
        return len(self.lines)

    def content(self) -> bytes:
        """The file's bytes."""
        text = "\n".join(self.lines)
        if self._final_newline and self.lines:
            text += "\n"
        return text.encode("utf-8", "surrogateescape")
