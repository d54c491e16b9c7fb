# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade is journalled, goes forward only, says what it did, and a person can undo it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import package_upgrade
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from ansible_collections.evenkeel.ops.plugins.module_utils.lock import HostLock
from ansible_collections.evenkeel.ops.plugins.module_utils.package_upgrade import Answer, PackageUpgrade
from ansible_collections.evenkeel.ops.plugins.module_utils.recovery import recover
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Transaction
from ansible_collections.evenkeel.ops.plugins.module_utils.undo import Request, Undone, undo
from apt_world import AptHost, AptWorld, apt_host

INSTALLED = {"libssl3": "3.0.20", "openssl": "3.0.20", "perl": "5.36.0-7"}
PENDING = {"libssl3": "3.0.22", "openssl": "3.0.22"}
OLD = ("libssl3=3.0.20", "openssl=3.0.20")


class Bench:
    """One host, upgraded again and again."""

    def __init__(self, root: Path) -> None:
        self.world = AptWorld(INSTALLED, PENDING, OLD)
        self.host: AptHost = apt_host(root / "host", self.world)
        self.state_dir = str(root / "state")
        self.runs = 0

    def upgrade(self, check_mode: bool = False, **options: Any) -> Answer:
        self.runs += 1
        given = {
            "run": f"20261125T20000{self.runs}Z-cli-00000000",
            "run_by": "anna@control",
            "scope": "patching",
            "state_dir": self.state_dir,
            "retention": None,
            "select": "all",
            "exclude": [],
            "paths": [],
            "offline": False,
            "lock_timeout": 300,
            "environment": {},
            "note": None,
        }
        return PackageUpgrade({**given, **options}, check_mode, self.host).serve()

    def undo(self, run: str, check_mode: bool = False) -> Undone:
        transaction = Transaction(
            self.journal(), HostLock(self.state_dir), "undo-1", "undo", "anna", "undo", self.host, check_mode=check_mode
        )
        return undo(transaction, Request(run))

    def journal(self) -> Journal:
        return Journal(self.state_dir, self.host)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def names(answer: Answer) -> list[str]:
    return [update["name"] for update in answer.values["upgraded"]]


def test_check_mode_names_what_a_real_run_upgrades_and_touches_nothing(bench: Bench) -> None:
    predicted = bench.upgrade(check_mode=True)
    assert predicted.changed
    assert bench.world.changing == []
    assert not Path(bench.state_dir).exists()
    done = bench.upgrade()
    assert (done.error, done.changed) == ("", True)
    assert done.values["upgraded"] == predicted.values["upgraded"]
    assert done.values["diff"] == predicted.values["diff"]
    assert bench.world.installed == {**INSTALLED, **PENDING}


def test_a_second_run_changes_nothing_and_writes_nothing(bench: Bench) -> None:
    bench.upgrade()
    again = bench.upgrade()
    assert (again.error, again.changed, again.values["upgraded"]) == ("", False, [])
    assert len(bench.journal().records()) == 1


def test_the_note_is_kept_in_the_journal(bench: Bench) -> None:
    bench.upgrade(note="passed by order of anna: CVE-2026-1")
    (record,) = bench.journal().records()
    assert [entry["step"] for entry in record.entries] == ["Upgrade 2 packages (passed by order of anna: CVE-2026-1)"]


def test_undo_brings_the_versions_and_the_declared_files_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(bench.host.path("/etc/ssl.cnf"))
    file.write_text("before")
    original = bench.world.run

    def run(argv: Any, *args: Any, **options: Any) -> Any:
        if argv[0] == "apt-get" and "--simulate" not in argv and "upgrade" in argv:
            file.write_text("made by a maintainer script")
        return original(argv, *args, **options)

    monkeypatch.setattr(bench.world, "run", run)
    bench.upgrade(paths=["/etc/ssl.cnf"])
    undone = bench.undo("last")
    assert (undone.outcome.failed, undone.kept) == (False, [])
    assert bench.world.installed == INSTALLED
    assert file.read_text() == "before"


def test_a_version_that_cannot_be_had_stays_and_is_named(bench: Bench) -> None:
    bench.upgrade()
    bench.world.sources = {"openssl=3.0.20"}
    told = ["package libssl3: version 3.0.20 cannot be had any more"]
    assert bench.undo("last", check_mode=True).kept == told
    undone = bench.undo("last")
    assert undone.kept == told
    assert undone.restored == []
    assert bench.world.installed == {**INSTALLED, "libssl3": "3.0.22"}


