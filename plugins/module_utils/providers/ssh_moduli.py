# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups for key exchange that the SSH server offers: those of the distribution's file that are large enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..scoped_files import read_text, write_changes
from .base import CHANGE, COMPLIANT, Control, Plan, Provider, Unfit, Verdict, step_for

# The field of moduli(5) that holds the size of a group: one less than its bits.
SIZE = 4


class SshModuli(Provider):
    """A file with the large groups of another one, for sshd's ModuliFile."""

    key = "ssh_moduli"
    summary = "A file with those groups of moduli(5) that are large enough, taken from the distribution's file."
    order = 26
    example: ClassVar = {"path": "/etc/ssh/moduli-evenkeel", "least_bits": 3072}
    spec: ClassVar = {
        "path": {"type": "path", "required": True, "description": "The file, for the keyword ModuliFile of sshd."},
        "source": {"type": "path", "default": "/etc/ssh/moduli", "description": "Where the groups are taken from."},
        "least_bits": {
            "type": "int",
            "default": 3072,
            "min": 2048,
            "max": 8192,
            "description": "Bits that a group has at least. NIST SP 800-57 part 1 revision 5, table 2: 3072 bits are "
            "as strong as 128 bits of a cipher.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """The distribution's file stays as it is."""
        if control.state.get("path") == control.state.get("source"):
            return [f"ssh_moduli.path is {control.state['path']!r}, which is ssh_moduli.source: name another path"]
        return []

    @classmethod
    def subject(cls, control: Control) -> str:
        """One file."""
        return f"ssh_moduli {control.state['path']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step per file."""
        return self.plan_each(controls, self._plan_one)

    def _plan_one(self, plan: Plan, control: Control) -> Verdict:
        path, wanted = control.state["path"], self._wanted(control)
        now = {"groups": len((read_text(self.host, path) or "").splitlines())}
        step = step_for(f"ssh_moduli {path}", [control])
        step.changes += write_changes(self.host, path, wanted)
        if not step.changes:
            return Verdict(COMPLIANT, now, now)
        plan.steps.append(step)
        return Verdict(CHANGE, now, {"groups": len(wanted.splitlines())}, step=step.name)

    def _wanted(self, control: Control) -> str:
        """The lines that are large enough; a file without any would leave sshd with its built-in groups."""
        source, least = control.state["source"], control.state["least_bits"]
        text = read_text(self.host, source)
        if text is None:
            raise Unfit(f"there is no {source}")
        fields = [(line, line.split()) for line in text.splitlines() if not line.startswith("#")]
        large = [line for line, words in fields if len(words) > SIZE and _size(words) >= least - 1]
        if not large:
            raise Unfit(f"{source} has no group of {least} bits or more")
        return "".join(f"{line}\n" for line in large)


def _size(words: Sequence[str]) -> int:
    """The size that a line tells; a line that tells none is too small."""
    return int(words[SIZE]) if words[SIZE].isdigit() else 0
