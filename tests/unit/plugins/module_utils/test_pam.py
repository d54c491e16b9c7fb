# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PAM profiles are read as pam-auth-update reads them, and hand edits are seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import pam
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host

FAILLOCK = (
    "Name: Lock out after failures\nDefault: no\nPriority: 1024\n"
    "Auth-Type: Primary\nAuth:\n\t[default=die]\tpam_faillock.so authfail\n"
    "Auth-Initial:\n\trequired\tpam_faillock.so preauth\n"
    "Account-Type: Additional\nAccount:\n\trequired\tpam_faillock.so\n"
)
SAVED = "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\nModule: capability\noptional\t\tpam_cap.so\n"
COMMON = (
    f"# comment\n{pam.PRIMARY}\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\n{pam.FALLBACK}\n"
    f"auth\trequisite\tpam_deny.so\n{pam.ADDITIONAL}\nauth\toptional\t\tpam_cap.so \n{pam.END}\n"
)


def stacks(root: Path, common: str) -> Host:
    for stack in pam.STACKS:
        kind = stack.partition("-")[0]
        for path, text in ((f"var/lib/pam/{stack}", SAVED), (f"etc/pam.d/common-{stack}", common)):
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text.replace("auth\t", f"{kind}\t"))
    return Host(str(root))


def test_a_good_profile() -> None:
    assert pam.profile_problems(FAILLOCK) == []
    assert pam.modules_of(FAILLOCK) == {"pam_faillock.so"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Name: Lock out after failures\n", "", "Name is missing"),
        ("Default: no", "Default: perhaps", "Default must be"),
        ("Priority: 1024", "Priority: high", "Priority must be"),
        ("Auth-Type: Primary", "Auth-Type: First", "Auth-Type must be"),
        ("Account-Type: Additional\n", "", "Account-Type must be"),
        ("Auth-Initial:", "Auth-Intial:", "unknown field 'Auth-Intial'"),
        ("required\tpam_faillock.so preauth", "pam_faillock.so", "no line of control"),
    ],
)
def test_bad_profiles(old: str, new: str, words: str) -> None:
    assert words in " ".join(pam.profile_problems(FAILLOCK.replace(old, new)))


def test_stacks_as_the_tool_left_them(tmp_path: Path) -> None:
    host = stacks(tmp_path, COMMON)
    assert pam.edited_stacks(host) == []
    assert pam.enabled_profiles(host) == {"unix", "capability"}


def test_changed_arguments_are_no_hand_edit_because_the_tool_merges_them(tmp_path: Path) -> None:
    assert pam.edited_stacks(stacks(tmp_path, COMMON.replace("nullok", "nullok debug"))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (pam.FALLBACK, f"auth\toptional\tpam_warn.so\n{pam.FALLBACK}"),
        (pam.END, ""),
        ("auth\t[success=1 default=ignore]\tpam_unix.so", "auth\trequired\tpam_unix.so"),
        ("pam_cap.so", "pam_permit.so"),
    ],
)
def test_hand_edits(tmp_path: Path, old: str, new: str) -> None:
    assert pam.edited_stacks(stacks(tmp_path, COMMON.replace(old, new))) == list(pam.STACKS)


def test_lines_outside_of_the_blocks_are_free(tmp_path: Path) -> None:
    assert pam.edited_stacks(stacks(tmp_path, f"{COMMON}auth\toptional\tpam_warn.so\n")) == []
