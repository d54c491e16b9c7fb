# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hardening would touch of a host: who is cut off, what stops, what cannot start again, and what was not seen."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import controls_call
from ansible_collections.evenkeel.ops.plugins.module_utils.impact.network import firewall
from ansible_collections.evenkeel.ops.plugins.module_utils.impact.people import LASTLOG, sudo_subjects
from ansible_collections.evenkeel.ops.plugins.module_utils.impact.registry import TELL
from ansible_collections.evenkeel.ops.plugins.module_utils.impact.touch import MOST, Touch, as_data
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.firewall import Firewall
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from impact_world import World, control, rsa_key, sshd

LOG = """\
Accepted publickey for alice from 192.0.2.7 port 40000 ssh2: RSA SHA256:abc
Accepted password for bob from 192.0.2.8 port 40001 ssh2
Accepted password for bob from 192.0.2.8 port 40002 ssh2
Accepted publickey for root from 192.0.2.9 port 40003 ssh2: ED25519 SHA256:def
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A host where alice is logged in over SSH, and nginx serves two peers."""
    made = World(tmp_path, {"journalctl": LOG, "id": "alice adm\n"})
    made.socket(22, 1)
    made.socket(80, 2)
    made.socket(5432, 3, address="127.0.0.1")
    made.socket(22, 11, peer="192.0.2.7")
    made.socket(80, 12, peer="198.51.100.3")
    made.socket(80, 13, peer="203.0.113.9")
    made.socket(80, 14, peer="127.0.0.1")
    made.process(100, "sshd", exe="/usr/sbin/sshd", sockets=[1], unit="ssh.service")
    made.process(101, "sshd", title="sshd: alice [priv]", sockets=[11], unit="session-1.scope")
    made.process(102, "sshd", title="sshd: alice@pts/0", uid=1000, sockets=[11], unit="session-1.scope")
    made.process(200, "nginx", uid=33, exe="/usr/sbin/nginx", sockets=[2, 12, 13, 14], unit="nginx.service")
    return made


# Who gets in ---------------------------------------------------------------------------------------------------------


def test_sessions(world: World) -> None:
    """Who is logged in, once, and from where; also as newer releases call it."""
    assert world.scene.sessions == [("alice", "192.0.2.7")]
    world.write("/proc/101/cmdline", "sshd-session: alice [priv]")
    assert world.scene.sessions == [("alice", "192.0.2.7")]


def test_root_login(world: World) -> None:
    """Whoever came in as root; with a key that stays possible where only passwords are shut out."""
    assert world.touched(sshd("PermitRootLogin", "no")) == [
        ("user", "root from 192.0.2.9", "came in by publickey once in 30 days: no more")
    ]
    assert world.touched(sshd("PermitRootLogin", "prohibit-password")) == []
    world.write("/proc/101/cmdline", "sshd: root [priv]")
    session = ("session", "root from 192.0.2.7", "stays; root does not get in again")
    assert session in world.touched(sshd("PermitRootLogin", "no"))
    assert world.touched(sshd("PermitRootLogin", "prohibit-password")) == []


def test_passwords(world: World) -> None:
    """Former logins with one, and accounts that have nothing else."""
    assert world.touched(sshd("PasswordAuthentication", "no")) == [
        ("user", "bob from 192.0.2.8", "came in by password 2 times in 30 days: no more"),
        ("user", "alice", "has a password and no key: gets in over SSH no more"),
    ]
    world.write("/home/alice/.ssh/authorized_keys", rsa_key(3072))
    assert [name for _what, name, _effect in world.touched(sshd("PasswordAuthentication", "no"))] == [
        "bob from 192.0.2.8"
    ]
    assert world.touched(sshd("PasswordAuthentication", "yes")) == []


def test_key_kinds(world: World) -> None:
    """Logins with keys of a kind that goes; a list that only adds or takes away is not judged."""
    touched = world.touched(sshd("PubkeyAcceptedAlgorithms", ["ssh-ed25519"]))
    assert [name for _what, name, _effect in touched] == ["alice from 192.0.2.7"]
    assert world.touched(sshd("PubkeyAcceptedAlgorithms", ["ssh-ed25519", "rsa-sha2-512"])) == []
    assert world.touched(sshd("PubkeyAcceptedAlgorithms", ["-ssh-rsa"])) == []


def test_short_keys(world: World) -> None:
    """Keys that are too short for the new limit."""
    world.write("/home/alice/.ssh/authorized_keys", "# old\n" + rsa_key(2048) + rsa_key(4096))
    assert world.touched(sshd("RequiredRSASize", 3072)) == [
        ("user", "alice (someone@somewhere)", "has an RSA key of 2048 bits: it lets in no more")
    ]


