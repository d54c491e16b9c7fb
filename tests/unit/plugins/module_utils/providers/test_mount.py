# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount options: in fstab and live, refused where the host would stop working."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.mount import parse_mountinfo, super_difference
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import FAILED, NOT_APPLICABLE
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.mount import Mount
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.mount_table import mount_point, unit_name
from fakes import round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

FLAGS = ("nodev", "nosuid", "noexec")
FSTAB = "# disks\nUUID=1 / ext4 errors=remount-ro 0 1\n/dev/sdb1\t/data ext4\tdefaults,dev 0 2 # keep\n"


class Mounts:
    """/proc/self/mountinfo, and mount and umount that change it."""

    def __init__(self, root: Path, mounted: dict[str, list[str]], fstab: str = FSTAB) -> None:
        self.bench = Workbench(root, {("mount",): self.mount, ("umount",): self.umount})
        self.bench.write("/etc/fstab", fstab)
        self.mounted = {"/": ["rw", "relatime"], **mounted}
        self.show()

    def show(self) -> None:
        lines = [
            f"{n} 1 8:{n} / {path} {','.join(sorted(options))} shared:1 - ext4 /dev/x{n} rw\n"
            for n, (path, options) in enumerate(self.mounted.items())
        ]
        self.bench.write("/proc/self/mountinfo", "".join(lines))

    def mount(self, argv: Sequence[str], _stdin: str | None) -> str:
        options = argv[argv.index("--options") + 1].split(",")
        clearing = ("dev", "exec", "suid", "atime", "remount", "bind")
        flags = [option for option in options if option not in clearing and "=" not in option]
        self.mounted[argv[-1]] = flags if "remount" in options else ["rw", *flags]
        self.show()
        return ""

    def umount(self, argv: Sequence[str], _stdin: str | None) -> str:
        del self.mounted[argv[-1]]
        self.show()
        return ""

    @property
    def fstab(self) -> str:
        return (self.bench.read("/etc/fstab") or b"").decode()


@round_trips
@given(
    wanted=st.lists(st.sampled_from(FLAGS), min_size=1, unique=True),
    live=st.lists(st.sampled_from(FLAGS), unique=True),
    kept=st.lists(st.sampled_from([*FLAGS, "dev", "exec", "noatime"]), unique=True),
)
def test_applied_once_and_undone(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[str], live: list[str], kept: list[str]
) -> None:
    fstab = f"{FSTAB}tmpfs /x tmpfs {','.join(['rw', *kept])} 0 0"
    mounts = Mounts(tmp_path_factory.mktemp("host"), {"/x": ["rw", *live]}, fstab)
    assert_round_trip(mounts.bench, Mount, [control(Mount, path="/x", options=wanted)])


def test_fstab_and_kernel_agree_afterwards_and_comments_stay(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {"/data": ["rw", "relatime"]})
    mounts.bench.run(Mount, [control(Mount, path="/data", options=["nodev", "noexec"])])
    assert mounts.fstab == FSTAB.replace("defaults,dev", "defaults,nodev,noexec")
    assert set(mounts.mounted["/data"]) == {"rw", "relatime", "nodev", "noexec"}


def test_shared_memory_gets_an_entry(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {"/dev/shm": ["rw", "nosuid", "nodev"]})
    mounts.bench.run(Mount, [control(Mount, path="/dev/shm", options=["nodev", "noexec"])])
    assert mounts.fstab == f"{FSTAB}tmpfs /dev/shm tmpfs defaults,nodev,noexec 0 0\n"
    assert "noexec" in mounts.mounted["/dev/shm"]


def test_a_directory_becomes_a_tmpfs_only_where_that_is_asked(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {})
    plain, asked = {"path": "/scratch", "options": ["nodev"]}, {"tmpfs": True, "size": "16m"}
    assert mounts.bench.plan(Mount, [control(Mount, **plain)]).verdicts["one"].status == NOT_APPLICABLE
    assert_round_trip(mounts.bench, Mount, [control(Mount, **plain, **asked)])
    mounts.bench.run(Mount, [control(Mount, **plain, **asked)])
    assert mounts.fstab.endswith("tmpfs /scratch tmpfs defaults,nodev,size=16m 0 0\n")
    assert "/scratch" in mounts.mounted


def test_files_are_not_hidden_by_a_mount(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {})
    mounts.bench.write("/scratch/socket")
    wish = [control(Mount, path="/scratch", options=["nodev"], tmpfs=True)]
    plan, _rest = mounts.bench.run(Mount, wish)
    assert "next boot" in plan.verdicts["one"].reboot
    assert "/scratch" not in mounts.mounted
    assert mounts.bench.plan(Mount, wish).steps == []


