# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists of sshd, seen by who makes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.operator_session import Login
from ansible_collections.evenkeel.ops.plugins.module_utils.sshd_access import refusal

ALICE = Login("alice", frozenset({"alice", "staff"}), "192.0.2.7")
BY_PASSWORD = replace(ALICE, method="password")
BY_PAM = replace(ALICE, method="keyboard-interactive/pam")
BY_KEY = replace(ALICE, method="publickey", rsa_bits=2048)
ROOT = Login("root", frozenset({"root"}), "192.0.2.7")


@pytest.mark.parametrize(
    ("keyword", "values", "login"),
    [
        ("AllowUsers", ["alice"], ALICE),
        ("AllowUsers", ["bob", "al*@192.0.2.0/24"], ALICE),
        ("AllowUsers", ["bob alice@192.0.2.*"], ALICE),
        ("AllowGroups", ["wheel", "staff"], ALICE),
        ("DenyUsers", ["bob", "alice@198.51.100.0/24"], ALICE),
        ("DenyGroups", ["guests"], ALICE),
        ("DenyGroups", ["!staff", "*"], ALICE),
        ("PermitRootLogin", ["no"], ALICE),
        ("PermitRootLogin", ["prohibit-password"], ROOT),
        ("MaxAuthTries", ["1"], ALICE),
        ("PasswordAuthentication", ["no"], ALICE),
        ("PasswordAuthentication", ["no"], BY_KEY),
        ("PasswordAuthentication", ["yes"], BY_PASSWORD),
        ("KbdInteractiveAuthentication", ["no"], BY_PASSWORD),
        ("RequiredRSASize", ["3072"], ALICE),
        ("RequiredRSASize", ["2048"], BY_KEY),
    ],
)
def test_who_is_let_in(keyword: str, values: list[str], login: Login) -> None:
    assert refusal(keyword, values, login) == ""


@pytest.mark.parametrize(
    ("keyword", "values", "login", "words"),
    [
        ("AllowUsers", ["bob"], ALICE, "shut out the account alice, who runs this from 192.0.2.7"),
        ("AllowUsers", ["alice@198.51.100.0/24"], ALICE, "from 192.0.2.7"),
        ("allowusers", ["!alice", "*"], ALICE, "alice"),
        ("AllowGroups", ["wheel"], ALICE, "who runs this and is in alice, staff"),
        ("DenyUsers", ["a?ice"], ALICE, "alice"),
        ("DenyGroups", ["staff"], ALICE, "staff"),
        ("PermitRootLogin", ["no"], ROOT, "shut out root, who runs this"),
        ("PasswordAuthentication", ["no"], BY_PASSWORD, "the account alice, who runs this and came in by password"),
        ("KbdInteractiveAuthentication", ["no"], BY_PAM, "came in by keyboard-interactive/pam"),
        ("PubkeyAuthentication", ["no"], BY_KEY, "came in by publickey"),
        ("RequiredRSASize", ["3072"], BY_KEY, "came in with an RSA key of 2048 bits"),
    ],
)
def test_who_is_shut_out(keyword: str, values: list[str], login: Login, words: str) -> None:
    assert words in refusal(keyword, values, login)
