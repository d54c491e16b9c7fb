# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a systemd that only remembers what it was told, and its files in a temporary directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import boot_unit, motd
from ansible_collections.evenkeel.ops.plugins.module_utils.guard import Answer, Request, serve
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from ansible_collections.evenkeel.ops.plugins.module_utils.record import Record


class Systemd(Runner):
    """Units that run are active; `refuses` are the first words of commands that fail."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.active = {"ssh.service"}
        self.refuses: set[tuple[str, ...]] = set()

    def run(self, argv: Sequence[str], stdin: Any = None, env: Any = None, timeout: float = 300.0) -> Result:
        """Remember, and answer."""
        words = list(argv)
        self.asked.append(words)
        if words[:2] == ["systemctl", "is-active"]:
            return Result(tuple(words), 0 if words[-1] in self.active else 3, "", "")
        if words[:2] == ["systemctl", "show"]:
            return Result(
                tuple(words), 0, f"Id={words[-1]}\nLoadState=loaded\nActiveState={self._state(words[-1])}\n", ""
            )
        refused = any(tuple(words[: len(start)]) == start for start in self.refuses)
        return Result(tuple(words), int(refused), "", "no" if refused else "")

    def _state(self, unit: str) -> str:
        return "active" if unit in self.active else "inactive"

    def told(self, *start: str) -> list[list[str]]:
        """Commands that begin with these words."""
        return [words for words in self.asked if words[: len(start)] == list(start)]


class SystemdHost(Host):
    """The real file system, below the test's own directory by the targets' names."""

    @property
    def has_systemd(self) -> bool:
        """Always."""
        return True

    def has(self, program: str) -> bool:
        """Everything."""
        return True


class SwitchWorld:
    """Host, state directory, and a directory of things that a user's tasks change."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.systemd = Systemd()
        self.host = SystemdHost(runner=self.systemd)
        self.state_dir = str(directory / "state")
        self.etc = directory / "etc"
        self.motd = directory / "motd"
        self.units = directory / "units"
        self.etc.mkdir()
        self.units.mkdir()
        (self.etc / "app.conf").write_text("before\n")
        monkeypatch.setattr(boot_unit, "serves", lambda host: True)
        monkeypatch.setattr(boot_unit, "UNIT_DIR", str(self.units))
        monkeypatch.setattr(boot_unit, "CONSOLE", str(directory / "sbin/evenkeel"))
        monkeypatch.setattr(motd, "DIRECTORY", str(self.motd))

    def request(self, state: str, **options: Any) -> Request:
        """A module call's options."""
        values = {
            "paths": [str(self.etc)],
            "units": ["ssh.service", "nftables.service"],
            "deadline": 30,
            "scope": "play",
            "run": "run-1",
            "run_by": "ops@controller",
            "state_dir": self.state_dir,
            "record": "",
            "token": "the-token",
        }
        return Request(state=state, **{**values, **options})

    def serve(self, state: str, **options: Any) -> Answer:
        """What the module answers."""
        return serve(self.request(state, **options), self.host)

    def arm(self, **options: Any) -> Record:
        """Arm; returns the record."""
        answer = self.serve("armed", **options)
        assert not answer.error, answer.error
        return self.record()

    def record(self) -> Record:
        """The newest record."""
        return Journal(self.state_dir, self.host).records()[-1]

    def break_it(self) -> None:
        """What a user's task might do."""
        (self.etc / "app.conf").write_text("broken\n")
        (self.etc / "new.conf").write_text("new\n")
        self.systemd.active = {"nftables.service"}

    def is_as_before(self) -> bool:
        """Byte for byte."""
        return {path.name: path.read_text() for path in self.etc.iterdir()} == {"app.conf": "before\n"}

    def note(self) -> str:
        """What a person sees at login."""
        return "".join(path.read_text() for path in self.motd.iterdir()) if self.motd.exists() else ""
