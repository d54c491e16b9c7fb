# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database that a drill makes, fills from a dump, counts and drops. The real one is never touched."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .processes import ask_as, pour, start_as, text_of
from .restic import Answer, Restic
from .settings import Database, Settings
from .words import RESERVE, Trouble, free_bytes

# Room for rows, indexes and the write-ahead log, in sizes of the dump.
LOADED_FACTOR = 3
PSQL = ("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
# What would reach beyond the scratch database is left out: owners, rights, subscriptions that would connect.
RESTORE = ("--no-owner", "--no-privileges", "--no-subscriptions", "--no-publications", "--no-tablespaces")
COUNT_ROWS = r"""
select format('select %L, count(*) from %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition
and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
order by n.nspname, c.relname \gexec
"""


class ScratchDatabase:
    """The copy of one database."""

    def __init__(self, settings: Settings, restic: Restic, database: Database) -> None:
        self.settings, self.restic, self.database = settings, restic, database
        self.name = database.scratch

    def load(self, dump: Mapping[str, Any]) -> dict[str, Any]:
        """Make it, fill it, and count the rows of every table."""
        self._refuse_little_room(int(dump["bytes"]))
        self.drop()
        self._run(["createdb", "--template=template0", *dump["options"], self.name])
        self._feed(dump)
        counted = self._run([*PSQL, f"--dbname={self.name}"], COUNT_ROWS)
        rows = {table: int(count) for table, _bar, count in (line.rpartition("|") for line in counted.splitlines())}
        return {"name": self.database.name, "port": self.database.port, "scratch": self.name, "rows": rows}

    def drop(self) -> None:
        """Remove it, also where an earlier drill left it."""
        self._run(["dropdb", "--if-exists", "--force", self.name])

    def _refuse_little_room(self, size: int) -> None:
        place = Path(self._run([*PSQL, "--dbname=postgres", "--command=show data_directory"]).strip())
        room, needed = free_bytes(place), size * LOADED_FACTOR + RESERVE
        if room < needed:
            raise Trouble(f"{place} has {room} bytes free; loading {self.database.name} needs {needed}")

    def _feed(self, dump: Mapping[str, Any]) -> None:
        """From restic to pg_restore without a file between."""
        port, name = f"--port={self.database.port}", f"--dbname={self.name}"
        argv = ["pg_restore", *RESTORE, "--exit-on-error", port, name]
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as err:
            source = self.restic.start(
                "dump", dump["snapshot"], dump["path"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err
            )
            sink = start_as(self.settings.database_user, argv, stdin=subprocess.PIPE, stdout=said, stderr=said)
            poured = pour(source, sink)
            if poured.source_failed:
                words = self.restic.words(Answer(source.returncode, "", text_of(err)))
                raise Trouble(f"restic dump of {self.database.name} failed: {words}")
            if poured.sink_failed:
                raise Trouble(f"pg_restore of {self.database.name} failed: {text_of(said)}")
        if poured.sha256 != dump["sha256"]:
            raise Trouble(f"the dump of {self.database.name} is not what was backed up: its hash differs")

    def _run(self, argv: Sequence[str], stdin: str = "") -> str:
        """Run one of PostgreSQL's programs as the user of the dumps."""
        full = [argv[0], f"--port={self.database.port}", "--no-password", *argv[1:]]
        return ask_as(self.settings.database_user, full, stdin)
