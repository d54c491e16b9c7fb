# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits entries of fstab and leaves every other byte as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .kinds.mount import unescape

ENTRY = re.compile(r"(\s*)([^#\s]\S*)(\s+)(\S+)(\s+)(\S+)(\s+)(\S+)(.*)", re.DOTALL)
OPPOSITES = {
    **{"nodev": "dev", "nosuid": "suid", "noexec": "exec", "ro": "rw", "noatime": "atime", "nosymfollow": "symfollow"},
    **{"dev": "nodev", "suid": "nosuid", "exec": "noexec", "rw": "ro", "atime": "noatime", "symfollow": "nosymfollow"},
}


@dataclass(frozen=True)
class Entry:
    """One file system of fstab."""

    line: int
    source: str
    path: str
    fstype: str
    options: tuple[str, ...]


def entries(text: str) -> list[Entry]:
    """The entries of fstab's text."""
    found = []
    for number, line in enumerate(text.splitlines(keepends=True)):
        match = ENTRY.fullmatch(line)
        if match:
            _rest, source, _more, path, _further, fstype, _other, options, _last = match.groups()
            found.append(Entry(number, unescape(source), unescape(path), fstype, tuple(options.split(","))))
    return found


def merged(present: tuple[str, ...], wanted: list[str]) -> tuple[str, ...]:
    """`present` with `wanted` in force: opposites and other values of the same key give way, the order stays."""
    present = tuple(option for option in present if option not in {OPPOSITES.get(word) for word in wanted})
    result = list(present)
    for word in wanted:
        key, has_value, _rest = word.partition("=")
        if has_value:
            result = [option for option in result if option == word or not option.startswith(f"{key}=")]
        if word not in result:
            result.append(word)
    return tuple(result)


def with_options(text: str, entry: Entry, options: tuple[str, ...]) -> str:
    """`text` with the options of one entry replaced."""
    lines = text.splitlines(keepends=True)
    match = ENTRY.fullmatch(lines[entry.line])
    if match is None:
        raise ValueError(f"line {entry.line} is no entry")
    before, tail = "".join(match.groups()[:7]), match.group(9)
    lines[entry.line] = f"{before}{','.join(options)}{tail}"
    return "".join(lines)


def with_entry(text: str, source: str, path: str, fstype: str, options: tuple[str, ...]) -> str:
    """`text` with one more entry at its end."""
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}{source} {path} {fstype} {','.join(options)} 0 0\n"


def without(text: str, entry: Entry) -> str:
    """`text` without one entry."""
    lines = text.splitlines(keepends=True)
    return "".join([*lines[: entry.line], *lines[entry.line + 1 :]])