def test_algorithms_need_the_sessions(world: World) -> None:
    """Which ones are in use cannot be seen, and that is said."""
    scene = world.scene
    found = list(TELL["setting"](sshd("Ciphers", ["aes256-ctr"]), None, scene))  # type: ignore[arg-type]  # not asked
    assert [touch.name for touch in found] == ["alice from 192.0.2.7"]
    assert "algorithms that sessions have agreed on" in scene.unseen


def test_forwarded_ports(world: World) -> None:
    """A port that a session forwards; sshd's own is none."""
    world.socket(9000, 21)
    world.process(103, "sshd", title="sshd: alice@pts/1", uid=1000, sockets=[21])
    assert world.touched(sshd("DisableForwarding", "yes")) == [
        ("listener", "tcp 9000 (sshd)", "is forwarded: ends with its session, and none comes back")
    ]


def test_access_list(world: World) -> None:
    """Whoever came in and is on no list."""
    touched = world.touched(sshd("AllowGroups", ["adm"]))
    assert touched == []  # the command `id` says that everybody is in adm
    touched = world.touched(sshd("AllowUsers", ["alice"]))
    assert [name for _what, name, _effect in touched] == ["bob from 192.0.2.8", "root from 192.0.2.9"]


def test_client_settings_touch_no_session(world: World) -> None:
    """What ssh goes by, not sshd."""
    file = "/etc/ssh/ssh_config.d/10-evenkeel.conf"
    assert world.touched(control("setting", file=file, format="sshd", key="Ciphers", value="aes256-ctr")) == []


def test_sudo_rules(world: World) -> None:
    """Whoever a rule is about, with the members of groups; defaults and aliases are no rules."""
    world.write(
        "/etc/sudoers", "Defaults env_reset\nUser_Alias OPS = carol\nroot ALL=(ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n"
    )
    world.write("/etc/sudoers.d/10-robot", "# a robot\nbob, dave ALL=(ALL) NOPASSWD: ALL\n")
    world.write("/etc/sudoers.d/old.dpkg-bak", "mallory ALL=(ALL) ALL\n")
    assert sudo_subjects(world.scene) == ["%sudo (alice)", "bob", "dave", "root"]
    line = control("setting", file="/etc/sudoers.d/10-evenkeel", format="lines", value="Defaults use_pty")
    assert world.touched(line) == [
        ("user", "%sudo (alice), bob, dave, root", "may use sudo: from now on with `Defaults use_pty`")
    ]


def test_su_and_passwords(world: World) -> None:
    """Who uses su no more; whose password is asked for otherwise."""
    su = control("setting", file="/etc/pam.d/su", format="pam", key="auth pam_wheel.so", value="required use_uid")
    assert world.touched(su) == [("user", "alice, bob", "not in the group root: uses su no more")]
    profile = control("pam_profile", name="x", content="Name: x\n")
    assert [name for _what, name, _effect in world.touched(profile)] == ["alice"]


def test_accounts(world: World) -> None:
    """With the last login and what runs under them."""
    log = world.root / "var/log/lastlog"
    log.parent.mkdir(parents=True)
    with log.open("wb") as stream:
        stream.seek(1000 * LASTLOG.size)
        stream.write(LASTLOG.pack(86400 * 365, b"pts/0", b"192.0.2.7"))
    before = {"alice": {"locked": False, "shell": "/bin/bash"}, "bob": {"locked": False}}
    after = {"alice": {"locked": True, "shell": "/bin/bash"}, "bob": {"locked": True}, "gone": {"locked": True}}
    assert world.touched(control("account", system_accounts={"locked": True}), before, after) == [
        ("user", "alice", "locked True; last login 1971-01-01, 1 process"),
        ("user", "bob", "locked True; last login never, 0 processes"),
    ]


# Network -------------------------------------------------------------------------------------------------------------


def shut(world: World, **state: Any) -> list[tuple[str, str, str]]:
    """What a table with this policy touches."""
    wanted = control("firewall", policy={"input": "drop"}, **state)
    table = Firewall(world.host).wanted_table("evenkeel", [wanted])
    return [(touch.what, touch.name, touch.effect) for touch in firewall(table, world.scene)]


def test_firewall(world: World) -> None:
    """Listeners and peers that nobody lets in; what waits on loopback is none."""
    allowed = [{"ports": ["22"]}, {"ports": ["80"], "sources": ["198.51.100.0/24"]}]
    assert shut(world, allow=allowed) == [
        ("connection", "203.0.113.9 to tcp 80 (nginx)", "stays open; a new one is dropped")
    ]
    assert [touch[:2] for touch in shut(world, allow=[{"ports": ["22"]}])] == [
        ("listener", "tcp 80 (nginx)"),
        ("connection", "198.51.100.3 to tcp 80 (nginx)"),
        ("connection", "203.0.113.9 to tcp 80 (nginx)"),
    ]
    assert shut(world, allow=[{"ports": ["22"]}, {"ports": ["80"]}]) == []


