# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small host in a directory, transactions that change all of it, and its manifest."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Change, ChangeFailed, Reload, Step
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import SetState, parents, removal
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import FileLayer
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from ansible_collections.evenkeel.ops.plugins.module_utils.lock import HostLock
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Transaction

IS_ROOT = os.geteuid() == 0
OTHER_ID = 12345 if IS_ROOT else os.geteuid()
# user::rw- user:12345:rw- group::r-- mask::rw- other::---, as the kernel keeps it.
ACL_ENTRIES = ((1, 6, 0xFFFFFFFF), (2, 6, 12345), (4, 4, 0xFFFFFFFF), (16, 6, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in ACL_ENTRIES)

Manifest = dict[str, tuple[Any, ...]]


class SilentRunner(Runner):
    """Answers 0 to everything, or what a test says; remembers what it was asked."""

    def __init__(self, answers: Callable[[Sequence[str]], int] = lambda argv: 0) -> None:
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], stdin: Any = None, env: Any = None, timeout: float = 300.0) -> Result:
        """Answer."""
        self.asked.append(tuple(argv))
        code = self.answers(argv)
        return Result(tuple(argv), code, "", f"{argv[0]} says no" if code else "")


class Breaks(Change):
    """A change that fails when it is applied."""

    def __init__(self, path: str) -> None:
        self.path = path

    def touches(self) -> Sequence[tuple[str, str]]:
        """One file."""
        return [("path", self.path)]

    def intended(self, kind: str, target: str, blobs: Any) -> None:
        """Nobody knows."""
        return

    def apply(self, host: Host, blobs: Any) -> None:
        """Fail."""
        raise ChangeFailed("the last step breaks")


class World:
    """A temporary host with every sort of thing on it; its journal lies beside it."""

    def __init__(self, directory: Path, fs: FileLayer | None = None, runner: Runner | None = None) -> None:
        self.directory = directory
        self.root = directory / "root"
        self.state_dir = directory / "state"
        self.host = Host(str(self.root), fs or FileLayer(), runner or SilentRunner())

    def build(self) -> World:
        """Make the tree."""
        etc = self.root / "etc"
        for name in ("app/old/deep", "was_directory", "swap"):
            (etc / name).mkdir(parents=True)
        self._file("etc/app/main.conf", b"before \xff\x00 bytes\n" * 50, 0o640)
        self._file("etc/app/mode.conf", b"only the mode changes\n", 0o600)
        self._file("etc/app/gone.conf", b"will be removed\n", 0o4755)
        self._file("etc/app/old/deep/leaf", b"leaf\n", 0o444)
        self._file("etc/was_file", b"a file becomes a directory\n", 0o644)
        self._file("etc/was_directory/inside", b"a directory becomes a file\n", 0o644)
        self._file("etc/meta.conf", b"meta\n", 0o604)
        (etc / "link").symlink_to("app/main.conf")
        (etc / "swap").chmod(0o2750)
        os.setxattr(etc / "app/main.conf", "user.note", b"kept \x00 byte for byte")
        os.setxattr(etc / "app/gone.conf", "user.note", b"comes back")
        os.setxattr(etc / "app/old", "user.directory", b"on a directory")
        os.setxattr(etc / "app/mode.conf", "system.posix_acl_access", ACL)
        value = self.root / "proc/sys/net/ipv4"
        value.mkdir(parents=True)
        (value / "ip_forward").write_bytes(b"0\n")
        return self

    def _file(self, name: str, content: bytes, mode: int) -> None:
        path = self.root / name
        path.write_bytes(content)
        os.chown(path, OTHER_ID, -1)
        path.chmod(mode)

    def on(self, fs: FileLayer, runner: Runner | None = None) -> World:
        """The same host, as another process sees it."""
        return World(self.directory, fs, runner)

    def journal(self) -> Journal:
        """Its journal."""
        return Journal(str(self.state_dir), self.host)

    def transaction(self, run: str = "run-1", **options: Any) -> Transaction:
        """A module call."""
        lock = HostLock(str(self.state_dir), self.host.fs)
        scope = options.pop("scope", "role/area")
        return Transaction(self.journal(), lock, run, scope, "ops@controller", "test", self.host, **options)

    def steps(self, breaks: bool = False) -> list[Step]:
        """Changes of every sort, in four steps."""
        reload = Reload(("reload", "app"))
        first = Step(
            "application",
            [
                SetState.file("/etc/app/main.conf", b"after\n", 0o600, os.geteuid(), xattrs={"user.new": b"1"}),
                SetState.file("/etc/app/mode.conf", b"only the mode changes\n", 0o440),
                *parents(self.host, "/etc/app/new/deep/file.conf"),
                SetState.file("/etc/app/new/deep/file.conf", b"new\n", 0o644),
                SetState.absent("/etc/app/gone.conf"),
                *removal(self.host, "/etc/app/old"),
            ],
            reloads=[reload],
        )
        second = Step("links", [SetState.symlink("/etc/link", "/etc/app/mode.conf"), SetState.symlink("/etc/new", "x")])
        third = Step(
            "types",
            [
                SetState.directory("/etc/was_file", 0o711, replace=True),
                SetState.file("/etc/was_file/inner", b"inner\n"),
                *removal(self.host, "/etc/was_directory")[:-1],
                SetState.file("/etc/was_directory", b"a file now\n", 0o400, replace=True),
                SetState.directory("/etc/swap", 0o700),
            ],
            secret=True,
        )
        fourth = Step(
            "metadata",
            [
                SetState.meta("/etc/meta.conf", 0o4711, xattrs={"user.a": b"b"}),
                SetState.value("/proc/sys/net/ipv4/ip_forward", "1"),
            ],
            reloads=[reload],
        )
        last = [Step("breaks", [Breaks("/etc/never")])] if breaks else []
        return [first, second, third, fourth, *last]

    def manifest(self) -> Manifest:
        """All that undo promises to bring back, of every path."""
        found: Manifest = {}
        for path in sorted(self.root.rglob("*")):
            status = path.lstat()
            name = str(path.relative_to(self.root))
            if stat.S_ISLNK(status.st_mode):
                found[name] = ("symlink", str(path.readlink()), status.st_uid, status.st_gid)
                continue
            xattrs = {each: os.getxattr(path, each) for each in os.listxattr(path)}
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
            mode = (oct(status.st_mode), status.st_uid, status.st_gid)
            found[name] = ("other", *mode, content, tuple(sorted(xattrs.items())))
        return found
