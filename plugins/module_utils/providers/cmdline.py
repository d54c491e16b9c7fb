# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of the kernel's command line, through the boot loader's own configuration."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ..changes import Change
from ..changes_basic import RunTool
from ..host import Host
from ..scoped_blocks import ScopedBlocks
from ..scoped_files import names_in, read_text, scoped_path
from .base import (
    CHANGE,
    COMMENT,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
    Control,
    Plan,
    Planned,
    Provider,
    Unfit,
    Verdict,
    comment_lines,
    step_for,
)

GRUB_CONFIGURATION = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
# A wrong value of one of these leaves a host that does not boot, or boots into somebody else's hands.
REFUSED = (
    "root",
    "init",
    "rdinit",
    "initrd",
    "single",
    "emergency",
    "rescue",
    "s",
    "1",
    "ro",
    "rw",
    "systemd.unit",
    "rootfstype",
)


class BootLoader(ABC):
    """Where a distribution keeps the command line."""

    def __init__(self, host: Host, planned: Planned) -> None:
        self.host, self.planned = host, planned

    @abstractmethod
    def configured(self) -> dict[str, set[str]]:
        """Words of the command line that others configure, by parameter."""

    @abstractmethod
    def want(self, control: str, word: str, comment: Sequence[str] = ()) -> bool:
        """Note the word, with lines of comment for a file; return whether it is configured already."""

    @abstractmethod
    def changes(self) -> list[Change]:
        """What configures all noted words."""


