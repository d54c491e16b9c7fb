# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The delivering half of the Vault agent: what was rendered arrives whole, with owner and mode, and is told once."""

from __future__ import annotations

import getpass
import grp
import importlib.util
import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SOURCE = Path(__file__).parents[3] / "roles/vault_agent/files/deliver.py"
ME, MY_GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name


class World:
    """The program on a directory; `told` is what systemctl was asked for."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = importlib.util.spec_from_file_location("deliver", SOURCE)
        assert spec is not None
        assert spec.loader is not None
        self.program: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.program)
        self.root, self.told, self.status = root, [], 0  # type: ignore[var-annotated]  # texts
        for name in ("MANIFEST", "FLAG", "LIST"):
            monkeypatch.setattr(self.program, name, str(root / name.lower()))
        monkeypatch.setattr(self.program.subprocess, "run", self.systemctl)
        (root / "etc").mkdir()
        self.rendered, self.delivered = root / "rendered", root / "etc/env"
        self.declare(self.item())

    def systemctl(self, argv: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        self.told.append(" ".join(argv[1:]))
        return subprocess.CompletedProcess(argv, self.status, "", "refused")

    def item(self, **other: str) -> dict[str, str]:
        own = {"source": str(self.rendered), "destination": str(self.delivered), "owner": ME, "group": MY_GROUP}
        return {**own, "mode": "0440", "unit": "shop.service", "action": "reload", **other}

    def declare(self, *items: dict[str, str]) -> None:
        manifest = {"user": ME, "token": str(self.root / "state/token"), "deliveries": items}
        (self.root / "manifest").write_text(json.dumps(manifest), encoding="ascii")

    def run(self, *arguments: str) -> int:
        return int(self.program.main(list(arguments)))

    def listed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "list").read_text(encoding="ascii"))
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_rendered_file_arrives_and_the_unit_is_told_once(world: World) -> None:
    (world.root / "flag").touch()
    world.rendered.write_text("secret", encoding="ascii")
    assert [world.run(), world.run()] == [0, 0]
    assert world.delivered.read_text(encoding="ascii") == "secret"
    assert stat.S_IMODE(world.delivered.stat().st_mode) == 0o440
    assert world.told == ["try-reload-or-restart -- shop.service"]
    assert not (world.root / "flag").exists()
    assert world.run("check") == 0


def test_another_secret_owner_or_mode_is_a_change(world: World) -> None:
    world.rendered.write_text("secret", encoding="ascii")
    world.run()
    world.delivered.chmod(0o444)
    assert world.run("check") == 1
    world.run()
    world.rendered.write_text("rotated", encoding="ascii")
    world.declare(world.item(action="restart"))
    world.run()
    assert world.delivered.read_text(encoding="ascii") == "rotated"
    assert stat.S_IMODE(world.delivered.stat().st_mode) == 0o440
    assert world.told == ["try-reload-or-restart -- shop.service"] * 2 + ["try-restart -- shop.service"]


def test_what_is_not_rendered_yet_is_waited_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run() == 0
    assert world.run("check") == 1
    assert "is not rendered yet" in capsys.readouterr().err
    assert not world.delivered.exists()
    assert world.told == []


def planted_link(world: World) -> None:
    (world.root / "shadow").write_text("root's", encoding="ascii")
    world.rendered.symlink_to(world.root / "shadow")


def planted_second_name(world: World) -> None:
    (world.root / "shadow").write_text("root's", encoding="ascii")
    world.rendered.hardlink_to(world.root / "shadow")


def planted_pipe(world: World) -> None:
    os.mkfifo(world.rendered)


@pytest.mark.parametrize("plant", [planted_link, planted_second_name, planted_pipe])
def test_what_is_no_file_of_the_agents_own_is_not_delivered(world: World, plant: Callable[[World], None]) -> None:
    plant(world)
    assert world.run() == 1
    assert not world.delivered.exists()


def test_a_withdrawn_file_goes_and_others_stay(world: World) -> None:
    world.rendered.write_text("secret", encoding="ascii")
    world.run()
    (world.root / "etc/other").write_text("theirs", encoding="ascii")
    world.declare()
    world.run()
    assert [path.name for path in (world.root / "etc").iterdir()] == ["other"]
    assert world.listed()["files"] == [str(world.root / "state/token")]


def test_the_list_names_all_that_undo_has_to_remove(world: World) -> None:
    world.rendered.write_text("secret", encoding="ascii")
    world.run()
    assert world.listed()["files"] == [str(world.delivered), str(world.root / "state/token")]
    assert world.listed()["directories"] == [str(world.root), str(world.root / "state")]


def test_a_unit_that_could_not_be_told_stays_due(world: World) -> None:
    world.rendered.write_text("secret", encoding="ascii")
    world.status = 1
    assert world.run() == 1
    assert world.listed()["due"] == [["reload", "shop.service"]]
    world.status = 0
    assert world.run() == 0
    assert world.listed()["due"] == []
    assert len(world.told) == 2


def test_a_round_that_was_killed_is_gone_over_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rendered.write_text("secret", encoding="ascii")

    def killed(_source: str, _target: str) -> None:
        raise KeyboardInterrupt

    world.run("check")
    (world.root / "etc/.env.vault-agent").write_text("half", encoding="ascii")
    with monkeypatch.context() as patch:
        patch.setattr(world.program.os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            world.run()
    assert world.run() == 0
    assert [path.name for path in (world.root / "etc").iterdir()] == ["env"]
    assert len(world.told) == 1


def test_a_missing_owner_or_directory_is_named_and_does_not_stop_the_others(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.rendered.write_text("secret", encoding="ascii")
    world.declare(
        world.item(owner="nobody-here", destination=str(world.root / "etc/a")),
        world.item(destination=str(world.root / "none/b")),
        world.item(),
    )
    assert world.run() == 1
    assert "nobody-here" in capsys.readouterr().err
    assert world.delivered.exists()
