# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree may be: every refusal names the option, the value and what is allowed, before anything is touched."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from .host import Host
from .kinds.path import capture_meta

if TYPE_CHECKING:
    from .tree import Tree

# Not on a disk, or not anybody's configuration.
NEVER = ("/", "/dev", "/proc", "/sys")
NEVER_BELOW = ("/dev", "/proc", "/sys")


class BadTree(ValueError):
    """The tree is refused; one sentence per line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def parse_mode(option: str, mode: object) -> int | None:
    """An octal mode as a number; None where none is given. Symbolic modes depend on what is there and are refused."""
    if mode is None or mode == "":
        return None
    if isinstance(mode, int) and not isinstance(mode, bool) and 0 <= mode <= 0o7777:
        return mode
    if isinstance(mode, str) and re.fullmatch(r"(0o?)?[0-7]{1,4}", mode):
        return int(mode.replace("o", ""), 8)
    raise BadTree([f"{option} is {mode!r}; allowed is an octal mode as a string, like '0644'."])


class Ids:
    """Names of users and groups to numbers."""

    def __init__(self) -> None:
        self._missing: set[str] = set()

    @property
    def unknown(self) -> list[str]:
        """The names that this host does not know, like `owner 'haproxy'`."""
        return sorted(self._missing)

    def user(self, name: str | None) -> int | None:
        """The uid; None where no owner is given or nobody has that name."""
        return self._number("owner", name, lambda wanted: pwd.getpwnam(wanted).pw_uid)

    def group(self, name: str | None) -> int | None:
        """The gid; None where no group is given or none has that name."""
        return self._number("group", name, lambda wanted: grp.getgrnam(wanted).gr_gid)

    def _number(self, what: str, name: str | None, look_up: Callable[[str], int]) -> int | None:
        if name is None or name == "":
            return None
        if str(name).isdigit():
            return int(name)
        try:
            return look_up(str(name))
        except KeyError:
            self._missing.add(f"{what} {name!r}")
            return None


def problems(tree: Tree) -> list[str]:
    """What is wrong with the tree itself; the host is not looked at."""
    found = list(_roots(tree))
    paths = [file.path for file in tree.files]
    for option, path in [*(("files: path", path) for path in paths), *(("absent", path) for path in tree.absent)]:
        found += _place(option, path, tree.roots)
    found += [f"files: path {path!r} is given {paths.count(path)} times; allowed is once." for path in _repeated(paths)]
    both = sorted(set(paths) & set(tree.absent))
    found += [f"absent: {path!r} is also in files; allowed is one of the two." for path in both]
    names = set(paths)
    for path in sorted(names):
        above = next((parent for parent in _above(path) if parent in names), None)
        if above:
            found.append(f"files: path {path!r} is below {above!r}, which is a file too; allowed is one of the two.")
    return found


def _roots(tree: Tree) -> Iterator[str]:
    if not tree.roots:
        yield "roots is empty; allowed is a list with at least one absolute directory."
    for root in tree.roots:
        if not os.path.isabs(root) or os.path.normpath(root) != root:
            yield f"roots: {root!r} is no plain absolute path; allowed is one like '/etc/nginx', without '..' or '//'."
        elif root in NEVER or root.startswith(tuple(f"{place}/" for place in NEVER_BELOW)):
            yield f"roots: {root!r} is refused; allowed is a directory of configuration, like '/etc/nginx'."
        elif f"{tree.state_dir}/".startswith(f"{root}/") or f"{root}/".startswith(f"{tree.state_dir}/"):
            yield f"roots: {root!r} and state_dir {tree.state_dir!r} overlap; allowed are places apart from each other."
    for root in _repeated(list(tree.roots)):
        yield f"roots: {root!r} is given more than once; allowed is once."


def _place(option: str, path: str, roots: Sequence[str]) -> list[str]:
    if not os.path.isabs(path) or os.path.normpath(path) != path:
        return [f"{option} is {path!r}; allowed is an absolute path without '..', '//' or a '/' at its end."]
    if any(ord(character) < 32 for character in path):
        return [f"{option} is {path!r}; allowed is a path without control characters."]
    if not any(path.startswith(f"{root}/") for root in roots):
        return [f"{option} is {path!r}; allowed is a path below one of roots: {', '.join(roots) or 'none'}."]
    return []


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _above(path: str) -> Iterator[str]:
    while path not in ("", "/"):
        path = os.path.dirname(path)
        yield path


def host_problems(tree: Tree, host: Host) -> list[str]:
    """What stands in the way on this host: links and things of another type."""
    found: dict[str, None] = {}
    for root in tree.roots:
        for problem in _must_be_directory(host, root, f"roots: {root!r}"):
            found[problem] = None
    for path in [*(file.path for file in tree.files), *tree.absent]:
        inside = [parent for parent in _above(path) if any(parent.startswith(f"{root}/") for root in tree.roots)]
        for parent in inside:
            for problem in _must_be_directory(host, parent, f"{path}: its directory {parent!r}"):
                found[problem] = None
    for file in tree.files:
        kind = capture_meta(host.path(file.path), host.fs)["type"]
        if kind not in ("absent", "file"):
            found[f"files: path {file.path!r} is a {kind} on this host; allowed is a regular file, or nothing."] = None
    for path in tree.absent:
        kind = capture_meta(host.path(path), host.fs)["type"]
        if kind not in ("absent", "file", "symlink"):
            found[f"absent: {path!r} is a {kind} on this host; allowed is a file, a symbolic link, or nothing."] = None
    return list(found)


def _must_be_directory(host: Host, path: str, what: str) -> list[str]:
    kind = capture_meta(host.path(path), host.fs)["type"]
    if kind in ("absent", "directory"):
        return []
    return [f"{what} is a {kind} on this host; allowed is a directory that is no symbolic link."]
