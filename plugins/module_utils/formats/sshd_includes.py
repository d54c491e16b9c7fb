# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file of an sshd configuration has the say over a keyword."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterator

from .base import Entry
from .document import Document
from .sshd import REPEATABLE, Sshd

DIRECTORY = "/etc/ssh"
DEPTH = 16  # sshd's own limit for nested includes

Reader = Callable[[str], "bytes | None"]
Lister = Callable[[str], "list[str]"]


class SshdConfiguration:
    """The global part of sshd_config with everything that it includes, in the order in which sshd reads it."""

    def __init__(self, main: str, read: Reader, names: Lister) -> None:
        self.main = main
        self._read = read
        self._names = names
        self._format = Sshd()
        self.files: list[str] = []
        # (file, keyword in lower case, value) in sshd's order.
        self.settings = list(self._walk(main, 0))

    @property
    def exists(self) -> bool:
        """Whether there is such a configuration."""
        return self._read(self.main) is not None

    def problem(self, path: str, entry: Entry) -> str:
        """Why a value in `path` is not in force, in one sentence; empty where it is."""
        if path not in self.files:
            return f"{self.main} does not include {path}, so that sshd would not read it"
        said = [(file, value) for file, keyword, value in self.settings if keyword == entry.key.lower()]
        wanted = {self._format.normal(value) for value in entry.values}
        foreign = [(f, value) for f, value in said if f != path and self._format.normal(value) not in wanted]
        if entry.key.lower() in REPEATABLE:
            return f"{foreign[0][0]} adds {entry.key} {foreign[0][1]}" if foreign else ""
        if said and foreign and foreign[0] == said[0]:
            return f"{said[0][0]} sets {entry.key} {said[0][1]} first, and sshd takes the first value"
        return ""

    def _walk(self, path: str, depth: int) -> Iterator[tuple[str, str, str]]:
        content = self._read(path)
        if content is None or depth > DEPTH:
            return
        self.files.append(path)
        document, entry = Document(content), Entry("", ())
        for index in self._global(document):
            parsed = self._format.parse(document.line(index), entry)
            if parsed is None:
                continue
            if parsed.key == "include":
                for pattern in parsed.value.split():
                    for name in self._expand(pattern.strip('"')):
                        yield from self._walk(name, depth + 1)
            else:
                yield path, parsed.key, parsed.value

    def _global(self, document: Document) -> Iterator[int]:
        for index in range(len(document)):
            if re.match(r"\s*match\s", document.line(index), re.IGNORECASE):
                return
            yield index

    def _expand(self, pattern: str) -> list[str]:
        """The files that an Include names; in a copy of /etc/ssh those of the copy."""
        home = posixpath.dirname(self.main)
        if pattern.startswith(DIRECTORY + "/"):
            pattern = pattern[len(DIRECTORY) + 1 :]
        directory, base = posixpath.split(posixpath.join(home, pattern))
        return [posixpath.join(directory, n) for n in sorted(self._names(directory)) if fnmatch.fnmatchcase(n, base)]
