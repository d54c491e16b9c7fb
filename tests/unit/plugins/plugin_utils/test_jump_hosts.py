# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is reached through whom, as the SSH arguments of an inventory say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.evenkeel.ops.plugins.plugin_utils.jump_hosts import hosts_behind, jumps

INVENTORY = {
    "bastion": {"ansible_host": "192.0.2.1"},
    "db1": {"ansible_ssh_common_args": "-o ProxyJump=ops@bastion"},
    "db2": {"ansible_ssh_extra_args": "-J 192.0.2.1:2222"},
    "web1": {"ansible_ssh_common_args": "-o IdentitiesOnly=yes"},
    "web2": {},
}


@pytest.mark.parametrize(
    ("arguments", "through"),
    [
        ("", set()),
        ("-o ControlMaster=no -o ProxyJump=none", set()),
        ("-o ProxyJump=bastion", {"bastion"}),
        ("-oproxyjump=ops@bastion:2222", {"bastion"}),
        ("-o 'ProxyJump bastion'", {"bastion"}),
        ("-o 'ProxyJump = bastion'", {"bastion"}),
        ("-J first,ssh://ops@second:2222", {"first", "second"}),
        ("-Jbastion -i key", {"bastion"}),
        ("-J ops@[2001:db8::1]:22", {"2001:db8::1"}),
        ("-J 2001:db8::1", {"2001:db8::1"}),
        ("-o ProxyJump='bastion", {"'bastion"}),
        ("-J", set()),
    ],
)
def test_jumps_in_every_spelling(arguments: str, through: set[str]) -> None:
    assert jumps(arguments) == through


def test_the_host_is_among_the_words_of_a_proxy_command() -> None:
    arguments = """-o ProxyCommand="ssh -i key -o BatchMode=yes -W %h:%p ops@bastion" -o ControlPath=none"""
    assert "bastion" in jumps(arguments)
    assert not {"%h", "%h:%p", "-W", "none"} & jumps(arguments)


@pytest.mark.parametrize("cached", [True, False])
def test_hosts_are_found_by_name_and_by_address(tmp_path: Path, cached: bool) -> None:
    cache = str(tmp_path) if cached else None
    for _call in range(2):
        assert hosts_behind(INVENTORY, {"bastion", "192.0.2.1"}, cache) == ["db1", "db2"]
        assert hosts_behind(INVENTORY, {"web1"}, cache) == []


def test_a_host_is_not_behind_itself() -> None:
    assert hosts_behind({"bastion": {"ansible_ssh_common_args": "-J bastion"}}, {"bastion"}) == []


class Counted(Mapping[str, Any]):
    """Host variables that count how often they are asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __getitem__(self, host: str) -> Any:
        self.asked += 1
        return INVENTORY[host]

    def __iter__(self) -> Iterator[str]:
        return iter(INVENTORY)

    def __len__(self) -> int:
        return len(INVENTORY)


def test_an_inventory_is_looked_through_once(tmp_path: Path) -> None:
    """Whatever the number of hosts that ask: all forks of a run share the answer."""
    hostvars = Counted()
    for host in INVENTORY:
        hosts_behind(hostvars, {host}, str(tmp_path))
    assert hostvars.asked == len(INVENTORY)


class Untemplated(Mapping[str, Any]):
    """Variables of a host that name others which are not there."""

    def __getitem__(self, name: str) -> Any:
        raise AnsibleUndefinedVariable("'bastion' is undefined")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_arguments_that_cannot_be_templated_are_nobodys_way() -> None:
    assert hosts_behind({**INVENTORY, "web2": Untemplated()}, {"bastion"}) == ["db1"]