def test_the_first_state_of_packages_is_nobodys_wish(bench: Bench) -> None:
    bench.upgrade()
    undone = bench.undo("pristine")
    assert undone.runs == []
    assert bench.world.installed == {**INSTALLED, **PENDING}


def test_where_apt_refuses_nothing_has_changed(bench: Bench) -> None:
    bench.world.refuses = "Failed to fetch http://mirror.example/libssl3.deb"
    answer = bench.upgrade()
    assert answer.error == (
        "Nothing was upgraded: apt-get "
        + " ".join(bench.world.changing[0][1:])
        + " returned 100: E: Failed to fetch http://mirror.example/libssl3.deb"
    )
    assert (answer.changed, answer.values["upgraded"]) == (False, [])
    assert bench.world.installed == INSTALLED
    assert [record.state for record in bench.journal().records()] == ["reverted"]
    bench.world.refuses = ""
    assert names(bench.upgrade()) == ["libssl3", "openssl"]


def test_where_dpkg_dies_what_was_upgraded_stands_and_can_be_undone(bench: Bench) -> None:
    bench.world.dies_after = 0
    answer = bench.upgrade()
    assert answer.error.startswith("apt-get stopped after it had upgraded 1 of 2 packages, which stay: ")
    assert "Sub-process /usr/bin/dpkg was killed" in answer.error
    assert "What was unpacked is configured." in answer.error
    assert (answer.changed, names(answer)) == (True, ["libssl3"])
    assert not bench.world.half_configured
    assert [record.state for record in bench.journal().records()] == ["committed"]
    assert not bench.undo("last").outcome.failed
    assert bench.world.installed == INSTALLED


def test_what_cannot_be_configured_is_named(bench: Bench) -> None:
    bench.world.dies_after = 0
    bench.world.unconfigurable = "postinst failed"
    answer = bench.upgrade()
    assert "Not configured: libssl3." in answer.error
    again = bench.upgrade()
    assert again.error.startswith(
        "dpkg was interrupted before, and it cannot be finished (libssl3 is not configured): "
    )
    assert bench.world.pending == {"openssl": "3.0.22"}


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the call runs any more."""


def test_a_killed_call_is_finished_by_the_next_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: object, *_args: object) -> None:
        bench.world.dies_after = 0
        bench.world.run(["apt-get", "upgrade"])
        bench.world.dies_after = None
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(package_upgrade.Upgrade, "apply", die)
        with pytest.raises(Killed):
            bench.upgrade()
    assert [record.state for record in bench.journal().records()] == ["open"]
    predicted = bench.upgrade(check_mode=True)
    assert (predicted.values["configured"], names(predicted)) == (["libssl3"], ["openssl"])
    answer = bench.upgrade()
    assert (answer.error, answer.changed) == ("", True)
    assert (answer.values["configured"], names(answer)) == (["libssl3"], ["openssl"])
    assert bench.world.installed == {**INSTALLED, **PENDING}
    assert {record.state for record in bench.journal().records()} == {"committed"}


def test_at_boot_a_killed_upgrade_is_not_put_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: object, *_args: object) -> None:
        bench.world.run(["apt-get", "upgrade"])
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(package_upgrade.Upgrade, "apply", die)
        with pytest.raises(Killed):
            bench.upgrade(paths=["/etc/apt"])
    commands = len(bench.world.changing)
    (restored,) = recover(bench.journal(), reload=False)
    assert (restored.failed, restored.restored) == ([], [])
    assert "package_versions libssl3,openssl" in restored.kept
    assert len(bench.world.changing) == commands
    assert bench.world.installed == {**INSTALLED, **PENDING}
    # It stands, so a person can take it back.
    assert not bench.undo("last").outcome.failed
    assert bench.world.installed == INSTALLED


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lock_timeout": 4000}, "lock_timeout is 4000; allowed are 0 to 3600 seconds."),
        ({"paths": ["etc"]}, "paths: 'etc' is not absolute"),
        ({"paths": ["/"]}, "paths: '/' cannot be snapshotted"),
        ({"state_dir": "here"}, "state_dir is 'here'; allowed is an absolute path."),
    ],
)
def test_wrong_options_are_refused(bench: Bench, options: dict[str, Any], words: str) -> None:
    answer = bench.upgrade(**options)
    assert words in answer.error
    assert bench.world.changing == []


def test_a_host_without_apt_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AptHost, "has", lambda self, program: False)
    assert bench.upgrade().error.startswith("this host has no apt")
