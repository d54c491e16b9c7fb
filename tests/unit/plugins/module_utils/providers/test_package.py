# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: one simulated transaction, which refuses what nobody named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.packages.apt import Apt
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import CHANGE, COMPLIANT, FAILED, Planned
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.package import Package
from fakes import install, round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

# What installing brings along, and what removing takes along.
NEEDS = {"jq": ["libjq1"], "tool": ["libjq1"]}
NEEDED_BY = {"python3": ["ansible-helper"]}


class Debian:
    """dpkg and apt-get over a small archive; the installed packages stand in a file below the root."""

    def __init__(self, root: Path, *installed: str) -> None:
        self.bench = Workbench(root)
        answers = self.bench.runner.answers
        answers[("dpkg-query", "--show")] = self.query
        answers[("apt-cache",)] = lambda argv, _stdin: "".join(
            f"{name}:\n  Candidate: {'1.0' if self.has(name) else '(none)'}\n" for name in argv[3:]
        )
        answers[("apt-mark",)] = "held\n"
        answers[("apt-get",)] = self.get
        answers[("apt-get", "update")] = self.update
        self.keep(set(installed))
        # Why the mirror cannot be reached; what only fresh lists have; what is not in the cache.
        self.mirror = ""
        self.listed: set[str] = set()
        self.uncached: set[str] = set()

    def has(self, name: str) -> bool:
        return name in self.listed or not name.startswith("nosuch")

    @property
    def installed(self) -> set[str]:
        return set((self.bench.read("/var/lib/dpkg/list") or b"").decode().split())

    def keep(self, installed: set[str]) -> None:
        self.bench.write("/var/lib/dpkg/list", "".join(f"{name}\n" for name in sorted(installed)))

    def query(self, argv: Sequence[str], _stdin: str | None) -> tuple[int, str, str]:
        names = argv[argv.index("--") + 1 :]
        if "Conffiles" in argv[2]:
            return 0, " /etc/cron.d/one 0123\n" if list(names) == ["cron"] else "", ""
        known = [name for name in names if name in self.installed]
        return 0 if len(known) == len(names) else 1, "".join(f"{name}\tinstalled\t1.0\n" for name in known), ""

    def update(self, _argv: Sequence[str], _stdin: str | None) -> tuple[int, str, str]:
        if self.mirror:
            return 100, "", self.mirror
        self.bench.write("/var/lib/apt/lists/archive_Packages", "")
        self.listed |= {"nosuchyet"}
        return 0, "", ""

    def get(self, argv: Sequence[str], _stdin: str | None) -> str | tuple[int, str, str]:
        words = argv[argv.index("--") + 1 :]
        purging = argv[1] == "purge"
        leaving = [word.rstrip("-") for word in words if purging or (word.endswith("-") and not word.endswith("=-"))]
        coming = [word.partition("=")[0] for word in words if not purging and not word.endswith("-")]
        coming += [other for name in coming for other in NEEDS.get(name, [])]
        leaving += [other for name in leaving for other in NEEDED_BY.get(name, []) if other in self.installed]
        coming = sorted(set(coming) - self.installed)
        if "--print-uris" in argv:
            return "".join(
                f"'http://mirror/{n}_1.0_all.deb' {n}_1.0_all.deb 9 MD5Sum:0\n" for n in coming if n in self.uncached
            )
        if "--simulate" in argv:
            return "".join([f"Inst {name} (1.0 x)\n" for name in coming] + [f"Remv {name} [1.0]\n" for name in leaving])
        assert not (leaving and "--no-remove" in argv)
        self.keep((self.installed | set(coming)) - set(leaving))
        if purging and "cron" in words:
            (self.bench.root / "etc/cron.d/one").unlink()
            (self.bench.root / "etc/cron.d").rmdir()
        return ""


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debian:
    install(monkeypatch, "apt-get", "dpkg-query")
    host = Debian(tmp_path, "cron", "python3", "ansible-helper", "held", "openssh-server")
    host.bench.write("/etc/cron.d/one", "edited by hand\n")
    return host


