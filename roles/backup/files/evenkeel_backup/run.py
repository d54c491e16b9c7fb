# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup: dumps, hashes, files, and what the operator learns of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .manifest import entry, read_manifest, walk, write_manifest
from .processes import ask_as, pour, start_as, text_of
from .restic import FILES_TAG, INCOMPLETE_TAG, Answer, Restic, summary
from .settings import Database, Settings
from .words import Busy, Trouble, iso, write_atomic

METRICS = "evenkeel_backup.prom"


class Backup:
    """One run: dumps, hashes, files, and what the operator learns of it."""

    def __init__(self, settings: Settings, restic: Restic) -> None:
        self.settings, self.restic = settings, restic
        self.started = time.time()
        self.saved = False
        self.numbers: dict[str, Any] = {"files": 0, "bytes": 0, "dumps": 0, "snapshot": ""}

    def run(self) -> dict[str, Any]:
        """Run, and keep what happened, also where it failed; return the numbers."""
        try:
            self._refuse_what_cannot_work()
            dumps, failures = self._dumps()
            self._files(dumps, failures)
            if failures:
                raise Trouble("; ".join(failures))
            self.saved = True
            if self.settings.prune:
                self._prune()
        except Trouble as trouble:
            self._keep(self.restic.mask(str(trouble)))
            raise
        except BaseException as error:
            self._keep(self.restic.mask(str(error) or type(error).__name__))
            raise
        self._keep("")
        return self.numbers

    def _refuse_what_cannot_work(self) -> None:
        for path in self.settings.paths:
            if not os.path.lexists(path):
                raise Trouble(f"backup_paths has {path!r}, which does not exist on this host")
            if os.path.realpath(path) != path:
                raise Trouble(f"backup_paths has {path!r}, which is a link to {os.path.realpath(path)!r}: name that")
        marker = self.settings.marker
        if not marker.exists():
            raise Trouble(f"the repository {self.settings.repository} is not initialised: run the role backup")
        self.restic.reach()
        wanted, found = marker.read_text(encoding="ascii").strip(), self.restic.repository_id()
        if wanted != found:
            raise Trouble(
                f"the repository {self.settings.repository} is {found[:10] or 'gone'}, and not {wanted[:10]}, to which "
                f"this host backed up. If that is meant, remove {marker} and run the role backup"
            )

    # dumps

    def _dumps(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Stream every dump into a snapshot of its own; one that fails does not keep the others from being made."""
        dumps, failures = [], []
        for name, path, argv, database in self._programs():
            try:
                options = self._locale(database) if database else []
                dumps.append({"name": name, "path": path, "options": options, **self._stream(path, argv)})
            except Trouble as trouble:
                failures.append(f"{name}: {trouble}")
        self.numbers["dumps"] = len(dumps)
        return dumps, failures

    def _programs(self) -> Iterator[tuple[str, str, list[str], Database | None]]:
        """Name, place in the snapshot, and what writes the dump; uncompressed, for restic to find what is new in it."""
        for each in self.settings.databases:
            options = ["--format=custom", "--compress=0", "--no-password", f"--port={each.port}"]
            yield f"database {each.name}", each.dump, ["pg_dump", *options, f"--dbname={each.name}"], each
        for port in sorted({each.port for each in self.settings.databases}) if self.settings.database_roles else ():
            argv = ["pg_dumpall", "--globals-only", "--no-password", f"--port={port}"]
            yield f"roles of port {port}", f"/postgresql-{port}-roles.sql", argv, None

    def _stream(self, path: str, argv: Sequence[str]) -> dict[str, Any]:
        """From program to restic without a file between. restic learns of the end only after the program ended well."""
        arguments = ["backup", "--json", "--stdin", "--stdin-filename", path, *self._common(path.strip("/"))]
        with contextlib.ExitStack() as files:
            said, out, err = (
                files.enter_context(tempfile.TemporaryFile(dir=self.settings.cache)) for _stream in range(3)
            )
            source = start_as(self.settings.database_user, argv, stdout=subprocess.PIPE, stderr=said)
            poured = pour(source, self.restic.start(*arguments, stdin=subprocess.PIPE, stdout=out, stderr=err))
            if poured.source_failed:
                raise Trouble(f"{argv[0]} failed: {text_of(said) or f'status {source.returncode}'}")
            answer = Answer(int(poured.sink_failed), text_of(out), text_of(err))
        if poured.sink_failed:
            raise Trouble(f"restic backup failed: {self.restic.words(answer)}")
        return {"snapshot": summary(answer)["snapshot_id"], "sha256": poured.sha256, "bytes": poured.bytes}

    def _locale(self, each: Database) -> list[str]:
        """How a database of the same kind is made; what is sorted elsewhere by another rule may break an index."""
        query = (
            "select pg_encoding_to_char(encoding), datcollate, datctype"
            " from pg_database where datname = current_database()"
        )
        argv = ["psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", f"--port={each.port}"]
        argv += [f"--dbname={each.name}", f"--command={query}"]
        values = ask_as(self.settings.database_user, argv).strip().split("|")
        return [f"--{name}={value}" for name, value in zip(("encoding", "lc-collate", "lc-ctype"), values)]

    def _common(self, *tags: str) -> list[str]:
        """All snapshots of a run carry its time, so that retention keeps or drops them together."""
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.started))
        return ["--host", self.settings.host, "--time", at, "--tag", ",".join(["evenkeel", *tags])]

    # files

    def _files(self, dumps: Sequence[Mapping[str, Any]], failures: Sequence[str]) -> None:
        head = {"schema": 1, "host": self.settings.host, "started": self.started, "walked": time.time_ns()}
        entries = list(self._entries())
        write_manifest(self.settings.manifest, {**head, "dumps": list(dumps)}, entries)
        self.numbers["files"] = len(entries)
        self.numbers["bytes"] = sum(each.get("size", 0) for each in entries) + sum(each["bytes"] for each in dumps)
        tags = (FILES_TAG, INCOMPLETE_TAG) if failures else (FILES_TAG,)
        excludes = [f"--exclude={pattern}" for pattern in self.settings.all_excludes]
        answer = self.restic.ask(
            "backup", "--json", *self._common(*tags), *excludes, "--", *self.settings.paths, str(self.settings.manifest)
        )
        self.numbers["snapshot"] = summary(answer)["snapshot_id"]

    def _entries(self) -> Iterator[dict[str, Any]]:
        known: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(Trouble):
            known = read_manifest(self.settings.manifest)[1]
        for path, found in walk(self.settings.paths, self.settings.all_excludes):
            if path == str(self.settings.manifest):
                continue
            try:
                yield entry(path, found, known.get(path, {}))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Trouble(f"{path} cannot be read: {error.strerror}") from error

    def _prune(self) -> None:
        keep = [f"--keep-{name}={count}" for name, count in self.settings.keep.items() if count]
        self.restic.ask("unlock")
        answer = self.restic.ask(
            "forget", "--prune", "--group-by=host,tags", f"--host={self.settings.host}", "--tag=evenkeel", *keep
        )
        # restic before 0.16 returns 0 although nothing could be removed.
        if "unable to remove" in answer.err:
            raise Trouble(f"restic forget failed: {self.restic.words(answer)}")

    # what the operator learns

    def _keep(self, error: str) -> None:
        """Status and metric, each replaced in one step; the last success outlives a failure."""
        path, before = self.settings.state / "status.json", {}
        with contextlib.suppress(OSError, ValueError):
            before = json.loads(path.read_text(encoding="utf-8"))
        ended = time.time()
        status = {
            "schema": 1,
            "ok": not error,
            "error": error,
            "started": iso(self.started),
            "seconds": round(ended - self.started, 3),
            "last_success": self.started if self.saved else before.get("last_success", 0),
            "repository": self.settings.repository,
            **self.numbers,
        }
        write_atomic(path, json.dumps(status, indent=2) + "\n")
        directory = Path(self.settings.metrics_dir)
        if self.settings.metrics_dir and directory.is_dir():
            try:
                write_atomic(directory / METRICS, metrics(status, self.started), 0o644)
            except OSError as problem:
                words = f"backup_metrics_dir is {str(directory)!r}, where root cannot write: {problem.strerror}"
                raise Trouble(f"{words}; {error}" if error else words) from problem


def metrics(status: Mapping[str, Any], started: float) -> str:
    """The status in Prometheus' text format."""
    values = {
        "last_success_timestamp_seconds": ("When the data of the last good backup was read.", status["last_success"]),
        "last_run_timestamp_seconds": ("When the last backup began.", started),
        "last_run_success": ("Whether the last backup was good.", int(status["ok"])),
        "last_run_duration_seconds": ("How long the last backup took.", status["seconds"]),
        "last_run_files": ("Files and links in the last backup.", status["files"]),
        "last_run_bytes": ("Bytes in files and dumps of the last backup.", status["bytes"]),
        "last_run_dumps": ("Dumps in the last backup.", status["dumps"]),
    }
    lines = []
    for name, (about, value) in values.items():
        full = f"evenkeel_backup_{name}"
        lines += [f"# HELP {full} {about}", f"# TYPE {full} gauge", f"{full} {value}"]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Only one run at a time; a holder that died does not keep the lock."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise Busy(f"another backup is at work (process {holder or 'unknown'}): this one is not started") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
