# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed for the time without Ansible."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import boot_unit
from switch_world import SwitchWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwitchWorld:
    world = SwitchWorld(tmp_path, monkeypatch)
    Path(boot_unit.CONSOLE).parent.mkdir()
    monkeypatch.setattr(boot_unit, "DEFAULT_STATE_DIR", world.state_dir)
    return world


def words_of(text: str, key: str) -> list[str]:
    return [word for line in text.splitlines() if line.startswith(f"{key}=") for word in line.partition("=")[2].split()]


def test_the_unit_runs_before_whatever_reads_what_it_puts_back() -> None:
    text = boot_unit.unit_text("/var/lib/evenkeel", "/usr/bin/python3")
    assert words_of(text, "DefaultDependencies") == ["no"]
    assert "local-fs.target" in words_of(text, "After")
    assert words_of(text, "WantedBy") == ["sysinit.target"]
    needed = "systemd-sysctl systemd-modules-load nftables ssh systemd-networkd"
    assert {f"{name}.service" for name in needed.split()} | {"network-pre.target", "sysinit.target"} <= set(
        words_of(text, "Before")
    )
    assert words_of(text, "ExecStart")[:3] == ["/usr/bin/python3", "-I", "/var/lib/evenkeel/bin/evenkeel.pyz"]


def test_a_percent_sign_is_no_specifier() -> None:
    assert "/opt/100%%/python3 -I" in boot_unit.unit_text("/var/lib/evenkeel", "/opt/100%/python3")


def test_installing_twice_writes_once(world: SwitchWorld) -> None:
    boot_unit.install(world.host, world.state_dir)
    paths = [world.units / boot_unit.UNIT, Path(boot_unit.CONSOLE), Path(boot_unit.zipapp_path(world.state_dir))]
    first = [path.stat().st_ino for path in paths]
    assert (world.units / "sysinit.target.wants" / boot_unit.UNIT).readlink() == paths[0]
    assert len(world.systemd.told("systemctl", "daemon-reload")) == 1
    boot_unit.install(world.host, world.state_dir)
    assert [path.stat().st_ino for path in paths] == first
    assert len(world.systemd.told("systemctl", "daemon-reload")) == 1


def test_what_is_outdated_is_refreshed(world: SwitchWorld) -> None:
    boot_unit.install(world.host, world.state_dir)
    unit = world.units / boot_unit.UNIT
    unit.write_text("an earlier release\n")
    boot_unit.install(world.host, world.state_dir)
    assert "evenkeel.pyz boot" in unit.read_text()


def test_a_program_that_is_not_ours_stays(world: SwitchWorld) -> None:
    Path(boot_unit.CONSOLE).write_text("#!/bin/sh\necho a ship\n")
    boot_unit.install(world.host, world.state_dir)
    assert "a ship" in Path(boot_unit.CONSOLE).read_text()


def test_a_trial_elsewhere_leaves_the_host_alone_until_it_is_armed(world: SwitchWorld, tmp_path: Path) -> None:
    other = str(tmp_path / "trial")
    boot_unit.install(world.host, other)
    assert not Path(boot_unit.CONSOLE).exists()
    assert list(world.units.iterdir()) == []
    boot_unit.install(world.host, other, everything=True)
    (unit,) = world.units.glob("*.service")
    assert unit.name != boot_unit.UNIT
    assert f"--state-dir {other}" in unit.read_text()


def test_without_root_or_systemd_nothing_is_installed(world: SwitchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_unit, "serves", lambda host: False)
    boot_unit.install(world.host, world.state_dir)
    assert not Path(world.state_dir).exists()


def test_the_console_command_refuses_politely_without_root(tmp_path: Path) -> None:
    identity = tmp_path / "id"
    identity.write_text("#!/bin/sh\necho 1000\n")
    identity.chmod(0o755)
    command = tmp_path / "evenkeel"
    command.write_text(boot_unit.console_text("/var/lib/evenkeel", "/usr/bin/python3"))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/sh", str(command), "status"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 4
    assert "sudo evenkeel status" in done.stderr