@pytest.mark.parametrize(
    ("mounted", "fstab", "container", "status", "words"),
    [
        ({"/x": ["rw"]}, FSTAB, False, FAILED, "add an entry"),
        ({"/x": ["rw"]}, FSTAB, True, NOT_APPLICABLE, "container's runtime"),
        ({"/x": ["rw"]}, "a /x ext4 rw 0 0\nb /x ext4 rw 0 0\n", False, FAILED, "2 entries"),
    ],
)
def test_what_nobody_can_keep(
    tmp_path: Path, mounted: dict[str, list[str]], fstab: str, container: bool, status: str, words: str
) -> None:
    mounts = Mounts(tmp_path, mounted, fstab)
    if container:
        mounts.bench.write("/.dockerenv")
    verdict = mounts.bench.plan(Mount, [control(Mount, path="/x", options=["nodev"])]).verdicts["one"]
    assert verdict.status == status
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"path": "/usr", "options": ["noexec"]}, "stop working"),
        ({"path": "/", "options": ["ro"]}, "stop working"),
        ({"path": "/var", "options": ["noexec"]}, "stop working"),
        ({"path": "/tmp/", "options": ["nodev"]}, "mount.path"),
        ({"path": "/x", "options": ["remount"]}, "how to mount"),
        ({"path": "/x", "options": ["nodev,noexec"]}, "single options"),
        ({"path": "/x", "options": ["nodev #"]}, "single options"),
        ({"path": "/x", "options": ["nodev"], "size": "16m"}, "mount.tmpfs"),
        ({"path": "/x", "options": ["nodev"], "tmpfs": True, "size": "much"}, "mount.size"),
    ],
)
def test_bad_wishes(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(Mount, **wish))


def test_names_of_units() -> None:
    names = {"/": "-.mount", "/var/tmp": "var-tmp.mount", "/srv/my-data": "srv-my\\x2ddata.mount"}
    assert {path: unit_name(path) for path in names} == names
    assert {mount_point(name.removesuffix(".mount")): name for name in names.values()} == names


def test_a_mount_unit_gets_a_drop_in_that_goes_with_its_control(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {"/tmp": ["rw", "nosuid"]})
    unit, drop_in = "/usr/lib/systemd/system/tmp.mount", "/etc/systemd/system/tmp.mount.d/60-evenkeel-test-unit.conf"
    mounts.bench.write("/run/systemd/system/keep")
    mounts.bench.write(unit, "[Mount]\nWhat=tmpfs\nOptions=mode=1777,size=50%\n")

    def systemctl(argv: Sequence[str], _stdin: str | None) -> str:
        drop_ins = drop_in if mounts.bench.read(drop_in) else ""
        return f"FragmentPath={unit}\nUnitFileState=static\nDropInPaths={drop_ins}\n" if "show" in argv else ""

    mounts.bench.runner.answers[("systemctl",)] = systemctl
    wish = [control(Mount, path="/tmp", options=["nodev", "noexec"])]
    assert_round_trip(mounts.bench, Mount, wish)
    mounts.bench.run(Mount, wish)
    assert b"[Mount]\nOptions=mode=1777,size=50%,nodev,noexec\n" in (mounts.bench.read(drop_in) or b"")
    assert mounts.fstab == FSTAB
    assert mounts.bench.plan(Mount, [], keep=frozenset({"one"})).steps == []
    plan, _rest = mounts.bench.run(Mount, [])
    assert [(gone["id"], gone["key"]) for gone in plan.released] == [("one", "/tmp")]
    assert mounts.bench.read(drop_in) is None


def test_an_entry_whose_control_is_gone_gets_its_options_back(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {"/data": ["rw"], "/dev/shm": ["rw"]})
    paths = ("/data", "/dev/shm")
    mounts.bench.run(Mount, [control(Mount, path, path=path, options=["nodev"]) for path in paths])
    assert mounts.bench.plan(Mount, [], keep=frozenset(paths)).steps == []
    plan, _rest = mounts.bench.run(Mount, [])
    assert mounts.fstab == FSTAB
    assert [(gone["key"], gone["action"]) for gone in plan.released] == [("/data", "restored"), ("/dev/shm", "removed")]


def test_an_entry_that_somebody_changed_since_is_left(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {"/data": ["rw"]})
    mounts.bench.run(Mount, [control(Mount, path="/data", options=["nodev"])])
    changed = mounts.fstab.replace("defaults,nodev", "defaults,nodev,noatime")
    mounts.bench.write("/etc/fstab", changed)
    plan, _rest = mounts.bench.run(Mount, [])
    assert mounts.fstab == changed
    assert plan.released[0]["action"] == "left"


def test_a_disk_where_a_tmpfs_was_expected_gets_no_size(tmp_path: Path) -> None:
    mounts = Mounts(tmp_path, {"/data": ["rw"]})
    mounts.bench.run(Mount, [control(Mount, path="/data", options=["nodev"], tmpfs=True, size="16m")])
    assert mounts.fstab == FSTAB.replace("defaults,dev", "defaults,nodev")


def test_mountinfo_with_escapes_and_the_topmost_of_two() -> None:
    first = "1 0 8:1 / /a\\040b rw,nodev - ext4 /dev/x rw\n"
    text = f"{first}2 1 0:5 / /a\\040b ro shared:3 master:1 - tmpfs none rw,size=4k\n"
    found = parse_mountinfo(text)["/a b"]
    assert (found.fstype, found.options, found.super_options) == ("tmpfs", ("ro",), ("rw", "size=4k"))


def test_options_of_the_file_system_that_are_hidden_by_default() -> None:
    assert super_difference(("rw", "hidepid=2"), "rw") == ["hidepid=0"]
    assert super_difference(("rw", "size=4k"), "rw,size=8k") == ["size=8k"]
    assert super_difference(("rw",), "") == []
