# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a backup and their hashes."""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .processes import CHUNK
from .words import Trouble, write_atomic


def excluded(path: str, patterns: Sequence[str]) -> bool:
    """Whether restic leaves this path out: a pattern is an absolute path, or the name of a file or directory."""
    parts = path.split("/")
    for pattern in patterns:
        wanted = pattern.split("/")
        if pattern.startswith("/"):
            if len(wanted) == len(parts) and all(map(fnmatch.fnmatchcase, parts, wanted)):
                return True
        elif fnmatch.fnmatchcase(parts[-1], pattern):
            return True
    return False


def walk(paths: Iterable[str], patterns: Sequence[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Every regular file and symbolic link, as restic finds them; what vanishes meanwhile is left out."""
    for path in sorted(set(paths)):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        if excluded(path, patterns):
            continue
        if stat.S_ISDIR(found.st_mode):
            with contextlib.suppress(FileNotFoundError):
                yield from walk((f"{path.rstrip('/')}/{name}" for name in os.listdir(path)), patterns)
        elif stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            yield path, found


def file_hash(path: str) -> str:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:
        for block in iter(lambda: stream.read(CHUNK), b""):
            digest.update(block)
    return digest.hexdigest()


def entry(path: str, found: os.stat_result, known: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the manifest. A file that is as it was at the last run is not read again; restic does the same."""
    if stat.S_ISLNK(found.st_mode):
        return {"path": path, "target": os.readlink(path)}
    seen = {
        "path": path,
        "size": found.st_size,
        "mtime": found.st_mtime_ns,
        "ctime": found.st_ctime_ns,
        "inode": found.st_ino,
    }
    if known and all(known.get(key) == value for key, value in seen.items()):
        return {**seen, "sha256": known["sha256"]}
    return {**seen, "sha256": file_hash(path)}


def read_manifest(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The head of a manifest, and its entries by path."""
    try:
        with path.open(encoding="ascii") as stream:
            head = json.loads(stream.readline())
            entries = {item["path"]: item for item in map(json.loads, stream)}
    except (OSError, ValueError, KeyError) as error:
        raise Trouble(f"the manifest {path} cannot be read: {error}") from error
    if head.get("entries") != len(entries):
        raise Trouble(f"the manifest {path} has {len(entries)} entries, not {head.get('entries')}")
    return head, entries


def write_manifest(path: Path, head: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> None:
    """Head, then an entry in each line; names that are no text survive as escapes."""
    lines = [json.dumps({**head, "entries": len(entries)}), *map(json.dumps, entries)]
    write_atomic(path, "\n".join(lines) + "\n")
