# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of a host that act on a workbench's directory as the real ones act on a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from hypothesis import settings

# A round trip is some hundred system calls that wait for the disk; how long they take says nothing.
round_trips = settings(deadline=None, max_examples=25)


def install(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Make exactly these programs be there."""
    monkeypatch.setattr(Host, "has", lambda _host, program: program in programs)


@dataclass
class FakeUnit:
    """A unit of the fake systemd."""

    file_state: str = "disabled"
    active: bool = False
    load: str = "loaded"
    fragment: str = "/usr/lib/systemd/system/"
    triggered_by: tuple[str, ...] = ()


@dataclass
class FakeSystemd:
    """systemctl, with its links below the root that it is given."""

    units: dict[str, FakeUnit] = field(default_factory=dict)
    root: Path = Path("/nowhere")
    reloads: int = 0

    def boot(self, root: Path) -> None:
        """Be the running init of the host at `root`."""
        self.root = root
        (root / "run/systemd/system").mkdir(parents=True)
        (root / "etc/systemd/system").mkdir(parents=True)
        for name, unit in self.units.items():
            if unit.file_state == "enabled":
                self._link(name)
            if unit.file_state == "masked":
                self._mask_path(name).parent.mkdir(parents=True, exist_ok=True)
                self._mask_path(name).symlink_to("/dev/null")

    def answer(self, argv: Sequence[str], _stdin: str | None) -> str | tuple[int, str, str]:
        """What systemctl says."""
        words = [word for word in argv[1:] if word not in ("--", "--no-block", "--no-pager")]
        verb, names = words[0], [word for word in words[1:] if not word.startswith("--")]
        if verb == "is-system-running":
            return "running\n"
        if verb == "daemon-reload":
            self.reloads += 1
            return ""
        if verb == "show":
            return "\n".join(self._show(name) for name in names)
        return self._act(verb, names[0])

    def _show(self, name: str) -> str:
        unit = self._unit(name)
        if unit is None:
            return f"Id={name}\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
        state = "masked" if self._mask_path(name).is_symlink() else unit.file_state
        if state != "masked" and state in ("enabled", "disabled"):
            state = "enabled" if self._want_path(name).is_symlink() else "disabled"
        load = "masked" if state == "masked" else unit.load
        lines = {
            "Id": name,
            "LoadState": load,
            "ActiveState": "active" if unit.active else "inactive",
            "UnitFileState": state,
            "FragmentPath": f"{unit.fragment}{name}",
            "SourcePath": "",
            "TriggeredBy": " ".join(unit.triggered_by),
        }
        return "".join(f"{key}={value}\n" for key, value in lines.items())

    def _unit(self, name: str) -> FakeUnit | None:
        if name not in self.units and (self.root / "etc/systemd/system" / name).is_file():
            self.units[name] = FakeUnit(fragment="/etc/systemd/system/")
        return self.units.get(name)

    def _act(self, verb: str, name: str) -> str | tuple[int, str, str]:
        unit = self._unit(name)
        if unit is None:
            return 1, "", f"Failed to {verb} unit: Unit file {name} does not exist."
        if verb in ("start", "stop"):
            if verb == "start" and self._mask_path(name).is_symlink():
                return 1, "", f"Unit {name} is masked."
            unit.active = verb == "start"
        elif verb == "enable":
            self._link(name)
        elif verb == "disable":
            self._want_path(name).unlink(missing_ok=True)
            if self._want_path(name).parent.is_dir() and not list(self._want_path(name).parent.iterdir()):
                self._want_path(name).parent.rmdir()
        elif verb == "mask":
            self._mask_path(name).symlink_to("/dev/null")
        elif verb == "unmask":
            self._mask_path(name).unlink()
            unit.file_state = "disabled" if unit.file_state == "masked" else unit.file_state
        return ""

    def _link(self, name: str) -> None:
        place = self._want_path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_symlink():
            place.symlink_to(f"/usr/lib/systemd/system/{name}")

    def _want_path(self, name: str) -> Path:
        return self.root / "etc/systemd/system/multi-user.target.wants" / name

    def _mask_path(self, name: str) -> Path:
        return self.root / "etc/systemd/system" / name
