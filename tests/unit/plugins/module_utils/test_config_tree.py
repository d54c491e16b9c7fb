"""The front end as a whole, over real directories and with real programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import staging
from ansible_collections.evenkeel.ops.plugins.module_utils.config_tree import Answer, ConfigTree
from ansible_collections.evenkeel.ops.plugins.module_utils.tree_archive import pack

Run = Callable[..., Answer]
RUN = "20260301T040506Z-cli-0123abcd"
GOOD, BAD = ["true"], ["sh", "-c", "echo 'line 3: unknown keyword' >&2; exit 1"]


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    root = tmp_path / "etc"
    root.mkdir()
    (root / "old").write_text("old\n")
    return root


@pytest.fixture
def run(tmp_path: Path, etc: Path) -> Run:
    def call(contents: dict[str, str], check: bool = False, secret: bool = False, **options: Any) -> Answer:
        files = [{"path": str(etc / name), "secret": secret, "mode": "0644"} for name in contents]
        defaults: dict[str, Any] = {
            "run": RUN,
            "run_by": "me@here",
            "scope": "web",
            "state_dir": str(tmp_path / "state"),
            "roots": [str(etc)],
            "files": files,
            "archive": pack([text.encode() for text in contents.values()]),
            "absent": [],
            "directory_mode": "0755",
            "prune": False,
            "validate": [],
            "reload": [],
            "proof": [],
            "probe": [],
        }
        return ConfigTree({**defaults, **options}, check).serve()

    return call


def found(etc: Path) -> dict[str, str]:
    return {str(path.relative_to(etc)): path.read_text() for path in etc.rglob("*") if path.is_file()}


def test_tree_is_deployed_reloaded_once_and_then_unchanged(run: Run, etc: Path, tmp_path: Path) -> None:
    log = tmp_path / "reloads"
    reload = [{"argv": ["sh", "-c", f"echo reloaded >> {log}"]}]
    first = run({"old": "new\n", "conf.d/a": "a\n"}, reload=reload)
    assert (first.error, first.changed) == ("", True)
    assert first.values["changed_files"] == [str(etc / "old"), str(etc / "conf.d/a")]
    assert found(etc) == {"old": "new\n", "conf.d/a": "a\n"}
    second = run({"old": "new\n", "conf.d/a": "a\n"}, reload=reload)
    assert (second.changed, second.values["diff"], second.values["reloaded"]) == (False, [], [])
    assert log.read_text() == "reloaded\n"


@pytest.mark.parametrize("prune", [True, False])
def test_prediction_equals_the_real_run_and_touches_nothing(run: Run, etc: Path, tmp_path: Path, prune: bool) -> None:
    run({"a": "1\n", "b": "1\n"})
    before = {path: path.lstat().st_ctime_ns for path in [etc, *etc.rglob("*"), tmp_path / "state"]}
    wanted = {"a": "2\n", "c/d": "1\n"}
    predicted = run(wanted, check=True, prune=prune)
    assert {path: path.lstat().st_ctime_ns for path in [etc, *etc.rglob("*"), tmp_path / "state"]} == before
    real = run(wanted, prune=prune)
    for key in ("changed_files", "pruned", "removed", "adopted"):
        assert predicted.values[key] == real.values[key], key
    assert predicted.changed is real.changed is True
    assert [each["after"] for each in predicted.values["diff"]] == [each["after"] for each in real.values["diff"]]


def test_validator_sees_the_new_files_in_place_and_the_old_ones_stay(run: Run, etc: Path) -> None:
    accepts = [["grep", "-qx", "new", str(etc / "old")]]
    assert run({"old": "new\n"}, validate=accepts, check=True).error == ""
    assert found(etc) == {"old": "old\n"}
    assert run({"old": "new\n"}, validate=accepts).error == ""
    refused = run({"old": "broken\n"}, validate=accepts)
    assert "everything is as it was before (validate): grep -qx new" in refused.error
    assert found(etc) == {"old": "new\n"}


def test_where_namespaces_are_refused_the_whole_tree_is_validated_in_force_and_put_back(
    run: Run, etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError(1, "unshare: operation not permitted")

    monkeypatch.setattr(staging, "_private_namespace", refuse)
    files = [{"path": str(etc / "old")}, {"path": str(etc / "key"), "secret": True}]
    wanted = {"old": "new\n", "key": "secret-key\n"}
    answer = run(wanted, files=files, validate=[["grep", "-qx", "nothing", str(etc / "key")]])
    assert "grep -qx nothing" in answer.error
    assert not answer.changed
    assert found(etc) == {"old": "old\n"}
    answer = run(wanted, files=files, validate=[["grep", "-qx", "secret-key", str(etc / "key")]])
    assert (answer.error, found(etc)) == ("", wanted)


def test_only_the_secret_words_of_a_file_are_hidden_where_they_are_given(run: Run, etc: Path) -> None:
    said = ["sh", "-c", f"cat {etc}/users >&2; exit 1"]
    wanted = {"users": "unknown keyword ann correct-horse\n"}
    file = {"path": str(etc / "users"), "secret": True}
    every = run(wanted, files=[file], validate=[said])
    some = run(wanted, files=[{**file, "secret_words": ["correct-horse"]}], validate=[said])
    assert "horse" not in every.error + some.error
    assert "keyword" not in every.error
    assert "unknown keyword ann " in some.error


@pytest.mark.parametrize(
    ("options", "phase"),
    [
        ({"reload": [{"argv": BAD}]}, "reload"),
        ({"probe": [{"command": BAD, "within": 1}]}, "probe"),
    ],
)
def test_failure_puts_everything_back_in_the_programs_own_words(
    run: Run, etc: Path, options: dict[str, Any], phase: str
) -> None:
    answer = run({"old": "new\n", "conf.d/a": "a\n"}, **options)
    assert f"Everything was put back, because of {phase}:" in answer.error
    assert "line 3: unknown keyword" in answer.error
    assert (answer.changed, answer.values["changed_files"]) == (False, [])
    assert found(etc) == {"old": "old\n"}
    assert run({"old": "new\n", "conf.d/a": "a\n"}).changed, "the next good run needs no hand"


def test_secret_words_do_not_come_back(run: Run, etc: Path) -> None:
    quotes = [["sh", "-c", f"cat {etc / 'old'} >&2; exit 1"]]
    for options in (
        {"validate": quotes},
        {"probe": [{"command": quotes[0], "within": 1}]},
        {"reload": [{"argv": quotes[0]}]},
    ):
        answer = run({"old": 'password="hunter2hunter2"\n'}, secret=True, **options)
        assert answer.error
        assert "hunter2" not in answer.error + str(answer.values)


def test_mode_and_owner_of_what_exists_are_kept(run: Run, etc: Path) -> None:
    (etc / "old").chmod(0o640)
    run({"old": "new\n"}, files=[{"path": str(etc / "old")}])
    assert (etc / "old").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"state_dir": "relative"}, "state_dir is 'relative'; allowed is an absolute path."),
        ({"roots": ["etc"]}, "roots: 'etc' is no plain absolute path; allowed is"),
        ({"validate": ["nginx -t"]}, "validate: 'nginx -t' is no argument vector; allowed is"),
        ({"validate": [[]]}, "validate: [] is no argument vector; allowed is"),
        ({"reload": [{"argv": ["true"], "unit": "a.service"}]}, "allowed is exactly one of argv and unit"),
        ({"reload": [{}]}, "allowed is exactly one of argv and unit"),
        ({"probe": [{"within": 5}]}, "allowed is exactly one of http, tcp, unit, command"),
        ({"probe": [{"http": {"url": "file:///etc/passwd"}}]}, "allowed is a url that begins with http:// or https://"),
        ({"probe": [{"tcp": {"port": 70000}}]}, "allowed is a port from 1 to 65535"),
        ({"probe": [{"unit": "a.service", "within": 0}]}, "within is 0; allowed are 1 to 120 seconds"),
        ({"proof": [{}]}, "allowed is exactly one of haproxy_master, nginx, reloaded, restarted"),
        ({"proof": [{"restarted": "a.service", "within": 1000}]}, "within is 1000; allowed are 1 to 120 seconds"),
        ({"directory_mode": "u+x"}, "directory_mode is 'u+x'; allowed is an octal mode"),
        ({"confirm": {"deadline": 5, "units": []}}, "confirm.deadline is 5; allowed are 30 to 900 seconds"),
        ({"archive": "!"}, "the archive is damaged"),
    ],
)
def test_bad_options_are_refused_before_anything_is_touched(
    run: Run, etc: Path, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    answer = run({"old": "new\n"}, **options)
    assert words in answer.error
    assert found(etc) == {"old": "old\n"}
    assert not (tmp_path / "state").exists()


def test_unknown_owner_is_assumed_in_check_mode_and_refused_for_real(run: Run, etc: Path) -> None:
    files = [{"path": str(etc / "old"), "owner": "no-such-user"}]
    predicted = run({"old": "new\n"}, check=True, files=files)
    assert predicted.values["assumed"] == ["the owner 'no-such-user' is not there yet"]
    assert "owner 'no-such-user' is unknown on this host" in run({"old": "new\n"}, files=files).error
    assert found(etc) == {"old": "old\n"}


def test_missing_root_is_assumed_in_check_mode(run: Run, etc: Path) -> None:
    (etc / "old").unlink()
    etc.rmdir()
    predicted = run({"a": "1\n"}, check=True, validate=[["no-such-program"]])
    assert predicted.values["assumed"] == [f"the directory {etc} is not there yet"]
    assert predicted.warnings == ["Not validated: no-such-program is not installed yet."]
    assert not etc.exists()
    assert run({"a": "1\n"}).values["changed_files"] == predicted.values["changed_files"]