class DebianGrub(BootLoader):
    """A file in /etc/default/grub.d and update-grub."""

    def __init__(self, host: Host, planned: Planned) -> None:
        super().__init__(host, planned)
        self.path = scoped_path("/etc/default/grub.d", 60, planned.scope, ".cfg")
        self.blocks = ScopedBlocks(host, self.path, planned.scope, planned.keep)

    def configured(self) -> dict[str, set[str]]:
        """All words in /etc/default/grub and its drop-ins but ours."""
        paths = [
            "/etc/default/grub",
            *(f"/etc/default/grub.d/{n}" for n in names_in(self.host, "/etc/default/grub.d", ".cfg")),
        ]
        found: dict[str, set[str]] = {}
        for path in paths:
            text = "" if path == self.path else read_text(self.host, path) or ""
            for name, words in self.words(text).items():
                found.setdefault(name, set()).update(words)
        return found

    @staticmethod
    def words(text: str) -> dict[str, set[str]]:
        """The words that one file adds to the command line, by parameter."""
        found: dict[str, set[str]] = {}
        for value in re.findall(r"^\s*GRUB_CMDLINE_LINUX(?:_DEFAULT)?=(.*)$", text, re.MULTILINE):
            for word in value.strip("\"' ").split():
                found.setdefault(word.partition("=")[0], set()).add(word)
        return found

    def want(self, control: str, word: str, comment: Sequence[str] = ()) -> bool:
        """DEFAULT comes last on the line, and the kernel takes the last word."""
        return self.blocks.want(control, [*comment, f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT {word}"'])

    def changes(self) -> list[Change]:
        """The file, then the menu that update-grub makes of it."""
        file = self.blocks.changes()
        touches = [("path", path) for path in GRUB_CONFIGURATION[:1]]
        return [*file, RunTool(["update-grub"], touches, timeout=600.0)] if file else []


class Grubby(BootLoader):
    """The Enterprise Linux family's grubby, which edits every boot entry. Not yet proven on one."""

    def __init__(self, host: Host, planned: Planned) -> None:
        super().__init__(host, planned)
        self.words = self.host.run(["grubby", "--info=DEFAULT"]).out
        self.wanted: list[str] = []

    def configured(self) -> dict[str, set[str]]:
        """grubby replaces what is there, so nothing is in the way."""
        return {}

    def want(self, control: str, word: str, comment: Sequence[str] = ()) -> bool:
        """Whether the default entry has it."""
        arguments = re.search(r'^args="(.*)"$', self.words, re.MULTILINE)
        present = arguments is not None and word in arguments.group(1).split()
        if not present:
            self.wanted.append(word)
        return present

    def changes(self) -> list[Change]:
        """All words at once, for every kernel."""
        if not self.wanted:
            return []
        entries = [f"/boot/loader/entries/{name}" for name in names_in(self.host, "/boot/loader/entries", ".conf")]
        touches = [
            ("path", path) for path in ("/etc/default/grub", "/boot/grub2/grubenv", "/etc/kernel/cmdline", *entries)
        ]
        return [RunTool(["grubby", "--update-kernel=ALL", f"--args={' '.join(self.wanted)}"], touches)]


class Cmdline(Provider):
    """Words that the boot loader adds for the next boot."""

    key = "cmdline"
    summary = "A parameter of the kernel's command line; it takes effect at the next boot."
    order = 55
    releases = True
    example: ClassVar = {"parameter": "audit", "value": "1"}
    spec: ClassVar = {
        "parameter": {
            "type": "str",
            "required": True,
            "description": "Name of the parameter, as in audit_backlog_limit.",
        },
        "value": {"type": "str", "description": "Its value, as in 8192. Without one the parameter stands alone."},
        "comment": COMMENT,
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """The boot loader's configuration is a shell script."""
        name, value = str(control.state.get("parameter", "")), control.state.get("value")
        found = []
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            found.append(f"cmdline.parameter is {name!r}: allowed are letters, digits, `_`, `-` and `.`")
        if name.lower() in REFUSED:
            found.append(
                f"cmdline.parameter is {name!r}, which decides whether the host boots at all: it is not managed"
            )
        if value is not None and not re.fullmatch(r"[A-Za-z0-9_.,:/@+-]+", str(value)):
            found.append(f"cmdline.value is {value!r}: allowed are letters, digits and `_.,:/@+-`")
        return found

    @classmethod
    def subject(cls, control: Control) -> str:
        """One parameter."""
        return f"cmdline {control.state['parameter']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """One step: the boot menu is made once."""
        try:
            loader = self._loader()
        except Unfit as unfit:
            return Plan({control.id: unfit.verdict() for control in controls})
        plan, step = Plan(), step_for("kernel command line", controls)
        running = (read_text(self.host, "/proc/cmdline") or "").split()
        others = loader.configured()
        for control in controls:
            plan.verdicts[control.id] = self._verdict(control, loader, others, running, step.name)
        step.changes = loader.changes()
        if step.changes:
            plan.steps.append(step)
        if isinstance(loader, DebianGrub):
            plan.released += loader.blocks.released()
        return plan

    def _loader(self) -> BootLoader:
        if self.host.is_container:
            raise Unfit("a container has no boot loader of its own", NOT_APPLICABLE)
        if self.host.has("update-grub") and read_text(self.host, GRUB_CONFIGURATION[0]) is not None:
            return DebianGrub(self.host, self.planned)
        if self.host.has("grubby"):
            return Grubby(self.host, self.planned)
        raise Unfit("this host boots without GRUB: its command line is set from outside", NOT_APPLICABLE)

    def _verdict(
        self, control: Control, loader: BootLoader, others: dict[str, set[str]], running: Sequence[str], step: str
    ) -> Verdict:
        name, value = control.state["parameter"], control.state.get("value")
        word = name if value is None else f"{name}={value}"
        contrary = sorted(others.get(name, set()) - {word})
        if contrary:
            return Verdict(
                FAILED, reason=f"/etc/default/grub or a drop-in of another says {' '.join(contrary)}: take it out first"
            )
        configured, in_force = loader.want(control.id, word, comment_lines(control.state)), word in running
        verdict = Verdict(COMPLIANT, {"configured": configured, "running": in_force})
        verdict.after = {"configured": True, "running": in_force}
        if not in_force:
            verdict.reboot = verdict.reason = f"kernel parameter {word} takes effect at the next boot"
        if not configured:
            verdict.status, verdict.step = CHANGE, step
        return verdict