@round_trips
@given(
    wishes=st.dictionaries(st.sampled_from(["jq", "tool", "cron"]), st.sampled_from(["present", "absent"]), min_size=1),
    present=st.sets(st.sampled_from(["jq", "tool", "cron", "libjq1"])),
)
def test_applied_once_and_undone(
    tmp_path_factory: pytest.TempPathFactory, wishes: dict[str, str], present: set[str]
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(monkeypatch, "apt-get", "dpkg-query")
        needed = {other for name in present for other in NEEDS.get(name, [])}
        host = Debian(tmp_path_factory.mktemp("host"), *present, *needed)
        controls = [
            control(Package, name, name=name, state=state, remove_on_undo=True) for name, state in wishes.items()
        ]
        assert_round_trip(host.bench, Package, controls)


def test_an_installed_package_stays_after_undo_unless_asked(debian: Debian) -> None:
    debian.bench.run(Package, [control(Package, name="jq")])
    debian.bench.undo()
    assert {"jq", "libjq1"} <= debian.installed


def test_what_is_purged_comes_back_with_its_edited_configuration(debian: Debian) -> None:
    assert_round_trip(debian.bench, Package, [control(Package, name="cron", state="absent", purge=True)])
    assert debian.bench.read("/etc/cron.d/one") == b"edited by hand\n"


def test_nobody_loses_a_package_that_no_control_names(debian: Debian) -> None:
    controls = [control(Package, "py", name="python3", state="absent"), control(Package, "jq", name="jq")]
    plan, _rest = debian.bench.run(Package, controls)
    assert plan.verdicts["py"].status == FAILED
    assert "also remove ansible-helper" in plan.verdicts["py"].reason
    assert plan.verdicts["jq"].status == CHANGE
    assert {"jq", "python3", "ansible-helper"} <= debian.installed


def test_named_together_they_may_go(debian: Debian) -> None:
    names = ("python3", "ansible-helper")
    debian.bench.run(Package, [control(Package, name, name=name, state="absent") for name in names])
    assert not set(names) & debian.installed


def test_all_of_a_call_is_one_transaction(debian: Debian) -> None:
    names = [f"new{number}" for number in range(40)]
    debian.bench.run(Package, [control(Package, name, name=name) for name in names])
    real = [call for call in debian.bench.runner.calls if call[0] == "apt-get" and "--simulate" not in call]
    assert len(real) == 1
    assert set(names) <= debian.installed


def test_later_providers_learn_what_comes_and_goes(debian: Debian) -> None:
    planned = Planned()
    controls = [control(Package, "jq", name="jq"), control(Package, "cron", name="cron", state="absent")]
    Package(debian.bench.host, planned).plan(controls)
    assert planned.packages == {"jq", "libjq1"}
    assert planned.absent_packages == {"cron"}


def test_removing_the_login_is_guarded(debian: Debian) -> None:
    (step,) = debian.bench.plan(Package, [control(Package, name="openssh-server", state="absent")]).steps
    assert step.access


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"name": "cron"}, COMPLIANT, ""),
        ({"name": "jq", "state": "absent"}, COMPLIANT, ""),
        ({"name": "nosuch"}, FAILED, "no package nosuch"),
        ({"name": "held", "state": "absent"}, FAILED, "apt-mark unhold held"),
    ],
)
def test_what_needs_no_transaction(debian: Debian, wish: dict[str, Any], status: str, words: str) -> None:
    plan = debian.bench.plan(Package, [control(Package, **wish)])
    assert plan.verdicts["one"].status == status
    assert words in plan.verdicts["one"].reason
    assert plan.steps == []


def test_aptitude_for_the_worst(debian: Debian, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two controls are good by themselves and bad together, both say why."""
    simulate = Apt.simulate

    def refuse(manager: Apt, request: Any) -> Any:
        done = simulate(manager, request)
        return type(done)(error="held broken packages") if len(request.install) > 1 else done

    monkeypatch.setattr(Apt, "simulate", refuse)
    plan = debian.bench.plan(Package, [control(Package, "a", name="a1"), control(Package, "b", name="b1")])
    assert {verdict.reason for verdict in plan.verdicts.values()} == {"all packages together: held broken packages"}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"name": "-o"}, "package.name"),
        ({"name": "cron-"}, "package.name"),
        ({"name": "cron=1.0"}, "package.name"),
        ({"name": "cron", "purge": True}, "package.purge"),
        ({"name": "cron", "lock_timeout": 9999}, "lock_timeout"),
        ({"name": "cron", "environment": {"LD_PRELOAD": "/x"}}, "LD_PRELOAD"),
    ],
)
def test_bad_wishes(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(Package, **wish))


def asked_for_lists(debian: Debian) -> int:
    return len([call for call in debian.bench.runner.calls if list(call[:2]) == ["apt-get", "update"]])


def test_old_lists_are_refreshed_once_where_something_is_missing(debian: Debian) -> None:
    wishes = [control(Package, name, name=name, lists_max_age=3600) for name in ("nosuchyet", "cron")]
    plan, _rest = debian.bench.run(Package, wishes)
    assert plan.verdicts["nosuchyet"].status == CHANGE
    assert asked_for_lists(debian) == 1
    debian.bench.run(Package, [control(Package, name="jq", lists_max_age=3600)])
    assert asked_for_lists(debian) == 1


@pytest.mark.parametrize(
    "wish", [{"name": "cron", "lists_max_age": 0}, {"name": "jq"}, {"name": "jq", "lists_max_age": 0, "offline": True}]
)
def test_lists_are_left_alone(debian: Debian, wish: dict[str, Any]) -> None:
    debian.bench.plan(Package, [control(Package, **wish)])
    assert asked_for_lists(debian) == 0


def test_check_mode_predicts_what_fresh_lists_may_bring(debian: Debian) -> None:
    planned = Planned(check_mode=True)
    plan = Package(debian.bench.host, planned).plan([control(Package, name="nosuchyet", lists_max_age=3600)])
    assert (plan.verdicts["one"].status, plan.verdicts["one"].assumed) == (CHANGE, True)
    assert len(plan.steps) == 1
    assert "nosuchyet" in planned.packages
    assert asked_for_lists(debian) == 0


def test_a_mirror_that_does_not_answer_is_quoted(debian: Debian) -> None:
    debian.mirror = "E: Could not resolve mirror.example.net"
    plan = debian.bench.plan(Package, [control(Package, name="nosuchyet", lists_max_age=0)])
    assert plan.verdicts["one"].status == FAILED
    assert "cannot be refreshed: E: Could not resolve mirror.example.net" in plan.verdicts["one"].reason


def test_offline_names_what_the_cache_lacks(debian: Debian) -> None:
    debian.uncached = {"libjq1"}
    plan = debian.bench.plan(Package, [control(Package, name="jq", offline=True)])
    assert plan.verdicts["one"].status == FAILED
    assert "offline is true, and the package cache of the host lacks libjq1_1.0_all.deb" in plan.verdicts["one"].reason
    debian.uncached = set()
    debian.bench.run(Package, [control(Package, name="jq", offline=True)])
    real = [call for call in debian.bench.runner.calls if call[0] == "apt-get" and "--simulate" not in call]
    assert all("--no-download" in call for call in real if "--print-uris" not in call)
    assert "jq" in debian.installed
