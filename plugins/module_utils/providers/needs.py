# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a control presupposes (`needs`): a package and its version, a path, a command, a kernel of the host's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..host import Host
from ..packages.detect import NoPackageManager, package_manager
from .base import Control, Planned
from .spec import Options

SPEC: Options = {
    "package": {
        "type": "str",
        "description": "A package that is installed, or that another control of the call installs.",
    },
    "version": {
        "type": "str",
        "description": "The versions of that package which the control is for: >= or <, and a version as its authors "
        "number it, without the distribution's epoch and revision.",
        "example": ">=9.9",
    },
    "path": {"type": "path", "description": "A file or directory that is there."},
    "command": {"type": "str", "description": "A program that is found on root's PATH."},
    "kernel": {
        "type": "bool",
        "default": False,
        "description": "A kernel of the host's own: the control does not apply in a container.",
    },
}

BOUND = re.compile(r"(>=|<)\s*(\d+(?:\.\d+)*)")


def upstream(version: str) -> tuple[int, ...]:
    """The numbers of a version as its authors give it: 1:9.2p1-2+deb12u10 is 9.2."""
    number = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, number.group(1).split("."))) if number else ()


def is_within(version: str, bound: str) -> bool:
    """Whether a package's version keeps to a bound."""
    sign, wanted = re.fullmatch(BOUND, bound).groups()  # type: ignore[union-attr] # checked by problems()
    return (upstream(version) >= upstream(wanted)) == (sign == ">=")


def problems(needs: Mapping[str, Any]) -> list[str]:
    """What is wrong with a control's needs beyond their types."""
    version = needs.get("version")
    if version is None:
        return []
    if not needs.get("package"):
        return [f"needs.version is {version!r}, but needs.package does not say of what"]
    if not re.fullmatch(BOUND, version):
        return [f"needs.version is {version!r}: allowed is >= or < and numbers, as in >=9.9"]
    return []


def exclude_each_other(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no host can meet both: one is for versions from a number on, the other for those below it."""
    if not one.get("version") or not other.get("version") or one.get("package") != other.get("package"):
        return False
    bounds = {re.sub(r"\s", "", needs["version"]) for needs in (one, other)}
    return len(bounds) == 2 and len({bound.lstrip("<>=") for bound in bounds}) == 1


class Needs:
    """Answers for all controls of a call; packages are asked for once."""

    def __init__(self, host: Host, planned: Planned, controls: Iterable[Control]) -> None:
        self.host = host
        self.planned = planned
        names = sorted({c.needs["package"] for c in controls if c.needs.get("package")})
        self.installed = self._installed(names)

    def _installed(self, names: Sequence[str]) -> dict[str, str] | None:
        """Versions of these packages, as installed; None where this host has no package manager that we know."""
        if not names:
            return {}
        try:
            return package_manager(self.host).installed(names)
        except NoPackageManager:
            return None

    def missing(self, control: Control) -> str:
        """Why the control does not apply to this host; empty where it does."""
        package, path, command = (control.needs.get(name) for name in ("package", "path", "command"))
        if package and package in self.planned.absent_packages:
            return f"package {package} is going to be removed"
        if package and self.installed is not None and package not in self.installed and not self.is_planned(control):
            return f"package {package} is not installed"
        if control.needs.get("version"):
            version = (self.installed or {}).get(package or "", "")
            if not version:
                return f"the version of package {package} is not known yet"
            if not is_within(version, control.needs["version"]):
                return f"it is for version {control.needs['version']} of package {package}, not for {version}"
        if path and not os.path.lexists(self.host.path(path)) and not self.is_planned(control):
            return f"there is no {path}"
        if command and not self.host.has(command) and not self.is_planned(control):
            return f"there is no program {command}"
        if control.needs.get("kernel") and self.host.is_container:
            return "this kernel belongs to the machine around the container"
        return ""

    def is_planned(self, control: Control) -> bool:
        """Whether the control rests on a package that is only going to be installed."""
        return control.needs.get("package") in self.planned.packages
