# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys as authorized_keys has them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.ssh_keys import rsa_bits, rsa_fingerprint


@pytest.mark.parametrize(
    "words", [[], ["ssh-ed25519", "AAAA"], ["ssh-rsa"], ["ssh-rsa", "!!"], ["ssh-rsa", "AAAAB3NzaC1yc2E="]]
)
def test_broken_keys_are_none(words: list[str]) -> None:
    """Nothing is claimed of them."""
    assert rsa_bits(words) == -1


@pytest.mark.parametrize("words", [[], ["ssh-ed25519", "AAAA"], ["ssh-rsa", "!!"]])
def test_what_is_no_key_has_no_fingerprint(words: list[str]) -> None:
    assert rsa_fingerprint(words) == ""


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_length_and_fingerprint_are_those_that_openssh_tells(tmp_path: Path) -> None:
    """Also behind options."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)], check=True)
    told = subprocess.run(["ssh-keygen", "-l", "-f", str(key)], check=True, capture_output=True, text=True)
    bits, fingerprint = told.stdout.split()[:2]
    words = ["no-pty", *key.with_suffix(".pub").read_text(encoding="ascii").split()]
    assert (str(rsa_bits(words)), rsa_fingerprint(words)) == (bits, fingerprint)
