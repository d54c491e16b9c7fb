# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that one scope owns whole: their names, their text, and the changes that bring them about."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from .changes import Change
from .changes_basic import SetState, parents
from .host import Host


def slug(scope: str) -> str:
    """`scope` as a part of a file name: `kernel/network` becomes `kernel-network`."""
    return re.sub(r"[^a-z0-9]+", "-", scope.lower()).strip("-") or "local"


def scoped_path(directory: str, number: int, scope: str, suffix: str) -> str:
    """The file of `scope` in a drop-in directory; `number` (two digits) is its place among the others."""
    return f"{directory}/{number:02d}-evenkeel-{slug(scope)}{suffix}"


def scoped_text(scope: str, lines: Iterable[str]) -> str | None:
    """The whole text of a scope's file, or None where no control asks for a line."""
    body = list(lines)
    if not body:
        return None
    head = f"# Written by evenkeel.ops for {scope or 'local'}; changes made here are overwritten."
    return "\n".join([head, *body]) + "\n"


def read_text(host: Host, path: str) -> str | None:
    """The text of a host's file with foreign bytes kept, or None where there is none. Symbolic links are followed."""
    try:
        with open(host.path(path), encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_changes(host: Host, path: str, text: str | None, mode: int = 0o644) -> list[Change]:
    """The changes after which `path` holds exactly `text` (None: is absent); none where it does already.

    A file that is there keeps its mode and owner; a new one gets `mode` and belongs to the caller.
    """
    if read_text(host, path) == text:
        return []
    if text is None:
        return [SetState.absent(path)]
    content = text.encode("utf-8", "surrogateescape")
    new_mode = None if os.path.lexists(host.path(path)) else mode
    return [*parents(host, path), SetState.file(path, content, new_mode)]


def names_in(host: Host, directory: str, suffix: str = "") -> list[str]:
    """The sorted names in a host's directory that end with `suffix`; none where there is no such directory."""
    try:
        return sorted(name for name in os.listdir(host.path(directory)) if name.endswith(suffix))
    except (FileNotFoundError, NotADirectoryError):
        return []
