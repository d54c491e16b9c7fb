# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file of an sshd configuration has the say over a keyword, and for whom it says something else."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .base import Entry
from .document import Document
from .sshd import REPEATABLE, Sshd

DIRECTORY = "/etc/ssh"
DEPTH = 16  # sshd's own limit for nested includes

Reader = Callable[[str], "bytes | None"]
Lister = Callable[[str], "list[str]"]


@dataclass(frozen=True)
class Exemption:
    """A keyword below Match: what it is for some connections."""

    file: str
    line: int
    criteria: str
    keyword: str
    value: str


class SshdConfiguration:
    """The global part of sshd_config with everything that it includes, in the order in which sshd reads it."""

    def __init__(self, main: str, read: Reader, names: Lister) -> None:
        self.main = main
        self._read = read
        self._names = names
        self._format = Sshd()
        self.files: list[str] = []
        self.exemptions: list[Exemption] = []
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

    def exceptions(self, entry: Entry) -> str:
        """For whom Match blocks set another value, in one sentence; empty where none does."""
        wanted = {self._format.normal(value) for value in entry.values}
        found = [
            f"{each.value} for {each.criteria} ({each.file} line {each.line})"
            for each in self.exemptions
            if each.keyword == entry.key.lower() and self._format.normal(each.value) not in wanted
        ]
        return f"Match blocks set {entry.key} to {', '.join(found)}" if found else ""

    def _walk(self, path: str, depth: int, criteria: str = "") -> Iterator[tuple[str, str, str]]:
        """Settings for all connections; what stands below Match, also in files included there, is noted apart."""
        content = self._read(path)
        if content is None or depth > DEPTH:
            return
        if not criteria:
            self.files.append(path)
        document, entry = Document(content), Entry("", ())
        for index in range(len(document)):
            parsed = self._format.parse(document.line(index), entry)
            if parsed is None:
                continue
            if parsed.key == "match":
                criteria = self._format.normal(parsed.value)
            elif parsed.key == "include":
                for pattern in parsed.value.split():
                    for name in self._expand(pattern.strip('"')):
                        yield from self._walk(name, depth + 1, criteria)
            elif criteria:
                self.exemptions.append(Exemption(path, index + 1, criteria, parsed.key, parsed.value))
            else:
                yield path, parsed.key, parsed.value

    def _expand(self, pattern: str) -> list[str]:
        """The files that an Include names; in a copy of /etc/ssh those of the copy."""
        home = posixpath.dirname(self.main)
        if pattern.startswith(DIRECTORY + "/"):
            pattern = pattern[len(DIRECTORY) + 1 :]
        directory, base = posixpath.split(posixpath.join(home, pattern))
        return [posixpath.join(directory, n) for n in sorted(self._names(directory)) if fnmatch.fnmatchcase(n, base)]
