# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, mode and presence of files and trees."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers import file_modes
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.file import File
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.setting import Setting
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

MODES = st.one_of(
    st.integers(0, 0o777).map("{:04o}".format), st.sampled_from(["go-w", "u=rw,g=r,o=", "a+X", "o-rwx", "u+x,go=r"])
)


@settings(max_examples=20, deadline=None)
@given(
    names=st.dictionaries(st.sampled_from(["a", "b", "sub/c", "sub/deep/d"]), st.integers(0o400, 0o777), min_size=1),
    mode=MODES,
    limit=st.booleans(),
)
def test_tree_round_trip(
    tmp_path_factory: pytest.TempPathFactory, names: dict[str, int], mode: str, limit: bool
) -> None:
    """Any tree, any mode: predicted, settled at once, undone."""
    bench = Workbench(tmp_path_factory.mktemp("host"))
    for name, bits in names.items():
        bench.write(f"/srv/{name}", name, bits)
    wish = {"mode_max": mode} if limit and mode.isdigit() else {"mode": mode}
    assert_round_trip(bench, File, [control(File, path="/srv", recurse=True, **wish)])


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A tree with a link and an excluded part."""
    bench = Workbench(tmp_path)
    for name in ("a", "skip/b", "sub/c"):
        bench.write(f"/srv/{name}", name, 0o666)
    bench.write("/outside", "", 0o666)
    Path(bench.host.path("/srv/link")).symlink_to(bench.host.path("/outside"))
    return bench


def mode_of(bench: Workbench, path: str) -> int:
    """Permission bits."""
    return stat.S_IMODE(Path(bench.host.path(path)).stat().st_mode)


def test_links_and_exclusions_are_left_alone(bench: Workbench) -> None:
    """What a link leads to keeps its mode."""
    wish = control(File, path="/srv", recurse=True, exclude=["/srv/skip"], mode="go-w")
    plan, _outcome = bench.run(File, [wish])
    touched = {target for step in plan.steps for change in step.changes for _kind, target in change.touches()}
    assert touched == {"/srv/a", "/srv/sub/c"}
    assert [mode_of(bench, path) for path in ("/srv/a", "/srv/sub/c", "/srv/skip/b", "/outside")] == [
        *(0o644, 0o644, 0o666, 0o666),
    ]


def test_a_link_itself_is_refused(bench: Workbench) -> None:
    """It is named with what it leads to."""
    verdict = bench.plan(File, [control(File, path="/srv/link", mode="0600")]).verdicts["one"]
    assert verdict.status == FAILED and "symbolic link" in verdict.reason


def test_a_missing_path(bench: Workbench) -> None:
    """Not applicable, unless it shall be made or be absent."""
    plan = bench.plan(
        File,
        [
            control(File, "existing", path="/none", mode="0600"),
            control(File, "file", path="/none", state="file", mode="0600"),
            control(File, "directory", path="/new/dir", state="directory", mode="0750"),
            control(File, "absent", path="/none2", state="absent"),
        ],
    )
    assert {name: verdict.status for name, verdict in plan.verdicts.items()} == {
        "existing": NOT_APPLICABLE,
        "file": CHANGE,
        "directory": CHANGE,
        "absent": COMPLIANT,
    }


@pytest.mark.parametrize(
    "state",
    [
        {"path": "/new/dir", "state": "directory", "mode": "0750"},
        {"path": "/new/file", "state": "file", "mode": "0600"},
        {"path": "/srv", "state": "absent"},
        {"path": "/srv/a", "state": "absent"},
        {"path": "/srv/a", "mode_max": "0640"},
    ],
)
def test_round_trip(bench: Workbench, state: dict[str, str]) -> None:
    """Making, removing and restricting are undone."""
    assert_round_trip(bench, File, [control(File, **state)])


def test_at_most_keeps_what_is_stricter(bench: Workbench) -> None:
    """0600 stays 0600 under 0640."""
    bench.write("/strict", "", 0o600)
    assert bench.plan(File, [control(File, path="/strict", mode_max="0640")]).verdicts["one"].status == COMPLIANT


def test_a_file_that_another_control_creates_gets_its_mode(bench: Workbench) -> None:
    """In the same call, and nothing is left for a second one."""
    planned = bench.planned()
    made = control(Setting, "made", file="/etc/app", format="keyvalue", key="a", value="1")
    wish = control(File, "mode", path="/etc/app", mode="0600")
    steps = Setting(bench.host, planned).plan([made]).steps
    verdicts = File(bench.host, planned).plan([wish])
    assert verdicts.verdicts["mode"].status == CHANGE
    assert len(steps) == 1 and len(verdicts.steps) == 1


@pytest.mark.parametrize(
    ("mode", "current", "directory", "wanted"),
    [
        ("0640", 0o777, False, 0o640),
        ("go-w", 0o666, False, 0o644),
        ("u=rwX,g=rX,o=", 0o666, False, 0o640),
        ("u=rwX,g=rX,o=", 0o666, True, 0o750),
        ("a-s,o-t", 0o7755, True, 0o755),
        ("+x", 0o644, False, 0o755),
    ],
)
def test_modes(mode: str, current: int, directory: bool, wanted: int) -> None:
    """Octal and symbolic."""
    assert file_modes.apply(mode, current, directory) == wanted


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"path": "srv", "mode": "0600"}, "absolute path"),
        ({"path": "/srv", "mode": 416}, "quotes"),
        ({"path": "/srv", "mode": "rw-r"}, "octal digits"),
        ({"path": "/srv", "mode": "0600", "mode_max": "0640"}, "one of them"),
        ({"path": "/srv"}, "says nothing"),
        ({"path": "/etc", "state": "absent"}, "cannot be absent"),
        ({"path": "/srv", "state": "gone"}, "one of existing"),
    ],
)
def test_bad_input(state: dict[str, object], words: str) -> None:
    """One sentence with the option, its value and what is allowed."""
    assert any(words in fault for fault in faults_of(File, **state)), faults_of(File, **state)


@pytest.mark.parametrize("packages", [set(), {"debsums"}])
def test_a_package_may_bring_what_is_not_there(tmp_path: Path, packages: set[str]) -> None:
    """/etc/cron.weekly comes with the first package that has a weekly job: the prediction says that it cannot know."""
    wish = control(File, path="/etc/cron.weekly", mode_max="0700")
    verdict = Workbench(tmp_path).plan(File, [wish], packages=packages).verdicts["one"]
    assert verdict.status == NOT_APPLICABLE
    assert verdict.assumed is bool(packages)
