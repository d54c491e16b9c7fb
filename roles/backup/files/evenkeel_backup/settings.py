# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role tells this program."""

from __future__ import annotations

import contextlib
import hashlib
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .words import Trouble

CONFIGURATION = "/etc/evenkeel-backup"
STATE = "/var/lib/evenkeel-backup"
CACHE = "/var/cache/evenkeel-backup"
SCRATCH_PREFIX = "evenkeel_drill_"


@dataclass(frozen=True)
class Database:
    """One PostgreSQL database of this host."""

    name: str
    port: int

    @property
    def dump(self) -> str:
        """Its dump in a snapshot; at the top, because restic 0.18.0 knows no directories there."""
        return f"/postgresql-{self.port}-{self.name}.dump"

    @property
    def scratch(self) -> str:
        """The database that a drill loads it into; never the real one."""
        return f"{SCRATCH_PREFIX}{self.name}"[:63]


@dataclass(frozen=True)
class Settings:
    """What the role wrote to config.json. Secrets are in files of their own, which restic reads by itself."""

    host: str
    repository: str
    paths: tuple[str, ...]
    excludes: tuple[str, ...]
    databases: tuple[Database, ...]
    database_user: str
    database_roles: bool
    keep: Mapping[str, int]
    prune: bool
    metrics_dir: str
    drill_dir: str
    rpo: int
    rto: int
    restic_options: tuple[str, ...]
    configuration: Path = Path(CONFIGURATION)
    state: Path = Path(STATE)
    cache: Path = Path(CACHE)

    @classmethod
    def read(cls, directory: Path) -> Settings:
        """Read config.json of a directory."""
        try:
            given = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Trouble(f"{directory}/config.json cannot be read: {error}; run the role backup") from error
        databases = tuple(Database(each["name"], int(each["port"])) for each in given.pop("databases"))
        lists: dict[str, Any] = {name: tuple(given.pop(name)) for name in ("paths", "excludes", "restic_options")}
        places: dict[str, Any] = {name: Path(given.pop(name)) for name in ("state", "cache") if name in given}
        try:
            return cls(databases=databases, configuration=directory, **lists, **places, **given)
        except TypeError as error:
            raise Trouble(f"{directory}/config.json is not for this program: {error}; run the role backup") from error

    @property
    def manifest(self) -> Path:
        """The hashes of the last run; part of its snapshot."""
        return self.state / "manifest.jsonl"

    @property
    def marker(self) -> Path:
        """Says which repository was initialised for this location."""
        return self.state / f"initialised-{hashlib.sha256(self.repository.encode()).hexdigest()[:16]}"

    @property
    def all_excludes(self) -> tuple[str, ...]:
        """Those of the operator, and restic's cache."""
        return (*self.excludes, str(self.cache))

    def secrets(self) -> list[str]:
        """The words that no message may hold."""
        found = []
        with contextlib.suppress(OSError):
            found.append((self.configuration / "password").read_text(encoding="utf-8").strip())
            location = (self.configuration / "repository").read_text(encoding="utf-8").strip()
            password = urllib.parse.urlsplit(location.partition(":")[2]).password
            found += [password, urllib.parse.unquote(password)] if password else []
        return sorted((word for word in found if word), key=len, reverse=True)
