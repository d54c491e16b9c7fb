# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt is asked when a host is upgraded, and how its answers are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.packages.apt_upgrade import (
    EXCLUDED,
    HELD,
    NOT_SECURITY,
    AptUpgrade,
    Selection,
    parse_sources,
    parse_status,
    preferences,
)
from apt_world import AptWorld, apt_host

INSTALLED = {"libssl3": "3.0.20", "openssl": "3.0.20", "bash": "5.2", "perl": "5.36.0-7"}
PENDING = {"libssl3": "3.0.22", "openssl": "3.0.22", "bash": "5.3", "linux-image-6.1.0-41": "6.1.9"}


def upgrade(tmp_path: Path) -> tuple[AptUpgrade, AptWorld]:
    world = AptWorld(INSTALLED, PENDING)
    world.security -= {"bash"}
    return AptUpgrade(apt_host(tmp_path, world)), world


def test_foreign_architectures_keep_their_suffix() -> None:
    output = "libc6\tamd64\t2.36\tinstalled\nlibc6\ti386\t2.36\tunpacked\ntzdata\tall\t2026\tinstalled\nbroken line\n"
    assert parse_status(output, "amd64") == {
        "libc6": ("2.36", "installed"),
        "libc6:i386": ("2.36", "unpacked"),
        "tzdata": ("2026", "installed"),
    }


def test_a_version_that_only_dpkg_knows_cannot_be_fetched() -> None:
    output = (
        "Package: a\nVersion: 1\nFilename: pool/a_1.deb\nDescription: x\n y: z\n\nPackage: a\nVersion: 2\nStatus: ok\n"
    )
    assert parse_sources(output) == {("a", "1")}


def test_pins_come_before_what_the_administrator_prefers() -> None:
    text = preferences({"bash": "5.2", "new": None}, "Package: *\nPin: release a=stable\nPin-Priority: 900\n")
    assert text.splitlines() == [
        "Package: bash",
        "Pin: version 5.2",
        "Pin-Priority: 1001",
        "",
        "Package: new",
        "Pin: release *",
        "Pin-Priority: -1",
        "",
        "Package: *",
        "Pin: release a=stable",
        "Pin-Priority: 900",
    ]


@pytest.mark.parametrize(
    ("selection", "updates", "left"),
    [
        (Selection(), sorted(PENDING), {}),
        (Selection(exclude=("lib*",)), ["bash", "linux-image-6.1.0-41", "openssl"], {"libssl3": EXCLUDED}),
        (Selection(security_only=True), ["libssl3", "linux-image-6.1.0-41", "openssl"], {"bash": NOT_SECURITY}),
        (
            Selection(exclude=("linux-*", "*ssl*")),
            ["bash"],
            {"libssl3": EXCLUDED, "linux-image-6.1.0-41": EXCLUDED, "openssl": EXCLUDED},
        ),
    ],
)
def test_the_forecast(tmp_path: Path, selection: Selection, updates: list[str], left: dict[str, str]) -> None:
    forecast = upgrade(tmp_path)[0].forecast(selection)
    assert [update.name for update in forecast.updates] == updates
    assert forecast.left == left
    assert set(forecast.pins) == set(left)


def test_what_is_on_hold_stays_and_is_named(tmp_path: Path) -> None:
    apt, world = upgrade(tmp_path)
    world.held = {"openssl", "perl"}
    forecast = apt.forecast(Selection())
    assert forecast.left == {"openssl": HELD}


def test_the_upgrade_does_what_was_forecast_and_no_more(tmp_path: Path) -> None:
    apt, world = upgrade(tmp_path)
    forecast = apt.forecast(Selection(exclude=("bash",)))
    assert apt.upgrade(forecast, {}, 60).ok
    assert world.installed["bash"] == "5.2"
    assert world.pending == {"bash": "5.3"}
    (argv,) = world.changing
    assert {"--no-remove", "--yes", "DPkg::Lock::Timeout=60", "Dpkg::Options::=--force-confold"} <= set(argv)


def test_the_administrators_preferences_are_kept(tmp_path: Path) -> None:
    apt, _world = upgrade(tmp_path)
    (tmp_path / "etc/apt/preferences").write_text("Package: perl\nPin: version 5*\nPin-Priority: 990\n")
    with apt.pinned({"bash": "5.2"}) as options:
        text = Path(options[1].partition("=")[2]).read_text()
    assert "Package: bash" in text
    assert text.endswith("Pin-Priority: 990\n")
    assert not Path(options[1].partition("=")[2]).exists()


def test_versions_in_the_cache_or_a_source_can_be_had(tmp_path: Path) -> None:
    apt, world = upgrade(tmp_path)
    world.sources = {"libssl3=3.0.20"}
    (tmp_path / "var/cache/apt/archives/bash_1%3a5.1_amd64.deb").touch()
    wanted = {"libssl3": "3.0.20", "bash": "1:5.1", "openssl": "3.0.20"}
    assert apt.obtainable(wanted) == {"libssl3": "3.0.20", "bash": "1:5.1"}
    assert apt.obtainable({}) == {}


def test_going_back_leaves_marks_as_they_were(tmp_path: Path) -> None:
    apt, world = upgrade(tmp_path)
    world.automatic = {"libssl3", "perl"}
    apt.go_back({"libssl3": "3.0.19", "openssl": "3.0.19"})
    assert (world.installed["libssl3"], world.installed["openssl"]) == ("3.0.19", "3.0.19")
    assert world.automatic == {"libssl3", "perl"}


def test_notes_that_dpkg_did_not_write_down_are_an_interruption(tmp_path: Path) -> None:
    apt, world = upgrade(tmp_path)
    world.installed["dpkg"] = "1.21"
    assert apt.interrupted() == {}
    (tmp_path / "var/lib/dpkg/updates/0001").touch()
    assert apt.interrupted() == {"dpkg": "1.21"}
    world.half_configured = {"bash"}
    assert apt.interrupted() == {"bash": "5.2"}
