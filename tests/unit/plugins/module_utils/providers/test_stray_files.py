# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with rights that nobody has decided on: found on the host's own disks, accepted, put right, undone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import file_search
from ansible_collections.evenkeel.ops.plugins.module_utils.providers import stray_files
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    UNKNOWN,
    Verdict,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.stray_files import StrayFiles
from support import Workbench, assert_round_trip, control, faults_of

ROOT_MOUNT = "22 1 0:40 / / rw,relatime - overlay overlay rw\n"
MOUNTS = ROOT_MOUNT + (
    "23 22 0:22 / /proc rw - proc proc rw\n"
    "24 22 0:23 / /dev/shm rw - tmpfs tmpfs rw\n"
    "25 22 8:17 / /srv/with\\040blank rw - ext4 /dev/sdb1 rw\n"
    "26 22 8:17 / /srv/again rw - ext4 /dev/sdb1 rw\n"
    "27 22 8:18 /var/lib/engine/hosts /etc/hosts rw - ext4 /dev/sdb2 rw\n"
    "28 22 0:41 /@home /home rw shared:1 - btrfs /dev/sdc rw\n"
    "29 22 0:41 /@var /var rw shared:1 - btrfs /dev/sdc rw\n"
    "30 22 0:50 / /mnt/share rw - nfs4 server:/ rw\n"
)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A host on one file system; whoever runs the tests stands for root, and owns everything."""
    bench = Workbench(tmp_path)
    bench.write("/proc/self/mountinfo", ROOT_MOUNT)
    bench.write("/srv/open", "", 0o666)
    bench.write("/srv/exchange/open", "", 0o666)
    bench.write("/srv/closed", "", 0o644)
    for name in ("/usr/bin/sudo", "/usr/bin/odd", "/opt/sudo"):
        bench.write(name, "", 0o4755)
    Path(bench.host.path("/srv/drop")).mkdir()
    Path(bench.host.path("/srv/drop")).chmod(0o777)
    Path(bench.host.path("/srv/link")).symlink_to("/srv/open")
    monkeypatch.setattr(stray_files, "ROOT", os.geteuid())
    return bench


def judged(bench: Workbench, finding: str, **state: Any) -> Verdict:
    """What is said of one control."""
    return bench.plan(StrayFiles, [control(StrayFiles, finding=finding, **state)]).verdicts["one"]


def mode(bench: Workbench, path: str) -> int:
    """Permission bits."""
    return stat.S_IMODE(os.lstat(bench.host.path(path)).st_mode)


@pytest.mark.parametrize(
    ("finding", "paths"),
    [
        ("world_writable", "2 found: /srv/exchange/open, /srv/open"),
        ("no_sticky_bit", "1 found: /srv/drop"),
        ("suid", "3 found: /opt/sudo, /usr/bin/odd, /usr/bin/sudo"),
    ],
)
def test_what_nobody_has_decided_on_is_named(bench: Workbench, finding: str, paths: str) -> None:
    """The control fails, and says where to look."""
    verdict = judged(bench, finding)
    assert (verdict.status, verdict.reason) == (FAILED, paths)


def test_what_is_meant_to_be_so_is_accepted(bench: Workbench) -> None:
    """By path, by name where packages have their programs, and by directories that are not entered."""
    assert judged(bench, "world_writable", accept=["/srv/exchange/*", "/srv/open"]).status == COMPLIANT
    assert judged(bench, "world_writable", skip=["/srv"]).status == COMPLIANT
    assert judged(bench, "suid", programs=["sudo"]).reason == "2 found: /opt/sudo, /usr/bin/odd"
    assert judged(bench, "suid", programs=["sudo", "o*"], accept=["/opt/*"]).status == COMPLIANT


def test_what_one_control_skips_the_other_still_sees(bench: Workbench) -> None:
    """One walk serves both."""
    one = control(StrayFiles, "one", finding="world_writable", skip=["/srv"])
    two = control(StrayFiles, "two", finding="no_sticky_bit")
    verdicts = bench.plan(StrayFiles, [one, two]).verdicts
    assert [verdicts["one"].status, verdicts["two"].status] == [COMPLIANT, FAILED]


@pytest.mark.parametrize(
    ("finding", "path", "bits"),
    [
        ("world_writable", "/srv/open", 0o664),
        ("world_writable", "/srv/exchange/open", 0o664),
        ("no_sticky_bit", "/srv/drop", 0o1777),
        ("suid", "/usr/bin/odd", 0o755),
    ],
)
def test_what_a_list_names_is_put_right_and_undone(bench: Workbench, finding: str, path: str, bits: int) -> None:
    """Also what would be accepted: the operator's list goes before."""
    before = mode(bench, path)
    wish = control(StrayFiles, finding=finding, fix=[path], accept=["/*"])
    assert_round_trip(bench, StrayFiles, [wish])
    bench.run(StrayFiles, [wish])
    assert mode(bench, path) == bits != before


def test_nothing_is_put_right_where_something_is_undecided(bench: Workbench) -> None:
    """A control that fails leaves nothing half done."""
    plan, _outcome = bench.run(StrayFiles, [control(StrayFiles, finding="world_writable", fix=["/srv/open"])])
    assert plan.verdicts["one"].reason == "1 found: /srv/exchange/open"
    assert plan.steps == [] and mode(bench, "/srv/open") == 0o666


def test_unowned_files_are_given_to_root(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user has no name; the group keeps its own."""
    monkeypatch.setattr(file_search.Names, "has_user", lambda _names, _uid: False)
    monkeypatch.setattr(file_search.Names, "has_group", lambda _names, _gid: True)
    verdict = judged(bench, "unowned")
    assert verdict.status == FAILED and "and " in verdict.before[-1] and verdict.before[0] == "/"
    assert judged(bench, "unowned", fix=["/*"]).status == CHANGE
    stray = file_search.Stray("/srv/open", 0o644, 12345, 77)
    assert stray_files.mended("unowned", stray, file_search.Names()) == (0o644, os.geteuid(), 77)


def test_known_owners_are_fine(bench: Workbench) -> None:
    """Who runs the tests is known."""
    assert judged(bench, "unowned").status == COMPLIANT


def test_only_root_is_asked(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else would see a part and call it all."""
    monkeypatch.setattr(stray_files, "ROOT", os.geteuid() + 1)
    verdict = judged(bench, "suid")
    assert (verdict.status, verdict.reason) == (UNKNOWN, "only root sees every file")


def test_a_walk_that_takes_too_long_says_so(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that all is well."""
    monkeypatch.setattr(stray_files, "PATIENCE", -1)
    verdict = judged(bench, "suid")
    assert verdict.status == UNKNOWN and "name what to skip" in verdict.reason


def test_file_systems_of_others_are_not_entered(bench: Workbench) -> None:
    """Each disk once, subvolumes each, no bind mounts, no network, nothing of the kernel's."""
    bench.write("/proc/self/mountinfo", MOUNTS)
    assert file_search.mount_points(bench.host) == ["/", "/home", "/srv/with blank", "/var"]


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ({"finding": "setuid"}, "stray_files.finding is 'setuid': allowed is one of world_writable, no_sticky_bit,"),
        ({"finding": "suid", "fix": ["opt"]}, "stray_files.fix has 'opt': allowed are patterns of absolute paths"),
        ({"finding": "suid", "programs": ["/bin/su"]}, "stray_files.programs has '/bin/su': allowed are names without"),
    ],
)
def test_bad_states(state: dict[str, Any], fault: str) -> None:
    """Named with what is allowed."""
    assert any(fault in each for each in faults_of(StrayFiles, **state))
