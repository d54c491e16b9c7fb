# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a host in a directory."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import preview

TABLES = "table ip nat\ntable inet evenkeel\n"
UNITS = "ssh.service loaded active running x\ncups.socket loaded active listening x\ndev-sda.device loaded active x\n"


class World:
    """Files below a directory, and programs that answer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[list[str]] = []
        self.nft = (0, TABLES, "")
        for name in ("proc/net", "var/lib/dpkg/info"):
            (root / name).mkdir(parents=True)
        self.write("var/lib/dpkg/status", "")

    def write(self, path: str, text: str) -> Path:
        """One file with the directories above it."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def command(self, argv: Sequence[str]) -> tuple[int, str, str]:
        """What a program would answer."""
        self.asked.append(list(argv))
        if argv[:2] == ["systemctl", "is-active"]:
            return 3, "\n".join("active" if name == "firewalld.service" else "inactive" for name in argv[3:]), ""
        return self.nft if argv[0] == "nft" else (0, UNITS, "")

    def look(self, *more: str, privileged: bool = True) -> preview.Look:
        """A new look."""
        return preview.Look(self.command, more, str(self.root), privileged=privileged)

    def files(self, *more: str) -> dict[str, preview.Finding]:
        """What is found, by path."""
        return {finding.path: finding for finding in self.look(*more).files()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_files_of_strangers_are_told_with_their_topic(world: World) -> None:
    world.write("etc/haproxy/errors/own.http", "x")
    world.write("etc/haproxy/haproxy.cfg", "# managed by puppet\n")
    world.write("etc/systemd/system/nginx.service.d/x.conf", "[Service]\nExecStart=\nExecStart=/bin/x\nUser=me\n")
    world.write("etc/sysctl.d/99-x.conf", "net.ipv4.ip_forward = 1\n")
    world.write(
        "etc/ssh/sshd_config.d/00-x.conf", "PermitRootLogin yes\nPermitRootLogin no\nMatch User x\nX11Forwarding no\n"
    )
    found = world.files()
    assert found["/etc/haproxy/errors/own.http"].topic == "haproxy"
    assert found["/etc/haproxy/haproxy.cfg"].manager == "puppet"
    assert found["/etc/systemd/system/nginx.service.d/x.conf"].claims == ["ExecStart", "User"]
    assert found["/etc/sysctl.d/99-x.conf"].keys == {"net/ipv4/ip_forward": "1"}
    assert found["/etc/ssh/sshd_config.d/00-x.conf"].keys == {"permitrootlogin": "yes"}
    assert {finding.origin for finding in found.values()} == {"foreign"}


def test_a_link_is_told_by_what_it_leads_to(world: World) -> None:
    world.write(
        "etc/nginx/sites-available/shop", "server { listen [::]:80 default_server;\n server_name a.net _ b.net; }\n"
    )
    (world.root / "etc/nginx/sites-enabled").mkdir()
    (world.root / "etc/nginx/sites-enabled/shop").symlink_to("../sites-available/shop")
    (world.root / "etc/nginx/sites-enabled/gone").symlink_to("../sites-available/gone")
    found = world.files()
    assert list(found) == ["/etc/nginx/sites-enabled/shop"]
    assert found["/etc/nginx/sites-enabled/shop"].claims == [
        "default_server 80",
        "server_name a.net",
        "server_name b.net",
    ]


def test_masks_and_aliases_are_no_units_of_somebody(world: World) -> None:
    world.write("etc/systemd/system/own.service", "[Service]\n")
    (world.root / "etc/systemd/system/cups.service").symlink_to("/dev/null")
    assert list(world.files()) == ["/etc/systemd/system/own.service"]


def test_own_files_are_known_by_name_and_by_the_journal(world: World) -> None:
    world.write("etc/sysctl.d/98-evenkeel-kernel.conf", "")
    world.write("etc/haproxy/haproxy.cfg", "")
    world.write("var/lib/evenkeel/tree-1.json", json.dumps({"files": ["/etc/haproxy/haproxy.cfg"]}))
    assert {finding.origin for finding in world.files().values()} == {"evenkeel"}


def test_edited_conffiles_of_any_topic_are_told_and_others_not(world: World) -> None:
    digest = "d41d8cd98f00b204e9800998ecf8427e"
    world.write("var/lib/dpkg/status", f"Conffiles:\n /etc/a {digest}\n /etc/b {digest}\n /etc/gone {digest}\n")
    world.write("etc/a", "")
    world.write("etc/b", "edited")
    found = world.files()
    assert [(finding.path, finding.origin) for finding in found.values()] == [("/etc/b", "modified")]


def test_more_places_are_looked_at_as_the_roles_say(world: World) -> None:
    world.write("etc/fstab", "")
    assert world.files("/etc/fstab", "/etc/none")["/etc/fstab"].topic == "other"


def test_firewalls_are_units_and_tables_but_not_ours(world: World) -> None:
    world.write("etc/ufw/ufw.conf", "ENABLED=yes\n")
    assert world.look().firewalls() == [
        "firewalld.service is active",
        "ufw is enabled in /etc/ufw/ufw.conf",
        "nftables has the table ip nat",
    ]


@pytest.mark.parametrize(("privileged", "reason"), [(False, "needs root"), (True, "broken")])
def test_rules_that_cannot_be_read_are_named(world: World, privileged: bool, reason: str) -> None:
    world.nft = (1, "", "broken")
    look = world.look(privileged=privileged)
    look.firewalls()
    assert look.unseen == [{"what": "rules of nftables", "reason": reason}]


def test_only_units_of_a_kind_that_serves_are_listed(world: World) -> None:
    assert world.look().active_units() == ["cups.socket", "ssh.service"]


def test_a_host_without_anything_says_what_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    look = preview.Look(lambda argv: (127, "", "no such program"), root=str(tmp_path), privileged=True)
    found = look.collect()
    assert (found["files"], found["managers"], found["firewalls"]) == ([], [], [])
    assert [each["what"] for each in found["unseen"]] == ["which package brought a file", "active units"]


def test_looking_leaves_no_trace(world: World) -> None:
    world.write("etc/haproxy/haproxy.cfg", "x")
    before = {path: os.lstat(path).st_ctime_ns for path in world.root.rglob("*")}
    world.look().collect()
    assert {path: os.lstat(path).st_ctime_ns for path in world.root.rglob("*")} == before
    assert all(argv[1] in ("is-active", "list-units", "list") for argv in world.asked)
