# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor modes: links for the next boot, profiles in the kernel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.apparmor import AppArmor
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import FAILED, NOT_APPLICABLE
from fakes import install, round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

PROFILE = "/etc/apparmor.d/usr.bin.man"
LOADED = "/sys/kernel/security/apparmor/profiles"
STATES = ("enforce", "complain", "disabled")


class Kernel:
    """apparmor_parser, and the kernel's list of profiles."""

    def __init__(self, root: Path) -> None:
        self.bench = Workbench(root, {("apparmor_parser",): self.parser})
        self.bench.write(PROFILE, "profile man /usr/bin/man {\n}\n")
        self.bench.write("/etc/apparmor.d/disable/other", "")
        self.bench.write("/etc/apparmor.d/force-complain/other", "")
        self.set({"man": "enforce", "other": "enforce"})

    def set(self, modes: dict[str, str]) -> None:
        self.modes = modes
        self.bench.write(LOADED, "".join(f"{name} ({mode})\n" for name, mode in sorted(modes.items())))

    def parser(self, argv: Sequence[str], stdin: str | None) -> str:
        if "--names" in argv:
            return "man\n"
        assert stdin is not None
        assert re.search("profile man", stdin)
        others = {name: mode for name, mode in self.modes.items() if name != "man"}
        if "--remove" not in argv:
            others["man"] = "complain" if "--Complain" in argv else "enforce"
        self.set(others)
        return ""


@round_trips
@given(first=st.sampled_from(STATES), second=st.sampled_from(STATES))
def test_from_any_mode_to_any_other_and_back(tmp_path_factory: pytest.TempPathFactory, first: str, second: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(monkeypatch, "apparmor_parser")
        kernel = Kernel(tmp_path_factory.mktemp("host"))
        kernel.bench.run(AppArmor, [control(AppArmor, name="usr.bin.man", state=first)])
        modes = dict(kernel.modes)
        assert modes.get("man", "disabled") == first
        assert_round_trip(kernel.bench, AppArmor, [control(AppArmor, name="usr.bin.man", state=second)])
        assert kernel.modes == modes


@pytest.mark.parametrize(
    ("state", "links"), [("enforce", []), ("complain", ["force-complain"]), ("disabled", ["disable"])]
)
def test_the_next_boot_finds_the_same_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, links: list[str]
) -> None:
    install(monkeypatch, "apparmor_parser")
    bench = Kernel(tmp_path).bench
    for before in ("disabled", "complain", state):
        bench.run(AppArmor, [control(AppArmor, name="usr.bin.man", state=before)])
    found = sorted(path for path in (tmp_path / "etc/apparmor.d").glob("*/usr.bin.man"))
    assert [path.parent.name for path in found] == links
    assert all(str(path.readlink()) == PROFILE for path in found)


@pytest.mark.parametrize(
    ("text", "path", "status", "words"),
    [
        ("profile man flags=(attach_disconnected, complain) {\n}\n", "/x", FAILED, "flags=(complain)"),
        ("profile man {\n}\n", "/.dockerenv", NOT_APPLICABLE, "container"),
    ],
)
def test_what_links_cannot_bring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str, status: str, words: str
) -> None:
    install(monkeypatch, "apparmor_parser")
    kernel = Kernel(tmp_path)
    kernel.bench.write(PROFILE, text)
    kernel.bench.write(path)
    verdict = kernel.bench.plan(AppArmor, [control(AppArmor, name="usr.bin.man")]).verdicts["one"]
    assert verdict.status == status
    assert words in verdict.reason


def test_without_apparmor_in_the_kernel(tmp_path: Path) -> None:
    verdict = Workbench(tmp_path).plan(AppArmor, [control(AppArmor, name="usr.bin.man")]).verdicts["one"]
    assert (verdict.status, verdict.reason) == (NOT_APPLICABLE, "AppArmor is not enabled in the running kernel")


@pytest.mark.parametrize("wish", [{"name": "../x"}, {"name": "disable"}, {"name": ""}])
def test_bad_names(wish: dict[str, Any]) -> None:
    assert "apparmor.name" in " ".join(faults_of(AppArmor, **wish))
