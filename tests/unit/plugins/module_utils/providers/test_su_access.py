# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has become root by su is let through again, or told before anything changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import CHANGE, FAILED
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.setting import Setting
from support import Workbench, control

WHEEL = {"format": "pam", "file": "/etc/pam.d/su", "key": "auth pam_wheel.so"}
SHELL, SU, PYTHON = 300, 301, 302


def session(bench: Workbench, caller: int = 1000, command: str = "su") -> None:
    """A process of root, below su, below the shell of somebody."""
    own = os.getpid()
    for pid, parent, name, uid in (
        (own, PYTHON, "python3", 0),
        (PYTHON, SU, "sh", 0),
        (SU, SHELL, command, 0),
        (SHELL, 1, "bash", caller),
    ):
        bench.write(f"/proc/{pid}/stat", f"{pid} ({name}) S {parent} 0\n")
        bench.write(f"/proc/{pid}/comm", f"{name}\n")
        bench.write(f"/proc/{pid}/status", f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """alice, in no special group, on a host without a group wheel."""
    answers = {
        ("id", "-nu", "1000"): "alice\n",
        ("id", "-nG", "1000"): "alice staff\n",
        ("getent", "group", "wheel"): (2, "", ""),
        ("getent", "group", "0"): "root:x:0:\n",
    }
    bench = Workbench(tmp_path, answers)
    bench.write("/etc/pam.d/su", "auth       sufficient pam_rootok.so\nsession required pam_env.so\n")
    return bench


@pytest.mark.parametrize(
    ("value", "group"), [("required use_uid", "root"), ("required use_uid group=admins", "admins")]
)
def test_an_operator_who_is_no_member_is_told(bench: Workbench, value: str, group: str) -> None:
    """With the group, and what to do."""
    session(bench)
    verdict = bench.plan(Setting, [control(Setting, **WHEEL, value=value)]).verdicts["one"]
    assert verdict.status == FAILED and verdict.shuts_out
    assert verdict.reason == (
        f"it would shut out the account alice, who became root by su and is not in the group {group}:"
        " put it in there, or become root by sudo"
    )


def test_the_group_wheel_counts_where_it_is(bench: Workbench) -> None:
    """As pam_wheel has it."""
    session(bench)
    bench.runner.answers[("getent", "group", "wheel")] = "wheel:x:10:bob\n"
    assert "group wheel:" in bench.plan(Setting, [control(Setting, **WHEEL, value="required")]).verdicts["one"].reason
    bench.runner.answers[("id", "-nG", "1000")] = "alice wheel\n"
    assert bench.plan(Setting, [control(Setting, **WHEEL, value="required")]).verdicts["one"].status == CHANGE


@pytest.mark.parametrize(
    ("caller", "command", "value"),
    [
        (0, "su", "required"),
        (1000, "sudo", "required"),
        (1000, "su", "required group=staff"),
        (1000, "su", "required deny"),
    ],
)
def test_others_are_not_concerned(bench: Workbench, caller: int, command: str, value: str) -> None:
    """Root who called su, who came by sudo, who is a member, and a rule that keeps members out."""
    session(bench, caller, command)
    assert bench.plan(Setting, [control(Setting, **WHEEL, value=value)]).verdicts["one"].status == CHANGE
