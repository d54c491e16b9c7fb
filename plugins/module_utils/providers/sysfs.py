# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values below /sys."""

from __future__ import annotations

import re

from ..formats.base import Entry
from ..formats.tmpfiles import Tmpfiles
from ..scoped_files import scoped_path
from .base import COMMENT, Control
from .kernel_values import KernelValues

SELECTED = re.compile(r"\[([^\]\s]+)\]")


class Sysfs(KernelValues):
    """The live value, and a tmpfiles.d line that writes it at boot."""

    key = "sysfs"
    summary = "A file below /sys has a value, now and after every reboot."
    order = 40
    format = Tmpfiles()
    example = {"path": "/sys/kernel/mm/transparent_hugepage/enabled", "value": "madvise"}
    spec = {
        "path": {"type": "path", "required": True, "description": "The file below /sys."},
        "value": {
            "type": "raw",
            "required": True,
            "description": "The value; of a list such as `always [madvise] never` the one in brackets counts.",
            "example": "madvise",
        },
        "persist_only": {
            "type": "bool",
            "default": False,
            "description": "Write the drop-in only, where the live value is not to be touched before the next boot.",
        },
        "comment": COMMENT,
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """A path below /sys without blanks."""
        path = control.state["path"]
        if not re.fullmatch(r"/sys/[^\s*?\[\]%]+", path):
            return [f"path is {path!r}: allowed is one file below /sys, without blanks and patterns"]
        return []

    @classmethod
    def subject(cls, control: Control) -> str:
        """The file."""
        return str(control.state["path"])

    def live_path(self, control: Control) -> str:
        """The file itself."""
        return str(control.state["path"])

    def drop_in(self, control: Control) -> str:
        """Written at boot by systemd-tmpfiles."""
        return scoped_path("/etc/tmpfiles.d", 90, self.planned.scope, ".conf")

    def entry(self, control: Control) -> Entry:
        """A line of type w."""
        return Entry(control.state["path"], (self.wanted(control),), comment=control.state.get("comment") or "")

    def current(self, text: str) -> str:
        """The choice in brackets, or the whole."""
        chosen = SELECTED.search(text)
        return chosen.group(1) if chosen else super().current(text)

    def can_be(self, text: str, wanted: str) -> str:
        """A choice must be among those that the kernel lists."""
        choices = text.replace("[", " ").replace("]", " ").split()
        if SELECTED.search(text) and wanted not in choices:
            return f"this kernel offers {', '.join(choices)}, not {wanted!r}"
        return ""
