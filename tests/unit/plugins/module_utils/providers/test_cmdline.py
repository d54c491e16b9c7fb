# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's command line, through GRUB's drop-ins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import FAILED, NOT_APPLICABLE
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.cmdline import Cmdline
from fakes import install, round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

DROP_IN = "/etc/default/grub.d/60-evenkeel-test-unit.cfg"


def bench_at(root: Path) -> Workbench:
    """A host with GRUB: the menu is made of all drop-ins."""
    bench = Workbench(root)

    def update_grub(_argv: Sequence[str], _stdin: str | None) -> str:
        drop_ins = sorted(Path(root, "etc/default/grub.d").glob("*.cfg"))
        bench.write("/boot/grub/grub.cfg", "".join(path.read_text() for path in drop_ins), 0o600)
        return ""

    bench.runner.answers[("update-grub",)] = update_grub
    bench.write("/etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet audit=0"\nGRUB_CMDLINE_LINUX=""\n')
    bench.write("/boot/grub/grub.cfg", "old menu\n", 0o600)
    bench.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/vda ro quiet\n")
    return bench


@round_trips
@given(values=st.dictionaries(st.sampled_from(["slub_debug", "mce", "vsyscall"]), st.sampled_from([None, "0", "none"])))
def test_applied_once_and_undone(tmp_path_factory: pytest.TempPathFactory, values: dict[str, str | None]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(monkeypatch, "update-grub")
        bench = bench_at(tmp_path_factory.mktemp("host"))
        controls = [control(Cmdline, name, parameter=name, value=value) for name, value in values.items()]
        assert_round_trip(bench, Cmdline, controls)


def test_the_menu_has_it_and_the_next_boot_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "update-grub")
    bench = bench_at(tmp_path)
    wish = [control(Cmdline, parameter="audit_backlog_limit", value="8192")]
    plan, _rest = bench.run(Cmdline, wish)
    assert "next boot" in plan.verdicts["one"].reboot
    assert b"$GRUB_CMDLINE_LINUX_DEFAULT audit_backlog_limit=8192" in (bench.read("/boot/grub/grub.cfg") or b"")
    bench.write("/proc/cmdline", "quiet audit_backlog_limit=8192\n")
    assert bench.plan(Cmdline, wish).verdicts["one"].reboot == ""
    bench.run(Cmdline, [])
    assert bench.read(DROP_IN) is None


def test_another_value_of_somebody_else_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "update-grub")
    verdict = bench_at(tmp_path).plan(Cmdline, [control(Cmdline, parameter="audit", value="1")]).verdicts["one"]
    assert verdict.status == FAILED
    assert "audit=0" in verdict.reason


@pytest.mark.parametrize(("path", "words"), [("/.dockerenv", "container"), ("/etc/other", "without GRUB")])
def test_where_there_is_no_boot_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, words: str) -> None:
    install(monkeypatch)
    bench = Workbench(tmp_path)
    bench.write(path)
    verdict = bench.plan(Cmdline, [control(Cmdline, parameter="audit", value="1")]).verdicts["one"]
    assert verdict.status == NOT_APPLICABLE
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"parameter": "init", "value": "/bin/sh"}, "boots at all"),
        ({"parameter": "audit", "value": "1 init=/bin/sh"}, "cmdline.value"),
        ({"parameter": "audit", "value": "$(reboot)"}, "cmdline.value"),
        ({"parameter": 'x"', "value": "1"}, "cmdline.parameter"),
    ],
)
def test_bad_wishes(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(Cmdline, **wish))
