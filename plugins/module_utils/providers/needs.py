# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a control presupposes (`needs`): a package, a path, a command, a kernel of the host's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from ..host import Host
from ..packages.detect import NoPackageManager, package_manager
from .base import Control, Planned
from .spec import Options

SPEC: Options = {
    "package": {
        "type": "str",
        "description": "A package that is installed, or that another control of the call installs.",
    },
    "path": {"type": "path", "description": "A file or directory that is there."},
    "command": {"type": "str", "description": "A program that is found on root's PATH."},
    "kernel": {
        "type": "bool",
        "default": False,
        "description": "A kernel of the host's own: the control does not apply in a container.",
    },
}


class Needs:
    """Answers for all controls of a call; packages are asked for once."""

    def __init__(self, host: Host, planned: Planned, controls: Iterable[Control]) -> None:
        self.host = host
        self.planned = planned
        names = sorted({c.needs["package"] for c in controls if c.needs.get("package")})
        self.installed = self._installed(names)

    def _installed(self, names: Sequence[str]) -> set[str] | None:
        """The installed ones of these packages; None where this host has no package manager that we know."""
        if not names:
            return set()
        try:
            return set(package_manager(self.host).installed(names))
        except NoPackageManager:
            return None

    def missing(self, control: Control) -> str:
        """Why the control does not apply to this host; empty where it does."""
        package, path, command = (control.needs.get(name) for name in ("package", "path", "command"))
        if package and package in self.planned.absent_packages:
            return f"package {package} is going to be removed"
        if package and self.installed is not None and package not in self.installed and not self.is_planned(control):
            return f"package {package} is not installed"
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
