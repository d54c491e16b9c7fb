# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a backup beside the real data, and measures."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .manifest import file_hash, read_manifest, walk
from .restic import Restic
from .scratch_database import ScratchDatabase
from .settings import Settings
from .words import RESERVE, Trouble, free_bytes, iso, listed, parse_time, span, write_atomic

SCRATCH_MARK, LOADING_MARK = ".evenkeel-drill", ".evenkeel-loading"
# A file system's clock may lag behind the system's by a tick.
CLOCK_TICK_NS = 1_000_000_000
WEEK = 7 * 86400


class Drill:
    """Restores the newest complete backup beside the real data, and measures. Each step keeps what it found."""

    def __init__(self, settings: Settings, restic: Restic) -> None:
        self.settings, self.restic = settings, restic
        self.scratch = Path(settings.drill_dir)
        self.tree = self.scratch / "tree"

    # restore

    def restore(self, wanted: str) -> dict[str, Any]:
        """Restore a run's files, `latest` or by the beginning of its id, where there is room for them."""
        started = time.time()
        self.restic.reach()
        runs = self.restic.runs()
        run = self._find(runs, wanted)
        size = json.loads(self.restic.ask("stats", "--json", "--mode=restore-size", run["id"]).out)
        self._make_scratch(int(size["total_size"]))
        self.restic.ask("restore", run["id"], "--target", str(self.tree))
        found = {
            "snapshot": run["id"],
            "taken": run["at"],
            "started": started,
            "restored": time.time(),
            "bytes": size["total_size"],
            "files": size["total_file_count"],
            "gap": worst_gap([each["at"] for each in runs], started),
        }
        return self._note("restore", found)

    def _find(self, runs: Sequence[dict[str, Any]], wanted: str) -> dict[str, Any]:
        if not runs:
            raise Trouble(f"the repository {self.settings.repository} has no complete backup of {self.settings.host}")
        fitting = runs[-1:] if wanted == "latest" else [each for each in runs if each["id"].startswith(wanted)]
        if len(fitting) != 1:
            known = listed([each["id"][:8] for each in runs])
            raise Trouble(f"the backup {wanted!r} is {len(fitting)} of these: {known}")
        return fitting[0]

    def _make_scratch(self, size: int) -> None:
        self._remove_scratch()
        parent = self.scratch.parent
        if not parent.is_dir():
            raise Trouble(f"backup_drill_dir is {str(self.scratch)!r}; its directory {parent} does not exist")
        room, needed = free_bytes(parent), size + RESERVE
        if room < needed:
            raise Trouble(
                f"backup_drill_dir is {str(self.scratch)!r} with {room} bytes free; the restore needs {needed}: "
                "allowed is a directory with room for the whole backup"
            )
        self.scratch.mkdir(mode=0o700)
        (self.scratch / SCRATCH_MARK).touch(mode=0o600)

    def _remove_scratch(self) -> None:
        """What an earlier drill left; nothing that a drill did not make."""
        if not os.path.lexists(self.scratch):
            return
        found = self.scratch.lstat()
        mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and (self.scratch / SCRATCH_MARK).exists()
        if not mine and not (stat.S_ISDIR(found.st_mode) and not any(self.scratch.iterdir())):
            raise Trouble(
                f"backup_drill_dir is {str(self.scratch)!r}, which holds what no drill made; allowed is a directory "
                "that does not exist"
            )
        shutil.rmtree(self.scratch)

    # verify

    def verify(self) -> dict[str, Any]:
        """Compare every restored file with the hash taken at backup time."""
        restored = self._noted("restore")
        place = Path(f"{self.tree}{self.settings.manifest}")
        head, entries = read_manifest(place)
        suspects = dict(self._suspects(place, entries))
        nodes = self._nodes(restored["snapshot"]) if suspects else {}
        excused = [name for name in sorted(suspects) if moved(nodes.get(name), entries.get(name), head["walked"])]
        faults = [f"{name} {suspects[name]}" for name in sorted(suspects.keys() - set(excused))]
        good = len(entries) - len(suspects.keys() & entries.keys())
        self._note("verify", {"verified": good, "excused": excused, "faults": faults, "dumps": head["dumps"]})
        if faults:
            raise Trouble(f"{len(faults)} restored files are not what was backed up: {listed(faults)}")
        if not good:
            raise Trouble("no restored file could be compared: the manifest of the backup is empty")
        return self._noted("verify")

    def _suspects(self, manifest: Path, entries: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What is not as the manifest says, and how."""
        seen = set()
        for path, found in walk([str(self.tree)], ()):
            if path == str(manifest):
                continue
            name = path[len(str(self.tree)) :]
            seen.add(name)
            words = difference(entries.get(name), path, found)
            if words:
                yield name, words
        for name in entries.keys() - seen:
            yield name, "is not restored"

    def _nodes(self, snapshot: str) -> dict[str, dict[str, Any]]:
        """What the snapshot itself says of its files."""
        return {
            line["path"]: line
            for line in self.restic.ask("ls", "--json", snapshot).lines
            if line.get("struct_type") == "node" or line.get("message_type") == "node"
        }

    # databases

    def load(self) -> dict[str, Any]:
        """Load every dump of the backup into a database of its own, and count its rows."""
        dumps = {each["path"]: each for each in self._noted("verify")["dumps"]}
        (self.scratch / LOADING_MARK).touch(mode=0o600)
        loaded = []
        for database in self.settings.databases:
            if database.dump not in dumps:
                raise Trouble(f"the backup has no dump of the database {database.name}")
            loaded.append(ScratchDatabase(self.settings, self.restic, database).load(dumps[database.dump]))
        return self._note("load", {"databases": loaded, "loaded": time.time()})

    # report, clean

    def report(self, rpo: int | None = None, rto: int | None = None) -> dict[str, Any]:
        """RPO and RTO as measured, against the objectives; kept as evidence."""
        rpo, rto = rpo or self.settings.rpo, rto or self.settings.rto
        restored, verified, loaded = (self._noted(step) for step in ("restore", "verify", "load"))
        now = restored["started"]
        measured = {"rpo": round(now - restored["taken"], 1), "rto": round(loaded["loaded"] - now, 1)}
        faults = [
            f"{name.upper()} is {span(measured[name])}, the objective is {span(objective)}"
            for name, objective in (("rpo", rpo), ("rto", rto))
            if measured[name] > objective
        ]
        evidence = {
            "schema": 1,
            "host": self.settings.host,
            "repository": self.settings.repository,
            "at": iso(now),
            "ok": not faults,
            "faults": faults,
            "snapshot": restored["snapshot"],
            "data_of": iso(restored["taken"]),
            **{f"{name}_seconds": value for name, value in measured.items()},
            "rpo_objective_seconds": rpo,
            "rto_objective_seconds": rto,
            "worst_gap_seconds": round(restored["gap"], 1),
            "files_verified": verified["verified"],
            "changed_while_read": verified["excused"],
            "bytes_restored": restored["bytes"],
            "databases": loaded["databases"],
        }
        evidence["story"] = story(evidence)
        self._keep(evidence, now)
        return evidence

    def failed(self, step: str, words: str) -> None:
        """Evidence of a drill that did not come to its end."""
        now = time.time()
        found = {"schema": 1, "host": self.settings.host, "at": iso(now), "ok": False, "step": step, "faults": [words]}
        self._keep(found, now)

    def _keep(self, evidence: Mapping[str, Any], now: float) -> None:
        place = self.settings.state / "drills"
        place.mkdir(mode=0o700, exist_ok=True)
        name = time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime(now))
        write_atomic(place / name, json.dumps(evidence, indent=2) + "\n")

    def clean(self) -> dict[str, Any]:
        """Remove scratch databases and scratch directory, whatever is there of them."""
        changed = os.path.lexists(self.scratch)
        try:
            for database in self.settings.databases if (self.scratch / LOADING_MARK).exists() else ():
                ScratchDatabase(self.settings, self.restic, database).drop()
        finally:
            self._remove_scratch()
        return {"changed": changed}

    def _note(self, step: str, found: dict[str, Any]) -> dict[str, Any]:
        write_atomic(self.scratch / f"{step}.json", json.dumps(found))
        return found

    def _noted(self, step: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.scratch / f"{step}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Trouble(f"the step {step} of the drill was not done: {error}") from error
        return found


def difference(wanted: Mapping[str, Any] | None, path: str, found: os.stat_result) -> str:
    """How a restored file differs from its entry in the manifest; "" where it does not."""
    if wanted is None:
        return "was not there when hashes were taken"
    if "target" in wanted:
        good = stat.S_ISLNK(found.st_mode) and os.readlink(path) == wanted["target"]
        return "" if good else "is another link"
    if not stat.S_ISREG(found.st_mode):
        return "is no regular file"
    return "" if file_hash(path) == wanted["sha256"] else "has another content"


def moved(node: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None, walked: int) -> bool:
    """Whether a file was written, made or removed while the backup ran: nobody can say then what it should hold.

    The snapshot knows when the file it read was last changed. A file that is not in the snapshot was removed before
    restic came to it; where it still is on this host, as it was when its hash was taken, it should have been there.
    """
    if node is not None:
        return parse_time(node["ctime"]) * 1e9 >= walked - CLOCK_TICK_NS
    if wanted is None:
        return False
    try:
        now = os.lstat(wanted["path"])
    except OSError:
        return True
    return "ctime" in wanted and (now.st_ino, now.st_ctime_ns) != (wanted["inode"], wanted["ctime"])


def worst_gap(times: Sequence[float], now: float) -> float:
    """The longest time without a backup in the last seven days, up to now; older ones are thinned by retention."""
    kept = [each for each in times if each >= now - WEEK] or list(times[-1:])
    return max((later - earlier for earlier, later in zip(kept, [*kept[1:], now])), default=0.0)


def story(evidence: Mapping[str, Any]) -> list[str]:
    """The evidence in sentences."""
    gap = span(evidence["worst_gap_seconds"])
    lines = [
        f"snapshot {evidence['snapshot'][:8]} of {evidence['data_of']}: {evidence['files_verified']} files restored, "
        f"every hash as it was at backup time ({evidence['bytes_restored']} bytes)",
        *(f"database {each['name']} loaded: {tables(each['rows'])}" for each in evidence["databases"]),
        f"RPO {span(evidence['rpo_seconds'])} (objective {span(evidence['rpo_objective_seconds'])}); "
        f"longest time without a backup in seven days: {gap}",
        f"RTO {span(evidence['rto_seconds'])} (objective {span(evidence['rto_objective_seconds'])})",
    ]
    if evidence["changed_while_read"]:
        names = listed(evidence["changed_while_read"])
        lines.append(f"written while the backup ran, so not compared: {names}")
    return lines + [f"NOT MET: {fault}" for fault in evidence["faults"]]


def tables(rows: Mapping[str, int]) -> str:
    """Rows by table."""
    return ", ".join(f"{name} {count}" for name, count in rows.items()) or "no tables"
