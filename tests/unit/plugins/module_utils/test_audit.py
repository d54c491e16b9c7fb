# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit rules: which are legal, and which are the same."""

from __future__ import annotations

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.audit import normal, rule_problem


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("-w /etc/shadow -p wa -k identity", "-w /etc/shadow -p aw -k identity"),
        ("-w /etc/shadow -p wa -k identity", "-a always,exit -F path=/etc/shadow -F perm=wa -F key=identity"),
        ("-w /etc/sudoers.d/ -p wa -k scope", "-a always,exit -S all -F dir=/etc/sudoers.d -F perm=wa -F key=scope"),
        ("-w /var/log/lastlog", "-w /var/log/lastlog -p rwxa"),
        (
            "-a always,exit -F arch=b64 -S adjtimex -S settimeofday -k time",
            "-a always,exit -F arch=b64 -S settimeofday,adjtimex -F key=time",
        ),
        (
            "-a exit,always -F arch=b64 -S chmod -F auid>=1000 -F auid!=4294967295 -k perm",
            "-a always,exit -F arch=b64 -S chmod -F auid>=1000 -F auid!=-1 -F key=perm",
        ),
        (
            "-a always,exit -F path=/usr/bin/sudo -F perm=x -F auid!=unset -k priv",
            "-a always,exit -S all -F path=/usr/bin/sudo -F perm=x -F auid!=-1 -F key=priv",
        ),
    ],
)
def test_two_ways_to_write_one_rule(written: str, listed: str) -> None:
    assert rule_problem(written) == ""
    assert normal(written) == normal(listed)


@pytest.mark.parametrize(
    "other",
    [
        "-w /etc/shadow -p r -k identity",
        "-w /etc/shadow- -p wa -k identity",
        "-w /etc/shadow -p wa -k other",
        "-a never,exit -F path=/etc/shadow -F perm=wa -F key=identity",
    ],
)
def test_rules_that_differ(other: str) -> None:
    assert normal(other) != normal("-w /etc/shadow -p wa -k identity")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("-D", "watches"),
        ("-e 2", "watches"),
        ("-b 8192", "watches"),
        ("", "one rule"),
        ("-w /etc/shadow -p wa\n-D", "one rule"),
        ("-w etc/shadow", "absolute"),
        ("-w /etc/shadow -p wz", "permissions"),
        ("-w /etc/shadow -S open", "does not belong"),
        ("-a always -S open", "list and an action"),
        ("-a always,exit -S", "needs a value"),
        ("-w /etc/shadow -k 'open", "one rule"),
    ],
)
def test_what_is_no_rule(rule: str, words: str) -> None:
    assert words in rule_problem(rule)
    assert repr(rule) in rule_problem(rule)
