# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine may ask of a machine: run a command, touch a file, know what is there.

Everything that changes or reads a host goes through one `Host`, so that tests can put a temporary root, a recorded
command or an injected fault in its place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .fs import FileLayer

COMMAND_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    argv: tuple[str, ...]
    rc: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether the command returned 0."""
        return self.rc == 0

    @property
    def words(self) -> str:
        """The program's own words: standard error, or standard output where that is empty."""
        return (self.err.strip() or self.out.strip())[-2000:]


class CommandFailed(Exception):
    """A command that had to succeed did not."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{' '.join(result.argv)} returned {result.rc}: {result.words}")
        self.result = result


class Runner:
    """Runs argument vectors, never a shell, in a C locale and with a known PATH."""

    def run(
        self,
        argv: Sequence[str],
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300.0,
    ) -> Result:
        """Run `argv` and return what it answered; a program that is missing answers 127, one that hangs 124."""
        environment = {"PATH": COMMAND_PATH, "LC_ALL": "C.UTF-8", "HOME": "/root", **(env or {})}
        try:
            done = subprocess.run(  # pylint: disable=ansible-bad-function  # the revert zipapp has no AnsibleModule
                list(argv),
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                env=environment,
                timeout=timeout,
                check=False,
                encoding="utf-8",
                errors="replace",
            )
        except FileNotFoundError:
            return Result(tuple(argv), 127, "", f"{argv[0]}: no such program")
        except subprocess.TimeoutExpired:
            return Result(tuple(argv), 124, "", f"{argv[0]}: no answer within {timeout:g} s")
        return Result(tuple(argv), done.returncode, done.stdout, done.stderr)


@dataclass
class Host:
    """One machine, or a directory that stands for one (`root`)."""

    root: str = "/"
    fs: FileLayer = field(default_factory=FileLayer)
    runner: Runner = field(default_factory=Runner)

    def path(self, path: str) -> str:
        """The place of the host's absolute `path` on this machine."""
        return path if self.root == "/" else os.path.join(self.root, path.lstrip("/"))

    def run(
        self,
        argv: Sequence[str],
        stdin: str | None = None,
        timeout: float = 300.0,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command whose failure the caller looks at itself."""
        return self.runner.run(argv, stdin=stdin, env=env, timeout=timeout)

    def must(self, argv: Sequence[str], stdin: str | None = None, timeout: float = 300.0) -> Result:
        """Run a command that has to succeed."""
        result = self.run(argv, stdin=stdin, timeout=timeout)
        if not result.ok:
            raise CommandFailed(result)
        return result

    def glance(self, path: str) -> str:
        """A text that may be gone or hidden by now, as those of other processes; empty then."""
        try:
            return self.fs.read(self.path(path)).decode("utf-8", "replace")
        except OSError:
            return ""

    def has(self, program: str) -> bool:
        """Whether `program` can be found."""
        return shutil.which(program, path=COMMAND_PATH) is not None

    @property
    def is_container(self) -> bool:
        """Whether the kernel is shared with another machine, so that kernel state is not ours to set."""
        return os.path.exists(self.path("/.dockerenv")) or os.path.exists(self.path("/run/systemd/container"))

    @property
    def has_systemd(self) -> bool:
        """Whether systemd is the running init of this host."""
        return os.path.isdir(self.path("/run/systemd/system"))
