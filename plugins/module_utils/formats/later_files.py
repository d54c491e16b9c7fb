# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file, read after a drop-in, has the last word on what the drop-in sets."""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from ..drop_in_order import in_order
from .assignments import ADDS_UP, Assignments, apt, limits, pwquality, sudo, systemd
from .base import Entry, Format
from .sshd_includes import Lister, Reader


class Family(ABC):
    """Drop-ins of one program, of which the last one that sets a key counts."""

    program: ClassVar[str]
    pattern: ClassVar[str]

    @abstractmethod
    def parse(self, text: str) -> Assignments:
        """Keys with their values, in the order of the text."""

    @abstractmethod
    def later(self, path: str, names: Lister) -> Iterator[str]:
        """The files that are read after `path`, in the program's order."""

    def part(self, path: str, later: str, text: str) -> str:
        """What of a later file is read after `path`."""
        return text

    def counts(self, key: str, value: str) -> bool:
        """Whether a later line takes back what an earlier one says."""
        return True

    def same(self, one: str, other: str) -> bool:
        """Whether two values mean the same."""
        return one == other


class OneDirectory(Family):
    """All drop-ins lie in one directory, and a main file may be read after them."""

    main: ClassVar[str] = ""
    name: ClassVar[str] = r".*\.conf"

    def later(self, path: str, names: Lister) -> Iterator[str]:
        """By name; then the main file."""
        home, own = posixpath.split(path)
        yield from (f"{home}/{each}" for each in sorted(names(home)) if each > own and re.fullmatch(self.name, each))
        if self.main:
            yield self.main


class Apt(OneDirectory):
    """apt.conf(5): the parts in the order of their names, then the main file."""

    program, pattern, main = "apt", r"/etc/apt/apt\.conf\.d/[^/]+", "/etc/apt/apt.conf"
    name = r"[A-Za-z0-9_-]+|[A-Za-z0-9_.-]+\.conf"

    def parse(self, text: str) -> Assignments:
        """Blocks and lines alike."""
        return apt(text)


class Sudo(OneDirectory):
    """sudoers(5): files without a dot, by name, where the main file includes them; what stands below comes after."""

    program, pattern, main = "sudo", r"/etc/sudoers\.d/[^/]+", "/etc/sudoers"
    name = r"[^.]*[^.~]"

    def parse(self, text: str) -> Assignments:
        """Defaults that are for everybody."""
        return sudo(text)

    def part(self, path: str, later: str, text: str) -> str:
        """Of the main file what stands below the line that includes the directory."""
        return re.split(r"(?m)^[#@]includedir\s.*$", text)[-1] if later == self.main else text


class Pwquality(OneDirectory):
    """pwquality.conf(5): the drop-ins in the order of their names come first."""

    program, pattern = "libpwquality", r"/etc/security/pwquality\.conf\.d/[^/]+\.conf"
    main = "/etc/security/pwquality.conf"

    def parse(self, text: str) -> Assignments:
        """Keys with a value; a flag cannot be taken back."""
        return pwquality(text)


class Limits(OneDirectory):
    """pam_limits(8): limits.conf, then limits.d by name."""

    program, pattern = "pam_limits", r"/etc/security/limits\.d/[^/]+\.conf"

    def parse(self, text: str) -> Assignments:
        """By domain, type and item."""
        return limits(text)


class Systemd(Family):
    """systemd.unit(5), systemd-system.conf(5): by name over all directories, of which the first hides the others."""

    program, pattern = "systemd", r"/etc/systemd/(?:system/)?[^/]+\.d/[^/]+\.conf"
    roots = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")

    def parse(self, text: str) -> Assignments:
        """By section and key."""
        return systemd(text)

    def later(self, path: str, names: Lister) -> Iterator[str]:
        """Also those for all units of its type, and those that `systemctl set-property` makes."""
        home, own = posixpath.split(path)
        ordered = in_order(self._directories(home), names)
        yield from (each for each in ordered if posixpath.basename(each) > own)

    def counts(self, key: str, value: str) -> bool:
        """Of keys whose lines add up, only an empty line does."""
        return not value or not ADDS_UP.fullmatch(key.rpartition(" ")[2])

    def same(self, one: str, other: str) -> bool:
        """Yes, true, on and 1 are the same."""
        return _truth(one) == _truth(other)

    def _directories(self, home: str) -> Iterator[str]:
        thing = posixpath.basename(home)
        if "/system/" not in home:
            yield from (f"{root}/{thing}" for root in self.roots)
            return
        stem, _dot, type_ = thing[: -len(".d")].rpartition(".")
        dashes = [stem[: at + 1] for at in reversed(range(len(stem) - 1)) if stem[at] == "-"]
        things = [thing, *(f"{start}.{type_}.d" for start in dashes), f"{type_}.d"]
        roots = [f"{root}/system" for root in self.roots]
        roots[:0] = ["/etc/systemd/system.control", "/run/systemd/system.control"]
        yield from (f"{root}/{each}" for each in things for root in roots)


FAMILIES: tuple[Family, ...] = (Apt(), Sudo(), Pwquality(), Limits(), Systemd())
WORDS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def _truth(value: str) -> str | bool:
    return WORDS.get(value.strip().lower(), value.strip())


class LaterFiles:
    """What the files behind one drop-in say; nothing where the path belongs to no family."""

    def __init__(self, path: str, read: Reader, names: Lister) -> None:
        self._family = next((family for family in FAMILIES if re.fullmatch(family.pattern, path)), None)
        self._said: dict[str, tuple[str, str]] = {}
        if self._family:
            self._listen(self._family, path, read, names)

    def _listen(self, family: Family, path: str, read: Reader, names: Lister) -> None:
        for later in family.later(path, names):
            text = (read(later) or b"").decode("utf-8", "replace")
            said = family.parse(family.part(path, later, text))
            self._said.update((key, (later, value)) for key, value in said if family.counts(key, value))

    def problem(self, format_: Format, entry: Entry) -> str:
        """Who overrides an entry, in one sentence; empty where nobody does."""
        if not self._family or not self._said:
            return ""
        for key, value in self._family.parse("\n".join(format_.render([entry])) + "\n"):
            file, other = self._said.get(key, ("", value))
            if not self._family.same(value, other):
                shown = f"to {other}" if other else "back"
                return f"{file} sets {key} {shown} after it, and {self._family.program} takes the last: take that out"
        return ""
