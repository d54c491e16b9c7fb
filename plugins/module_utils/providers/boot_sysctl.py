# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd-sysctl would set at the next boot, and which file would have the say."""

from __future__ import annotations

import fnmatch
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..drop_in_order import in_order
from ..host import Host

# A file hides those of the same name in later directories.
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
SWAPPED = str.maketrans("./", "/.")


def normal_key(key: str) -> str:
    """A key with slashes, as below /proc/sys: where the first separator is a dot, dots and slashes change places."""
    for sign in key:
        if sign == "/":
            return key
        if sign == ".":
            return key.translate(SWAPPED)
    return key


def same_value(one: str, other: str) -> bool:
    """Equal but for the white space between several numbers."""
    return one.split() == other.split()


@dataclass(frozen=True)
class Assignment:
    """One line of a drop-in; no value: the key is taken out of what patterns set."""

    file: str
    key: str
    value: str | None


def parse(file: str, text: str) -> Iterator[Assignment]:
    """The assignments of one drop-in."""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        name, sign, value = line.partition("=")
        name = name.strip()
        if sign:
            yield Assignment(file, normal_key(name.lstrip("-").strip()), value.strip())
        elif name.startswith("-"):
            yield Assignment(file, normal_key(name[1:].strip()), None)


class BootSysctl:
    """All drop-ins of a host in the order of their names, with drafts in place of files that are about to change."""

    def __init__(self, host: Host, drafts: Mapping[str, bytes | None]) -> None:
        self._host = host
        self._drafts = drafts
        self._assignments = [a for path in in_order(DIRECTORIES, self._names) for a in parse(path, self._read(path))]

    def winner(self, key: str) -> Assignment | None:
        """The line that has the last word on a key: the last one that names it, else the last pattern that fits."""
        wanted = normal_key(key)
        named = [a for a in self._assignments if a.key == wanted]
        if named:
            return named[-1]
        fits = [a for a in self._assignments if _is_pattern(a.key) and _fits(wanted, a.key) and a.value is not None]
        return fits[-1] if fits else None

    def contenders(self, key: str) -> list[Assignment]:
        """Every line that is about a key, in the order in which they are read."""
        wanted = normal_key(key)
        return [a for a in self._assignments if a.key == wanted or (_is_pattern(a.key) and _fits(wanted, a.key))]

    def _names(self, directory: str) -> list[str]:
        try:
            names = set(os.listdir(self._host.path(directory)))
        except OSError:
            names = set()
        for path, content in self._drafts.items():
            home, name = posixpath.split(path)
            if home == directory:
                (names.discard if content is None else names.add)(name)
        return list(names)

    def _read(self, path: str) -> str:
        content = self._drafts.get(path)
        if content is None:
            try:
                # Links are followed: 99-sysctl.conf leads to /etc/sysctl.conf, and one to /dev/null hides a file.
                content = self._host.fs.read(self._resolved(path))
            except OSError:
                content = b""
        return content.decode("utf-8", "replace")

    def _resolved(self, path: str) -> str:
        place = self._host.path(path)
        if not os.path.islink(place):
            return place
        target = os.readlink(place)
        return self._host.path(target) if target.startswith("/") else os.path.join(os.path.dirname(place), target)


def _is_pattern(key: str) -> bool:
    return any(sign in key for sign in "*?[")


def _fits(key: str, pattern: str) -> bool:
    """A wildcard does not cross a slash."""
    parts, patterns = key.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))
