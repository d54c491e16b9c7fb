# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules: configuration for the next boot, and the running kernel where it is ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.kernel_module import KernelModule
from fakes import install, round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

BLOCK = "/etc/modprobe.d/60-evenkeel-test-unit.conf"
LOAD = "/etc/modules-load.d/60-evenkeel-test-unit.conf"


class Kernel:
    """/proc/modules, and a modprobe that changes it."""

    def __init__(self, root: Path, *loaded: str) -> None:
        self.bench = Workbench(root, {("modprobe",): self.modprobe})
        self.bench.write("/proc/sys/kernel/osrelease", "6.1.0\n")
        self.bench.write("/lib/modules/6.1.0/modules.builtin", "kernel/fs/ext4.ko\n")
        self.bench.write("/lib/modules/6.1.0/modules.dep", "kernel/usb-storage.ko.xz: kernel/x.ko\nkernel/dummy.ko:\n")
        self.show(loaded)

    def show(self, lines: Sequence[str]) -> None:
        text = "".join(f"{line} Live 0x0\n" for line in lines)
        self.bench.write("/proc/modules", text)

    def lines(self) -> list[str]:
        text = self.bench.read("/proc/modules") or b""
        return [line.removesuffix(" Live 0x0") for line in text.decode().splitlines()]

    def modprobe(self, argv: Sequence[str], _stdin: str | None) -> str:
        name = argv[-1]
        others = [line for line in self.lines() if not line.startswith(f"{name} ")]
        self.show(others if "--remove" in argv else [*others, f"{name} 1 0 -"])
        return ""


wishes = st.fixed_dictionaries(
    {"name": st.sampled_from(["usb-storage", "dummy"]), "state": st.sampled_from(["blocked", "loaded"])}
)


@round_trips
@given(wish=wishes, loaded=st.booleans(), container=st.booleans())
def test_applied_once_and_undone(
    tmp_path_factory: pytest.TempPathFactory, wish: dict[str, Any], loaded: bool, container: bool
) -> None:
    name = wish["name"].replace("-", "_")
    kernel = Kernel(tmp_path_factory.mktemp("host"), *([f"{name} 1 0 -"] if loaded else []))
    if container:
        kernel.bench.write("/.dockerenv")
    assert_round_trip(kernel.bench, KernelModule, [control(KernelModule, **wish)])


def test_a_blocked_module_is_unloaded_and_cannot_come_back(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "usb_storage 1 0 -")
    kernel.bench.run(KernelModule, [control(KernelModule, name="usb-storage")])
    assert kernel.lines() == []
    text = (kernel.bench.read(BLOCK) or b"").decode()
    assert "install usb_storage /bin/false\nblacklist usb_storage\n" in text


def test_a_module_in_use_stays_until_the_next_boot(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "usb_storage 1 1 uas,")
    wish = [control(KernelModule, name="usb-storage")]
    plan, _rest = kernel.bench.run(KernelModule, wish)
    assert "in use by uas" in plan.verdicts["one"].reboot
    again = kernel.bench.plan(KernelModule, wish).verdicts["one"]
    assert (again.status, bool(again.reboot)) == (COMPLIANT, True)


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"name": "ext4"}, NOT_APPLICABLE, "built into"),
        ({"name": "ext4", "state": "loaded"}, COMPLIANT, "built into"),
        ({"name": "nosuch", "state": "loaded"}, FAILED, "no module nosuch"),
        ({"name": "nosuch"}, CHANGE, ""),
    ],
)
def test_what_the_kernel_decides(tmp_path: Path, wish: dict[str, Any], status: str, words: str) -> None:
    verdict = Kernel(tmp_path).bench.plan(KernelModule, [control(KernelModule, **wish)]).verdicts["one"]
    assert verdict.status == status
    assert words in verdict.reason


def test_a_line_of_somebody_else_that_keeps_the_module_out_is_named(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    kernel.bench.write("/etc/modprobe.d/local.conf", "blacklist dummy\n")
    verdict = kernel.bench.plan(KernelModule, [control(KernelModule, name="dummy", state="loaded")]).verdicts["one"]
    assert verdict.status == FAILED
    assert "/etc/modprobe.d/local.conf says `blacklist dummy`" in verdict.reason


def test_a_control_that_is_taken_out_takes_its_lines_with_it(tmp_path: Path) -> None:
    bench = Kernel(tmp_path).bench
    both = [control(KernelModule, "a", name="dummy"), control(KernelModule, "b", name="usb-storage")]
    bench.run(KernelModule, both)
    plan, _rest = bench.run(KernelModule, both[:1])
    assert b"usb_storage" not in (bench.read(BLOCK) or b"")
    assert [gone["id"] for gone in plan.released] == ["b"]
    bench.run(KernelModule, [])
    assert bench.read(BLOCK) is None
    assert bench.read(LOAD) is None


def test_programs_that_are_missing_are_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert (
        Kernel(tmp_path).bench.plan(KernelModule, [control(KernelModule, name="dummy")]).verdicts["one"].status
        == CHANGE
    )


@pytest.mark.parametrize("name", ["a b", "-r", "x\ny", "", "../x"])
def test_bad_names(name: str) -> None:
    assert "kernel_module.name" in " ".join(faults_of(KernelModule, name=name))


def test_persist_only_leaves_the_running_kernel_alone(tmp_path: Path) -> None:
    """The reason stands in the file; the next boot loads it."""
    kernel = Kernel(tmp_path)
    wish = control(KernelModule, name="dummy", state="loaded", persist_only=True, comment="Why.\nSource: a book")
    plan = assert_round_trip(kernel.bench, KernelModule, [wish])
    assert plan.verdicts["one"].reboot == "kernel module dummy is loaded from the next boot on"
    kernel.bench.run(KernelModule, [wish])
    assert kernel.lines() == []
    *_head, why, source, name = (kernel.bench.read(LOAD) or b"").decode().splitlines()
    assert (why, source, name) == ("# Why.", "# Source: a book", "dummy")