def test_service_that_stops(world: World) -> None:
    """Its processes, its ports, its clients."""
    touched = world.touched(control("service", name="nginx", enabled=False, state="stopped"))
    assert touched == [
        ("process", "nginx (200, www-data)", "ends with nginx.service"),
        ("listener", "tcp 80 (nginx)", "goes"),
        ("connection", "198.51.100.3 to tcp 80 (nginx)", "is cut off"),
        ("connection", "203.0.113.9 to tcp 80 (nginx)", "is cut off"),
    ]
    assert world.touched(control("service", name="chrony", state="started")) == [("unit", "chrony.service", "starts")]
    assert world.touched(control("service", name="nginx", enabled=False)) == []


def test_drop_in_of_a_unit(world: World) -> None:
    """What runs in it."""
    file = "/etc/systemd/system/nginx.service.d/10-evenkeel.conf"
    touched = world.touched(control("setting", file=file, format="ini", section="Service", key="A", value="b"))
    assert [name for _what, name, _effect in touched] == ["nginx (200, www-data)"]
    assert (
        world.touched(control("setting", file="/etc/login.defs", format="login_defs", key="UMASK", value="027")) == []
    )


def test_kernel_parameters(world: World) -> None:
    """Bridges that are forwarded for, and processes that are traced."""
    (world.root / "sys/class/net/docker0/bridge").mkdir(parents=True)
    (world.root / "sys/class/net/eth0").mkdir()
    assert [name for _w, name, _e in world.touched(control("sysctl", key="net.ipv4.ip_forward", value=0))] == [
        "docker0"
    ]
    assert world.touched(control("sysctl", key="net.ipv4.ip_forward", value=1)) == []
    world.process(300, "app", uid=1000, tracer=301)
    touched = world.touched(control("sysctl", key="kernel.yama.ptrace_scope", value=1))
    assert touched == [("process", "app (300, alice)", "is traced by 301; only a parent may trace")]


# Below ---------------------------------------------------------------------------------------------------------------


def test_mount_without_programs(world: World) -> None:
    """What runs from it, or has its libraries there; a mount below it is another one."""
    world.process(400, "tool", uid=1000, exe="/tmp/tool")
    world.process(401, "java", uid=1000, exe="/usr/bin/java", maps=["/tmp/lib.so", "/usr/lib/x.so"])
    world.process(402, "other", exe="/dev/shm/other")
    touched = world.touched(control("mount", path="/tmp", options=["nodev", "noexec"]))
    assert touched == [
        ("process", "tool (400, alice)", "runs /tmp/tool: goes on, but does not start again"),
        ("process", "java (401, alice)", "runs /tmp/lib.so: goes on, but does not start again"),
    ]
    assert world.touched(control("mount", path="/tmp", options=["nodev"])) == []


def test_mount_without_suid(world: World) -> None:
    """Programs that have the bit."""
    world.write("/tmp/su", "").chmod(0o4755)
    world.write("/tmp/plain", "").chmod(0o755)
    world.process(400, "su", exe="/tmp/su")
    world.process(401, "plain", exe="/tmp/plain")
    touched = world.touched(control("mount", path="/tmp", options=["nosuid"]))
    assert [name for _what, name, _effect in touched] == ["su (400, root)"]


def test_kernel_module(world: World) -> None:
    """Loaded, used, mounted."""
    world.write("/proc/modules", "squashfs 81920 2 overlay, Live 0x0\nusb_storage 81920 0 - Live 0x0\n")
    world.write("/proc/mounts", "overlay / overlay rw 0 0\n/dev/loop0 /snap/a squashfs ro 0 0\n")
    assert [touch[:2] for touch in world.touched(control("kernel_module", name="squashfs"))] == [
        ("module", "squashfs"),
        ("mount", "/snap/a (squashfs)"),
    ]
    assert [name for _w, name, _e in world.touched(control("kernel_module", name="usb-storage"))] == ["usb-storage"]
    assert world.touched(control("kernel_module", name="dccp")) == []
    assert world.touched(control("kernel_module", name="squashfs", state="loaded")) == []


