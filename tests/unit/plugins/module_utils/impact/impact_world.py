# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as files below a directory: processes, sockets, accounts and what they hold, for the tests of impact."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.impact.registry import touched
from ansible_collections.evenkeel.ops.plugins.module_utils.impact.scene import Scene
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import CHANGE, Control, Verdict
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.spec import check

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
USERS = """\
root:x:0:0:root:/root:/bin/bash
sync:x:4:65534:sync:/bin:/bin/sync
www-data:x:33:33::/var/www:/usr/sbin/nologin
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
"""
SHADOW = """\
root:*:20000:0:99999:7:::
sync:*:20000:0:99999:7:::
www-data:*:20000:0:99999:7:::
alice:$y$j9T$x$y:20000:0:99999:7:::
bob:!:20000:0:99999:7:::
"""
GROUP = "root:x:0:\nadm:x:4:alice\nsudo:x:27:alice\nwww-data:x:33:\nalice:x:1000:\nbob:x:1001:\n"


class Words(Runner):
    """Answers by the first word of a command; others are not there."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = dict(answers)

    def run(self, argv: Sequence[str], **_more: Any) -> Result:
        """What was said beforehand."""
        said = self.answers.get(argv[0])
        if said is None:
            return Result(tuple(argv), 127, "", f"{argv[0]}: no such program")
        return Result(tuple(argv), 0, said, "")


class World:
    """Builds the files; `scene` looks at them."""

    def __init__(self, root: Path, answers: Mapping[str, str] | None = None, privileged: bool = True) -> None:
        self.root = root
        self.host = Host(str(root), runner=Words({"journalctl": "", "sshd": "port 22\n", **(answers or {})}))
        self.sockets: list[str] = []
        for path, text in (("/etc/passwd", USERS), ("/etc/shadow", SHADOW), ("/etc/group", GROUP)):
            self.write(path, text)
        self.write("/proc/mounts", "overlay / overlay rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n")
        self.write("/proc/net/tcp", HEAD)
        self.privileged = privileged

    @property
    def scene(self) -> Scene:
        """A fresh look."""
        return Scene(self.host, self.privileged)

    def write(self, path: str, text: str) -> Path:
        """A file of the host."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        return place

    def process(self, pid: int, name: str, **more: Any) -> None:
        """A process: uid, exe, title, unit, tracer, sockets (inodes), files."""
        uid = more.get("uid", 0)
        self.write(
            f"/proc/{pid}/status",
            f"Name:\t{name}\nTracerPid:\t{more.get('tracer', 0)}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n",
        )
        self.write(f"/proc/{pid}/comm", f"{name}\n")
        self.write(f"/proc/{pid}/cmdline", str(more.get("title", name)).replace(" ", "\0"))
        self.write(f"/proc/{pid}/cgroup", f"0::/system.slice/{more.get('unit', 'x.scope')}\n")
        self.write(f"/proc/{pid}/maps", "".join(f"0-1 r-xp 0 0:0 1 {file}\n" for file in more.get("maps", [])))
        links = [f"socket:[{inode}]" for inode in more.get("sockets", [])] + list(more.get("files", []))
        directory = self.root / f"proc/{pid}/fd"
        directory.mkdir(parents=True, exist_ok=True)
        for number, target in enumerate(links):
            (directory / str(number)).symlink_to(target)
        if more.get("exe"):
            (self.root / f"proc/{pid}/exe").symlink_to(more["exe"])

    def socket(self, port: int, inode: int, peer: str = "", address: str = "192.0.2.1") -> None:
        """A socket that listens, or one with a peer."""
        state, remote = ("01", f"{packed(peer)}:C000") if peer else ("0A", "00000000:0000")
        local = f"{packed(address)}:{port:04X}"
        line = f"   0: {local} {remote} {state} 0:0 00:0 0 0 0 {inode} 1 0\n"
        place = self.root / "proc/net/tcp"
        place.write_text(place.read_text(encoding="utf-8") + line, encoding="utf-8")

    def touched(self, control: Control, before: Any = None, after: Any = None) -> list[tuple[str, str, str]]:
        """What it touches, as (what, name, effect)."""
        found = touched(control, Verdict(CHANGE, before, after), self.scene)
        return [(touch.what, touch.name, touch.effect) for touch in found]


def packed(address: str) -> str:
    """An IPv4 address as /proc/net has it on this machine."""
    number = struct.unpack("=I", bytes(map(int, address.split("."))))[0]
    return f"{number:08X}"


def control(kind: str, **state: Any) -> Control:
    """A control with its defaults."""
    full, faults = check(PROVIDERS[kind].spec, state, kind)
    assert not faults
    return Control("c", kind, full)


def sshd(keyword: str, value: Any) -> Control:
    """A keyword of sshd."""
    return control("setting", file="/etc/ssh/sshd_config.d/10-evenkeel.conf", format="sshd", key=keyword, value=value)


def rsa_key(bits: int) -> str:
    """A public key of that length, as in authorized_keys."""
    number = (1 << (bits - 1)).to_bytes(bits // 8 + 1, "big")
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-rsa", b"\x01\x00\x01", number))
    return f"ssh-rsa {base64.b64encode(blob).decode()} someone@somewhere\n"
