# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a program whether files are good while they lie in place for that program alone.

A child process takes a mount namespace of its own, copies each affected directory into a memory file system, puts the
new files there and mounts the copy over the directory. Absolute includes resolve to the new files, nobody else sees
them, and nothing is left when the child ends, however it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from .changes import Validator
from .host import Host, Result

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1
# Bigger files are mounted into the copy instead of being copied.
COPY_BYTES = 1 << 20


class NamespaceRefused(Exception):
    """This host gives no private mount namespace; validate in place instead, and put back what is refused."""


@dataclass(frozen=True)
class Staged:
    """A file as it would be; `content` only where `state` is of type file."""

    state: Mapping[str, Any]
    content: bytes | None = None


def validate(host: Host, files: Mapping[str, Staged], validators: Sequence[Validator]) -> list[str]:
    """The words of each validator that refuses `files` (absolute path on the host to what would stand there)."""
    if not validators:
        return []
    workshop = tempfile.mkdtemp(prefix=".evenkeel-stage-")
    try:
        answer = _in_child(lambda: _stage_and_ask(host, files, validators, workshop))
    finally:
        os.rmdir(workshop)
    if "refused" in answer:
        raise NamespaceRefused(answer["refused"])
    return list(answer["errors"])


def ask(host: Host, validators: Sequence[Validator]) -> list[str]:
    """Run validators over the files as they are; the words of those that refuse them."""
    results = [(validator, host.run(validator.argv, timeout=validator.timeout)) for validator in validators]
    return [_words(result) for _validator, result in results if not result.ok]


def _words(result: Result) -> str:
    """What a validator says on both its outputs: amtool tells the reason on one and that it failed on the other."""
    said = "\n".join(text.strip() for text in (result.out, result.err) if text.strip())[-2000:]
    return f"{' '.join(result.argv)} returned {result.rc}: {said or 'no words'}"


def _in_child(work: Any) -> dict[str, Any]:
    """Call `work` in a forked child; return what it returned, or {"refused": why} where it raised OSError."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _child(writer, work)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as stream:
            said = stream.read()
    finally:
        _pid, status = os.waitpid(child, 0)
    if not said:
        return {"refused": f"the validating process ended with status {status}"}
    answer: dict[str, Any] = json.loads(said)
    return answer


def _child(writer: int, work: Any) -> NoReturn:
    """Never comes back into the parent's code, whatever happens."""
    try:
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            answer = {"errors": work()}
        except OSError as error:
            answer = {"refused": str(error)}
        os.write(writer, json.dumps(answer).encode())
    finally:
        os._exit(0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(returned: int, what: str) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    arguments = [os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode()]
    _check(_libc().mount(*arguments), f"mount on {target}")


def _private_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc().unshare(CLONE_NEWNS if uid == 0 else CLONE_NEWNS | CLONE_NEWUSER), "unshare")
    if uid != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
                stream.write(text)
    _mount("none", "/", "", MS_REC | MS_PRIVATE)


def _stage_and_ask(
    host: Host, files: Mapping[str, Staged], validators: Sequence[Validator], workshop: str
) -> list[str]:
    _private_namespace()
    _mount("tmpfs", workshop, "tmpfs", 0, "mode=0700")
    by_directory: dict[str, dict[str, Staged]] = {}
    for path, staged in files.items():
        place = host.path(path)
        # A link above the file is followed, as the program will do.
        real = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
        by_directory.setdefault(_existing(os.path.dirname(real)), {})[real] = staged
    for number, directory in enumerate(sorted(by_directory)):
        if _is_gone(directory, by_directory[directory]):
            continue
        stage = os.path.join(workshop, str(number))
        _copy_directory(directory, stage)
        for path, staged in sorted(by_directory[directory].items()):
            _put(os.path.join(stage, os.path.relpath(path, directory)), staged)
        _mount(stage, directory, "", MS_BIND | MS_REC)
    return ask(host, validators)


def _is_gone(directory: str, files: Mapping[str, Staged]) -> bool:
    """Whether a directory above was covered already without this one, whose files all go with it."""
    return not os.path.isdir(directory) and all(staged.state["type"] == "absent" for staged in files.values())


def _existing(directory: str) -> str:
    """The nearest directory that is there already."""
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    if directory == "/":
        raise OSError("a directory right below / would be new, and / cannot be covered")
    return directory


def _copy_directory(source: str, target: str) -> None:
    """One level: files are copied, what is below and what is big is mounted from where it is."""
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            place = os.path.join(target, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            elif entry.is_dir():
                os.mkdir(place)
                _mount(entry.path, place, "", MS_BIND | MS_REC)
            elif entry.is_file() and entry.stat().st_size <= COPY_BYTES:
                shutil.copyfile(entry.path, place)
                _like(entry.path, place)
            else:
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
                _mount(entry.path, place, "", MS_BIND)
    _like(source, target)


def _like(source: str, target: str) -> None:
    """The owner and mode of `source`, which validators look at."""
    status = os.lstat(source)
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))


def _put(path: str, staged: Staged) -> None:
    """Bring one staged name to its state."""
    state = staged.state
    kind = state["type"]
    if os.path.lexists(path) and not (kind == "directory" and os.path.isdir(path)):
        _remove(path)
    if kind == "absent":
        return
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    if kind == "symlink":
        os.symlink(state["to"], path)
        return
    if kind == "directory":
        os.makedirs(path, exist_ok=True)
    else:
        with open(path, "wb") as stream:
            stream.write(staged.content or b"")
    os.chown(path, state.get("uid", -1), state.get("gid", -1))
    os.chmod(path, state.get("mode", 0o755 if kind == "directory" else 0o644))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        # What lies in it is mounted from the host; only the name goes.
        _check(_libc().umount2(os.fsencode(path), 2), f"umount {path}")
        os.rmdir(path)
    else:
        os.unlink(path)
