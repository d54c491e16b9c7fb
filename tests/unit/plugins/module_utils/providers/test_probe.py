# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes ask and never change."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import COMPLIANT, FAILED, UNKNOWN
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.probe import Probe
from support import Workbench, control, faults_of

LISTENERS = """  sl  local_address rem_address   st tx_queue rx_queue
   0: 00000000:0016 00000000:0000 0A
   1: 0100007F:0019 00000000:0000 0A
   2: 00000000:0050 00000000:0000 01
"""


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A host with a command, a file and two listeners."""
    bench = Workbench(tmp_path, {("true",): "permitrootlogin no\nport 22\n", ("false",): (1, "", "no")})
    bench.write("/etc/app", "a=1\nb=2\n")
    bench.write("/proc/net/tcp", LISTENERS)
    return bench


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"command": ["true"]}, COMPLIANT),
        ({"command": ["true"], "matches": "^permitrootlogin no$"}, COMPLIANT),
        ({"command": ["true"], "matches": "^permitrootlogin yes$"}, FAILED),
        ({"command": ["true"], "not_matches": "^port 22$"}, FAILED),
        ({"command": ["false"]}, FAILED),
        ({"command": ["false"], "rc": 1}, COMPLIANT),
        ({"command": ["no-such-program-here"]}, UNKNOWN),
        ({"file": "/etc/app", "matches": "^b=2$"}, COMPLIANT),
        ({"file": "/etc/app", "not_matches": "^b="}, FAILED),
        ({"file": "/etc/none", "not_matches": "x"}, COMPLIANT),
        ({"listening": {"port": 22}}, COMPLIANT),
        ({"listening": {"port": 25, "state": "local"}}, COMPLIANT),
        ({"listening": {"port": 22, "state": "local"}}, FAILED),
        ({"listening": {"port": 80, "state": "closed"}}, COMPLIANT),
        ({"listening": {"port": 22, "state": "closed"}}, FAILED),
    ],
)
def test_questions(bench: Workbench, state: dict[str, object], status: str) -> None:
    """Holds, does not hold, cannot be asked; there are never steps."""
    before = bench.tree()
    plan = bench.plan(Probe, [control(Probe, **state)])
    assert plan.verdicts["one"].status == status, plan.verdicts["one"]
    assert plan.steps == [] and bench.tree() == before


def test_membership(bench: Workbench) -> None:
    """The primary group counts."""
    user = pwd.getpwuid(os.getuid())
    asked = {"user": user.pw_name, "group": grp.getgrgid(user.pw_gid).gr_name}
    assert bench.plan(Probe, [control(Probe, member=asked)]).verdicts["one"].status == COMPLIANT
    assert bench.plan(Probe, [control(Probe, member={**asked, "state": "absent"})]).verdicts["one"].status == FAILED


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "asks nothing"),
        ({"command": ["true"], "file": "/x", "matches": "x"}, "asks command, file"),
        ({"file": "/x"}, "needs matches"),
        ({"command": ["true"], "matches": "("}, "regular expression"),
        ({"listening": {"port": 70000}}, "from 1 to 65535"),
    ],
)
def test_bad_input(state: dict[str, object], words: str) -> None:
    """One sentence each."""
    assert any(words in fault for fault in faults_of(Probe, **state)), faults_of(Probe, **state)
