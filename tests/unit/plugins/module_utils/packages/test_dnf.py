# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf says. The words come from its documentation: it is not yet proven on a host."""

from __future__ import annotations

from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.packages.dnf import Dnf, parse_transaction
from ansible_collections.evenkeel.ops.plugins.module_utils.packages.manager import Request

TABLE = """\
Dependencies resolved.
================================================================================
 Package          Architecture   Version              Repository           Size
================================================================================
Installing:
 jq               x86_64         1.6-17.el9           appstream           186 k
Installing dependencies:
 oniguruma        x86_64         6.9.6-1.el9.6        appstream           217 k
Removing:
 cronie           x86_64         1.5.7-11.el9         @baseos             262 k
Removing dependent packages:
 crontabs         noarch         1.11-27.el9          @baseos              14 k

Transaction Summary
================================================================================
Install  2 Packages
Remove   2 Packages
"""


def test_the_table_of_a_transaction() -> None:
    installed, removed = parse_transaction(TABLE)
    assert installed == {"jq": "1.6-17.el9", "oniguruma": "6.9.6-1.el9.6"}
    assert removed == {"cronie", "crontabs"}


def test_installing_comes_before_removing() -> None:
    commands = Dnf(Host()).commands(Request(("jq",), ("cronie",)))
    assert [command.argv[1] for command in commands] == ["install", "remove"]
