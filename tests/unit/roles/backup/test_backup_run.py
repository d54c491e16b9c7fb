# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: what it keeps, what it says, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evenkeel_backup import run
from evenkeel_backup.restic import Answer, Restic, initialise
from evenkeel_backup.settings import Settings
from evenkeel_backup.words import Busy, Stopped, Trouble
from fake_restic import ID, FakeRestic

Make = Callable[..., Settings]


def status(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((settings.state / "status.json").read_text())
    return found


def test_a_run_keeps_hashes_status_and_metric(make_settings: Make, tmp_path: Path) -> None:
    settings = make_settings()
    (tmp_path / "data/file").write_text("one")
    restic = FakeRestic(settings)
    numbers = run.Backup(settings, restic).run()
    assert (numbers["files"], numbers["bytes"], numbers["snapshot"]) == (1, 3, "abcd1234")
    backup = next(asked for asked in restic.asked if asked[0] == "backup")
    assert backup[-3:] == ("--", *settings.paths, str(settings.manifest))
    assert "--exclude=*.tmp" in backup
    assert status(settings)["ok"] is True
    metric = (tmp_path / "metrics/evenkeel_backup.prom").read_text()
    assert "evenkeel_backup_last_run_success 1\n" in metric
    assert (tmp_path / "metrics/evenkeel_backup.prom").stat().st_mode & 0o777 == 0o644


def test_the_last_success_outlives_a_failure(make_settings: Make, tmp_path: Path) -> None:
    settings = make_settings()
    run.Backup(settings, FakeRestic(settings)).run()
    good = status(settings)["last_success"]
    restic = FakeRestic(settings)
    restic.answers["backup"] = Answer(1, "", "Fatal: no space: s/cret-word and correct horse battery\n")
    with pytest.raises(Trouble):
        run.Backup(settings, restic).run()
    now = status(settings)
    assert (now["ok"], now["last_success"]) == (False, good)
    assert "no space" in now["error"]
    assert "cret-word" not in now["error"] and "horse" not in now["error"]
    metric = (tmp_path / "metrics/evenkeel_backup.prom").read_text()
    assert "evenkeel_backup_last_run_success 0\n" in metric
    assert f"evenkeel_backup_last_success_timestamp_seconds {good}\n" in metric


def test_a_dump_that_fails_fails_the_run_and_marks_its_files(
    make_settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(databases=[{"name": "shop", "port": 5432}], database_roles=False)

    def fail(_self: run.Backup, _path: str, argv: list[str]) -> dict[str, Any]:
        raise Trouble(f"{argv[0]} failed: no such database")

    monkeypatch.setattr(run.Backup, "_locale", lambda *_arguments: [])
    monkeypatch.setattr(run.Backup, "_stream", fail)
    restic = FakeRestic(settings)
    with pytest.raises(Trouble, match="database shop: pg_dump failed: no such database"):
        run.Backup(settings, restic).run()
    backup = next(asked for asked in restic.asked if asked[0] == "backup")
    assert "evenkeel,files,incomplete" in backup


def test_a_run_that_is_stopped_says_so(make_settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(databases=[{"name": "shop", "port": 5432}])

    def stop(*_arguments: Any) -> dict[str, Any]:
        raise Stopped("stopped by SIGTERM")

    monkeypatch.setattr(run.Backup, "_locale", lambda *_arguments: [])
    monkeypatch.setattr(run.Backup, "_stream", stop)
    with pytest.raises(Stopped):
        run.Backup(settings, FakeRestic(settings)).run()
    assert status(settings)["error"] == "stopped by SIGTERM"


def test_another_repository_in_the_place_is_refused(make_settings: Make) -> None:
    settings = make_settings()
    restic = FakeRestic(settings)
    restic.answers["cat"] = Answer(0, json.dumps({"id": "f" * 64}), "")
    with pytest.raises(Trouble, match="is ffffffffff, and not 0123456789"):
        run.Backup(settings, restic).run()


@pytest.mark.parametrize("prepare", ["missing", "link"])
def test_paths_that_are_not_what_they_seem_are_refused(make_settings: Make, tmp_path: Path, prepare: str) -> None:
    settings = make_settings(paths=[str(tmp_path / "other")])
    if prepare == "link":
        (tmp_path / "other").symlink_to(tmp_path / "data")
    words = {"missing": "does not exist on this host", "link": "which is a link to"}[prepare]
    with pytest.raises(Trouble, match=words):
        run.Backup(settings, FakeRestic(settings)).run()


def test_pruning_keeps_what_is_asked_for(make_settings: Make) -> None:
    settings = make_settings(prune=True)
    restic = FakeRestic(settings)
    run.Backup(settings, restic).run()
    forget = next(asked for asked in restic.asked if asked[0] == "forget")
    assert "--keep-daily=7" in forget
    assert not any(word.startswith("--keep-last") for word in forget)


def test_a_server_that_refuses_to_prune_fails_the_run_and_not_the_backup(make_settings: Make) -> None:
    settings = make_settings(prune=True)
    restic = FakeRestic(settings)
    restic.answers["forget"] = Answer(0, "", "unable to remove <snapshot/1>: 403 Forbidden\n")
    with pytest.raises(Trouble, match="only lets this client append: prune on the server"):
        run.Backup(settings, restic).run()
    assert (status(settings)["ok"], status(settings)["last_success"] > 0) == (False, True)


def test_a_second_run_is_refused_and_names_the_first(make_settings: Make) -> None:
    settings = make_settings()
    with run.locked(settings.state), pytest.raises(Busy, match=r"process \d+"), run.locked(settings.state):
        pytest.fail("two at once")
    with run.locked(settings.state):
        pass


def test_a_repository_is_made_once(make_settings: Make) -> None:
    settings = make_settings()
    settings.marker.unlink()
    restic = FakeRestic(settings)
    assert initialise(settings, restic) == {"made": False, "id": ID}
    assert ("init",) not in restic.asked
    assert settings.marker.read_text().strip() == ID


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("Fatal: unable to open config file: Stat: <config/> does not exist", ""),
        ("Fatal: unable to open config file: stat /srv/r/config: no such file or directory", ""),
        ("Fatal: wrong password or no key found", "wrong password"),
        ("Fatal: unexpected HTTP response (401): 401 Unauthorized, <config/> does not exist", "401"),
    ],
)
def test_only_a_missing_repository_counts_as_missing(make_settings: Make, said: str, made: str) -> None:
    restic = FakeRestic(make_settings())
    restic.answers["cat"] = Answer(1, "", said)
    if made:
        with pytest.raises(Trouble, match=made):
            restic.repository_id()
    else:
        assert restic.repository_id() == ""


def test_words_of_a_failure_are_short(make_settings: Make) -> None:
    said = """Remove(<snapshot/26>) returned error, retrying after 4.7s: blob not removed, 403 Forbidden (403)
unable to remove <snapshot/26> from the repository

blob not removed, server response: 403 Forbidden (403)
github.com/restic/restic/internal/backend/rest.(*Backend).Remove
\tgithub.com/restic/restic/internal/backend/rest/rest.go:399
runtime.goexit
\truntime/asm_amd64.s:1594
"""
    words = Restic(make_settings()).words(Answer(1, "", said))
    assert words.startswith(
        "unable to remove <snapshot/26> from the repository; blob not removed, server response: 403"
    )
    assert "retrying" not in words and "github" not in words and "runtime" not in words
    told = '{"message_type":"error","error":{"message":"permission denied"},"item":"/etc/x"}'
    assert Restic(make_settings()).words(Answer(3, "", told)) == "/etc/x: permission denied"


def test_secrets_are_no_argument_and_no_variable(make_settings: Make) -> None:
    restic = Restic(make_settings())
    shown = " ".join([*restic.argv("snapshots"), *restic.environment().values()])
    assert "horse" not in shown and "cret-word" not in shown


def test_a_dead_server_is_named_at_once(make_settings: Make) -> None:
    restic = Restic(make_settings(repository="rest:http://127.0.0.1:9/db1/"))
    with pytest.raises(Trouble, match=r"the server 127\.0\.0\.1 does not answer on port 9"):
        restic.reach()