def test_package_that_goes(world: World) -> None:
    """What runs a program of it."""
    made = World(world.root / "other", {"dpkg-query": "/.\n/usr/bin/telnet\n"})
    made.process(500, "telnet", uid=1000, exe="/usr/bin/telnet")
    touched = made.touched(control("package", name="telnet", state="absent"))
    assert touched == [("process", "telnet (500, alice)", "runs /usr/bin/telnet, which goes with the package telnet")]
    assert made.touched(control("package", name="telnet")) == []


def test_file_modes(world: World) -> None:
    """People and open files by the class that decides; root loses nothing."""
    world.process(600, "reader", uid=33, files=["/etc/x"])
    world.process(601, "mine", uid=1000, files=["/etc/x"])
    before = {"mode": "0644", "owner": "root", "group": "adm"}
    after = {"mode": "0640", "owner": "root", "group": "adm"}
    assert world.touched(control("file", path="/etc/x", mode_max="0640"), before, after) == [
        ("user", "bob", "can read /etc/x no more"),
        ("process", "reader (600, www-data)", "has /etc/x open: keeps it, but can read it no more"),
    ]


def test_file_that_goes(world: World) -> None:
    """Also what is below it."""
    world.process(600, "reader", uid=33, files=["/srv/x/y"])
    touched = world.touched(control("file", path="/srv/x", state="absent"), "directory", "absent")
    assert touched == [("process", "reader (600, www-data)", "has /srv/x open, which goes")]


def test_cron_allow(world: World) -> None:
    """Whose jobs it leaves without an owner who may change them."""
    world.write("/var/spool/cron/crontabs/bob", "@daily true\n")
    touched = world.touched(control("file", path="/etc/cron.allow", state="file"), "absent", {"mode": "0640"})
    assert touched == [
        ("user", "bob", "has jobs: they go on, but cannot be changed unless /etc/cron.allow names the user")
    ]


# The whole -----------------------------------------------------------------------------------------------------------


def test_kinds_are_known() -> None:
    """Each names a provider."""
    assert set(TELL) <= set(PROVIDERS)


def test_without_root_the_gaps_are_named(tmp_path: Path) -> None:
    """Nobody takes an empty list for a safe one."""
    scene = World(tmp_path, privileged=False).scene
    assert (scene.processes, scene.sessions, scene.logins, sudo_subjects(scene)) == ([], [], [], [])
    assert {"files and sockets of other users' processes", "rules of sudo", "logins of the last 30 days"} <= set(
        scene.unseen
    )


def test_many_are_counted() -> None:
    """Without doubles; and a name cannot break the line."""
    data = as_data([Touch("user", f"u{n}", "x") for n in range(MOST + 5)] + [Touch("user", "u1", "x")])
    assert len(data) == MOST + 1
    assert data[-1] == {"what": "more", "name": "5", "effect": "of the same"}
    assert as_data([Touch("process", "a\n\x1b[31mb", "x")])[0]["name"] == "a??[31mb"


def test_a_look_changes_nothing(world: World) -> None:
    """Not a file, not a time."""
    before = {path: os.lstat(path).st_ctime_ns for path in world.root.rglob("*")}
    time.sleep(0.01)
    for each in (sshd("PasswordAuthentication", "no"), control("mount", path="/tmp", options=["noexec"])):
        world.touched(each)
    shut(world, allow=[{"ports": ["22"]}])
    assert {path: os.lstat(path).st_ctime_ns for path in world.root.rglob("*")} == before


def call(root: Path, check_mode: bool, **more: Any) -> controls_call.Answer:
    """The module, over a file of its own."""
    wanted = {"id": "mode", "file": {"path": str(root / "f"), "mode": "0600"}}
    params = {
        "controls": [wanted],
        "state_dir": str(root / "state"),
        "scope": "test",
        "run": None,
        "impact": True,
        **more,
    }
    return controls_call.serve(params, check_mode)


def test_module_tells_in_check_mode(tmp_path: Path) -> None:
    """Of controls that would change; of others not."""
    (tmp_path / "f").write_text("", encoding="utf-8")
    (tmp_path / "f").chmod(0o644)
    answer = call(tmp_path, check_mode=True)
    assert answer.values["results"][0]["status"] == "would_change"
    assert isinstance(answer.values["results"][0]["touches"], list)
    assert isinstance(answer.values["unseen"], list)
    (tmp_path / "f").chmod(0o600)
    assert "touches" not in call(tmp_path, check_mode=True).values["results"][0]


def test_module_refuses_outside_of_check_mode(tmp_path: Path) -> None:
    """What was changed already cannot be previewed."""
    assert "impact is true: allowed in check mode only" in call(tmp_path, check_mode=False).error
    assert call(tmp_path, check_mode=False, impact=False).values["results"][0]["status"] == "not_applicable"
