# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys of the SSH server: made where missing, never replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import COMPLIANT, FAILED
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.ssh_host_key import SshHostKey
from fakes import install
from support import Workbench, assert_round_trip, control, faults_of

PATH = "/etc/ssh/ssh_host_rsa_4096_key"


class Keygen:
    """An ssh-keygen whose keys are their own description."""

    def __init__(self, root: Path) -> None:
        self.bench = Workbench(root, {("ssh-keygen",): self.run})
        self.bench.write("/etc/ssh/sshd_config", "")

    def run(self, argv: Sequence[str], _stdin: str | None) -> str:
        place = Path(argv[argv.index("-f") + 1])
        if "-l" in argv:
            return place.read_text()
        kind = argv[argv.index("-t") + 1]
        bits = argv[argv.index("-b") + 1] if "-b" in argv else "256"
        place.write_text(f"{bits} SHA256:abc no comment ({kind.upper()})\n")
        place.with_name(f"{place.name}.pub").write_text(f"ssh-{kind} AAAA\n")
        return ""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A host with ssh-keygen."""
    install(monkeypatch, "ssh-keygen")
    return Keygen(tmp_path).bench


@pytest.mark.parametrize("state", [{"type": "ed25519"}, {"type": "rsa", "bits": 4096}])
def test_a_missing_key_is_made_and_undone(bench: Workbench, state: dict[str, object]) -> None:
    """Both files come and go; what is in them is no one's to read in an output."""
    plan = assert_round_trip(bench, SshHostKey, [control(SshHostKey, path=PATH, **state)])
    assert [step.secret for step in plan.steps] == [True]


@pytest.mark.parametrize(
    ("there", "says"),
    [
        ("3072 SHA256:abc root@host (RSA)\n", "type rsa with 3072 bits, not rsa with 4096: it is kept"),
        ("256 SHA256:abc root@host (ED25519)\n", "type ed25519 with 256 bits, not rsa with 4096: it is kept"),
        ("not a key\n", "is no key that ssh-keygen reads"),
    ],
)
def test_a_key_that_does_not_fit_is_kept(bench: Workbench, there: str, says: str) -> None:
    """Clients know the host by it."""
    bench.write(PATH, there, 0o600)
    plan = bench.plan(SshHostKey, [control(SshHostKey, path=PATH, type="rsa", bits=4096)])
    assert plan.steps == []
    assert plan.verdicts["one"].status == FAILED
    assert says in plan.verdicts["one"].reason


def test_a_larger_key_is_good(bench: Workbench) -> None:
    """The size is the least that it may have."""
    bench.write(PATH, "8192 SHA256:abc root@host (RSA)\n", 0o600)
    plan = bench.plan(SshHostKey, [control(SshHostKey, path=PATH, type="rsa", bits=4096)])
    assert plan.verdicts["one"].status == COMPLIANT


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"type": "rsa"}, "ssh_host_key.bits is missing"),
        ({"type": "ed25519", "bits": 4096}, "allowed with type rsa only"),
        ({"type": "rsa", "bits": 1024}, "2048"),
        ({"type": "dsa"}, "ed25519, rsa"),
    ],
)
def test_refused(state: dict[str, object], says: str) -> None:
    """Sizes that do not go with the kind."""
    assert says in " ".join(faults_of(SshHostKey, path=PATH, **state))
