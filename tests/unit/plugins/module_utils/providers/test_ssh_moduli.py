# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of the SSH server that are large enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import FAILED
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.ssh_moduli import SshModuli
from support import Workbench, assert_round_trip, control, faults_of

SOURCE, PATH = "/etc/ssh/moduli", "/etc/ssh/moduli-evenkeel"
LINES = [f"20250101000000 2 6 100 {size} 5 ABC{size}\n" for size in (2047, 3071, 4095, 3071)]


def test_small_groups_are_left_out(tmp_path: Path) -> None:
    """The source stays as it is; a group of n bits says n - 1."""
    bench = Workbench(tmp_path)
    bench.write(SOURCE, "# Time Type Tests Tries Size Generator Modulus\nbroken\n" + "".join(LINES))
    assert_round_trip(bench, SshModuli, [control(SshModuli, path=PATH)])
    bench.run(SshModuli, [control(SshModuli, path=PATH)])
    assert bench.read(PATH) == "".join(LINES[1:]).encode()


@pytest.mark.parametrize(
    ("text", "says"), [(LINES[0], "/etc/ssh/moduli has no group of 3072 bits"), (None, "there is no /etc/ssh/moduli")]
)
def test_nothing_is_written_without_a_group(tmp_path: Path, text: str | None, says: str) -> None:
    """sshd would fall back to groups of its own."""
    bench = Workbench(tmp_path)
    if text:
        bench.write(SOURCE, text)
    plan = bench.plan(SshModuli, [control(SshModuli, path=PATH)])
    assert plan.steps == []
    assert plan.verdicts["one"].status == FAILED
    assert says in plan.verdicts["one"].reason


def test_refused() -> None:
    """The distribution's file belongs to its package."""
    assert "name another path" in " ".join(faults_of(SshModuli, path=SOURCE))
    assert "2048" in " ".join(faults_of(SshModuli, path=PATH, least_bits=1024))
