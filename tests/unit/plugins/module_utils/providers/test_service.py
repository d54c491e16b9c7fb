# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units: masked ones, socket-activated twins, absent ones, and undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import CHANGE, COMPLIANT, FAILED
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.service import Service
from fakes import FakeSystemd, FakeUnit, round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of


def bench_with(root: Path, units: dict[str, FakeUnit]) -> tuple[Workbench, FakeSystemd]:
    systemd = FakeSystemd(units)
    bench = Workbench(root, {("systemctl",): systemd.answer, ("journalctl",): ""})
    systemd.boot(root)
    return bench, systemd


def state_of(systemd: FakeSystemd) -> dict[str, bool]:
    return {name: unit.active for name, unit in systemd.units.items()}


@round_trips
@given(
    present=st.sampled_from(["enabled", "disabled", "masked"]),
    active=st.booleans(),
    wish=st.fixed_dictionaries(
        {},
        optional={
            "enabled": st.booleans(),
            "masked": st.booleans(),
            "state": st.sampled_from(["started", "stopped"]),
        },
    ),
)
def test_every_wish_is_fulfilled_or_refused_and_undone(
    tmp_path_factory: pytest.TempPathFactory, present: str, active: bool, wish: dict[str, Any]
) -> None:
    if faults_of(Service, name="cron", **wish):
        return
    unit = FakeUnit(file_state=present, active=active and present != "masked")
    bench, systemd = bench_with(tmp_path_factory.mktemp("host"), {"cron.service": unit})
    before = state_of(systemd)
    made = control(Service, name="cron", **wish)
    if bench.plan(Service, [made]).verdicts["one"].status == FAILED:
        assert present == "masked"
        return
    assert_round_trip(bench, Service, [made])
    assert state_of(systemd) == before


def test_the_socket_goes_with_its_service_and_comes_back(tmp_path: Path) -> None:
    units = {
        "twin.service": FakeUnit("enabled", active=True, triggered_by=("twin.socket",)),
        "twin.socket": FakeUnit("enabled", active=True),
    }
    bench, systemd = bench_with(tmp_path, units)
    stop = control(Service, name="twin", enabled=False, state="stopped")
    bench.run(Service, [stop])
    assert state_of(systemd) == {"twin.service": False, "twin.socket": False}
    bench.undo()
    assert state_of(systemd) == {"twin.service": True, "twin.socket": True}


def test_a_socket_that_stays_is_named(tmp_path: Path) -> None:
    units = {
        "twin.service": FakeUnit("enabled", active=True, triggered_by=("twin.socket",)),
        "twin.socket": FakeUnit("enabled", active=True),
    }
    bench, systemd = bench_with(tmp_path, units)
    plan, _rest = bench.run(Service, [control(Service, name="twin", state="stopped", with_triggers=False)])
    assert plan.verdicts["one"].reason == "twin.socket will start twin.service again"
    assert systemd.units["twin.socket"].active


@pytest.mark.parametrize(
    ("unit", "wish", "words"),
    [
        (FakeUnit("masked", load="masked"), {"enabled": True}, "masked: false"),
        (FakeUnit("static"), {"enabled": True}, "static"),
        (FakeUnit("disabled", fragment="/etc/systemd/system/"), {"masked": True}, "in the mask's place"),
    ],
)
def test_what_systemd_cannot_do_is_refused_beforehand(
    tmp_path: Path, unit: FakeUnit, wish: dict[str, Any], words: str
) -> None:
    bench, _rest = bench_with(tmp_path, {"cron.service": unit})
    plan = bench.plan(Service, [control(Service, name="cron", **wish)])
    assert plan.verdicts["one"].status == FAILED
    assert words in plan.verdicts["one"].reason
    assert plan.steps == []


def test_an_absent_unit_is_disabled_and_cannot_be_enabled(tmp_path: Path) -> None:
    bench, _rest = bench_with(tmp_path, {})
    off, on = (
        control(Service, "off", name="rpcbind", enabled=False),
        control(Service, "on", name="rpcbind", enabled=True),
    )
    verdicts = bench.plan(Service, [off, on]).verdicts
    assert (verdicts["off"].status, verdicts["on"].status) == (COMPLIANT, FAILED)


def test_a_planned_package_may_bring_the_unit(tmp_path: Path) -> None:
    bench, _rest = bench_with(tmp_path, {})
    wish = control(Service, name="auditd", enabled=True, needs={"package": "auditd"})
    verdict = bench.plan(Service, [wish], packages={"auditd"}).verdicts["one"]
    assert (verdict.status, verdict.assumed) == (CHANGE, True)


def test_a_leaving_package_takes_the_unit_along(tmp_path: Path) -> None:
    bench, _rest = bench_with(tmp_path, {"cron.service": FakeUnit("enabled", active=True)})
    bench.runner.answers[("dpkg-query",)] = "cron: /usr/lib/systemd/system/cron.service\n"
    verdict = bench.plan(Service, [control(Service, name="cron", enabled=False)], absent_packages={"cron"}).verdicts[
        "one"
    ]
    assert verdict.assumed


def test_all_units_are_read_with_one_command(tmp_path: Path) -> None:
    bench, _rest = bench_with(tmp_path, {f"u{number}.service": FakeUnit() for number in range(50)})
    bench.plan(Service, [control(Service, f"c{number}", name=f"u{number}", enabled=False) for number in range(50)])
    assert len(bench.runner.calls) == 1


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"name": "getty@", "enabled": True}, "template"),
        ({"name": "cron;reboot", "enabled": True}, "service.name"),
        ({"name": "--now", "enabled": True}, "service.name"),
        ({"name": "cron"}, "neither"),
        ({"name": "cron", "masked": True, "state": "started"}, "masked"),
    ],
)
def test_bad_wishes_are_refused(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(Service, **wish))
