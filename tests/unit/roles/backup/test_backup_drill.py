# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill sees every difference, excuses only what was written meanwhile, and removes nothing but its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evenkeel_backup import __main__ as command_line
from evenkeel_backup import drill, manifest
from evenkeel_backup.restic import Answer
from evenkeel_backup.settings import Settings
from evenkeel_backup.words import Trouble, parse_time, span
from fake_restic import FakeRestic

Make = Callable[..., Settings]
LONG_AGO = "2020-01-01T00:00:00.123456789Z"


class Restored:
    """A drill whose restore was done: two files and a link, as the manifest says."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.restic = settings, FakeRestic(settings)
        self.drill = drill.Drill(settings, self.restic)
        self.source = Path(settings.paths[0])
        (self.source / "file").write_text("precious")
        (self.source / "other").write_text("too")
        (self.source / "link").symlink_to("file")
        entries = [manifest.entry(path, found, {}) for path, found in manifest.walk(settings.paths, ())]
        head = {"schema": 1, "walked": time.time_ns() + 10**10, "dumps": []}
        manifest.write_manifest(settings.manifest, head, entries)
        self.drill._make_scratch(0)
        self.tree = Path(f"{self.drill.tree}{self.source}")
        self.tree.mkdir(parents=True)
        for name in ("file", "other"):
            (self.tree / name).write_text((self.source / name).read_text())
        (self.tree / "link").symlink_to("file")
        place = Path(f"{self.drill.tree}{settings.manifest}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(settings.manifest.read_text())
        now = time.time()
        note = {"snapshot": "ab" * 32, "taken": now - 100, "started": now - 5, "bytes": 11, "files": 3, "gap": 100}
        self.drill._note("restore", note)
        self.nodes({f"{self.source}/{name}": LONG_AGO for name in ("file", "other", "link")})

    def nodes(self, ctimes: dict[str, str]) -> None:
        """What the snapshot says of its files."""
        lines = [json.dumps({"struct_type": "node", "path": path, "ctime": at}) for path, at in ctimes.items()]
        self.restic.answers["ls"] = Answer(0, "\n".join(lines), "")


@pytest.fixture
def restored(make_settings: Make) -> Restored:
    return Restored(make_settings())


def test_what_came_back_whole_is_verified(restored: Restored) -> None:
    assert restored.drill.verify()["verified"] == 3


def test_a_flipped_byte_is_found_and_named(restored: Restored) -> None:
    content = bytearray((restored.tree / "file").read_bytes())
    content[3] ^= 1
    (restored.tree / "file").write_bytes(content)
    with pytest.raises(Trouble, match=r"1 restored files are not .*data/file has another content"):
        restored.drill.verify()


@pytest.mark.parametrize("name", ["file", "link"])
def test_a_missing_file_is_found_and_named(restored: Restored, name: str) -> None:
    (restored.tree / name).unlink()
    with pytest.raises(Trouble, match=f"data/{name} is not restored"):
        restored.drill.verify()


def test_a_file_that_was_never_backed_up_is_found(restored: Restored) -> None:
    (restored.tree / "file").unlink()
    restored.nodes({})
    with pytest.raises(Trouble, match="data/file is not restored"):
        restored.drill.verify()


def test_a_link_to_elsewhere_and_a_file_from_nowhere_are_found(restored: Restored) -> None:
    (restored.tree / "link").unlink()
    (restored.tree / "link").symlink_to("/etc/shadow")
    (restored.tree / "stranger").write_text("x")
    with pytest.raises(Trouble, match=r"data/link is another link, .*data/stranger was not there"):
        restored.drill.verify()


def test_only_what_was_written_while_the_backup_ran_is_excused(restored: Restored) -> None:
    (restored.tree / "file").write_text("half wri")
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    restored.nodes({f"{restored.source}/file": later, f"{restored.source}/other": LONG_AGO})
    found = restored.drill.verify()
    assert (found["verified"], found["excused"]) == (2, [f"{restored.source}/file"])


def test_a_file_removed_while_the_backup_ran_is_excused(restored: Restored) -> None:
    (restored.tree / "file").unlink()
    (restored.source / "file").unlink()
    restored.nodes({})
    assert restored.drill.verify()["excused"] == [f"{restored.source}/file"]


def test_an_empty_manifest_proves_nothing(restored: Restored) -> None:
    for name in ("file", "other", "link"):
        (restored.tree / name).unlink()
    place = Path(f"{restored.drill.tree}{restored.settings.manifest}")
    manifest.write_manifest(place, {"walked": 0, "dumps": []}, [])
    with pytest.raises(Trouble, match="the manifest of the backup is empty"):
        restored.drill.verify()


def test_the_report_measures_against_the_objectives(restored: Restored) -> None:
    restored.drill.verify()
    restored.drill.load()
    good = restored.drill.report()
    assert good["faults"] == [] and good["rpo_seconds"] == pytest.approx(95, abs=1)
    bad = restored.drill.report(rpo=10, rto=1)
    assert bad["faults"] == [
        f"RPO is {span(bad['rpo_seconds'])}, the objective is 10s",
        f"RTO is {span(bad['rto_seconds'])}, the objective is 1s",
    ]
    kept = sorted((restored.settings.state / "drills").iterdir())
    assert json.loads(kept[-1].read_text())["ok"] is False


def test_a_report_needs_the_steps_before_it(restored: Restored) -> None:
    with pytest.raises(Trouble, match="the step verify of the drill was not done"):
        restored.drill.report()


def test_clean_removes_what_the_drill_made_and_nothing_else(restored: Restored) -> None:
    assert restored.drill.clean() == {"changed": True}
    assert not Path(restored.settings.drill_dir).exists()
    assert restored.drill.clean() == {"changed": False}
    Path(restored.settings.drill_dir).mkdir()
    (Path(restored.settings.drill_dir) / "thesis.txt").write_text("mine")
    with pytest.raises(Trouble, match="which holds what no drill made"):
        restored.drill.clean()
    with pytest.raises(Trouble, match="which holds what no drill made"):
        restored.drill._make_scratch(0)
    assert (Path(restored.settings.drill_dir) / "thesis.txt").read_text() == "mine"


def test_a_full_disk_is_refused_before_anything_is_restored(make_settings: Make) -> None:
    settings = make_settings()
    restic = FakeRestic(settings)
    at = {"id": "ab" * 32, "time": "2026-11-25T02:00:00Z", "tags": ["evenkeel", "files"]}
    restic.answers["snapshots"] = Answer(0, json.dumps([at, {**at, "id": "cd" * 32, "tags": ["incomplete"]}]), "")
    restic.answers["stats"] = Answer(0, json.dumps({"total_size": 1 << 60, "total_file_count": 1}), "")
    with pytest.raises(Trouble, match="bytes free; the restore needs"):
        drill.Drill(settings, restic).restore("latest")
    assert not any(asked[0] == "restore" for asked in restic.asked)
    assert not Path(settings.drill_dir).exists()


def test_a_repository_without_a_complete_backup_says_so(make_settings: Make) -> None:
    settings = make_settings()
    with pytest.raises(Trouble, match="has no complete backup of db1"):
        drill.Drill(settings, FakeRestic(settings)).restore("latest")


def test_a_failed_step_leaves_evidence_and_status_1(
    make_settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings()
    monkeypatch.setattr(command_line, "Restic", FakeRestic)
    assert command_line.main(["--configuration", str(tmp_path / "etc"), "restore"]) == 1
    assert "evenkeel-backup restore: the repository" in capsys.readouterr().err
    evidence = next((settings.state / "drills").iterdir())
    assert json.loads(evidence.read_text())["ok"] is False


@pytest.mark.parametrize(
    ("times", "gap"),
    [([], 0), ([900], 100), ([100, 400, 900], 500), ([1000 - 8 * 86400, 900], 100), ([-900_000], 901_000)],
)
def test_the_worst_gap_is_of_the_last_seven_days_up_to_now(times: list[float], gap: float) -> None:
    assert drill.worst_gap(times, 1000) == gap


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:10Z", 10),
        ("1970-01-01T01:00:10.5+01:00", 10.5),
        ("1969-12-31T23:00:10-01:00", 10),
        ("1970-01-01T00:00:10.123456789Z", 10.123456789),
    ],
)
def test_times_of_restic_are_read(text: str, seconds: float) -> None:
    assert parse_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (61, "1m 1s"), (90061, "1d 1h 1m 1s"), (3600, "1h 0m 0s")])
def test_spans_are_written_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_no_scratch_database_can_be_a_real_one(make_settings: Make) -> None:
    settings: Any = make_settings(databases=[{"name": "s" * 48, "port": 5432}])
    scratch = settings.databases[0].scratch
    assert scratch.startswith("evenkeel_drill_") and len(scratch) <= 63
    assert settings.databases[0].dump == f"/postgresql-5432-{'s' * 48}.dump"
