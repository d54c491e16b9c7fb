# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An attribute of every disk or CPU: those that are there now, and a rule for those that come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    NOT_APPLICABLE,
    Control,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.device_attribute import DeviceAttribute
from fakes import round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

RULES = "/etc/udev/rules.d/60-evenkeel-test-unit.rules"
POLICY = "/sys/devices/system/cpu/cpufreq/policy0"


def bench_at(root: Path, **read_ahead: str) -> Workbench:
    """A host with these disks, and with devices that are none."""
    bench = Workbench(root)
    for disk, value in {"loop0": "128", "dm-0": "128", "sr0": "128", **read_ahead}.items():
        bench.write(f"/sys/block/{disk}/queue/read_ahead_kb", f"{value}\n")
        bench.write(f"/sys/block/{disk}/queue/scheduler", "[mq-deadline] none\n")
    return bench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A host with two disks, one of which somebody has set."""
    return bench_at(tmp_path, vda="128", sdb="512")


def read_ahead(value: int = 4096, **options: Any) -> Control:
    """A control over all disks."""
    return control(DeviceAttribute, subsystem="block", attribute="queue/read_ahead_kb", value=value, **options)


def read(bench: Workbench, disk: str) -> str:
    """A disk's value."""
    return (bench.read(f"/sys/block/{disk}/queue/read_ahead_kb") or b"").decode().strip()


@round_trips
@given(
    disks=st.dictionaries(st.sampled_from(["vda", "sda", "nvme0n1"]), st.sampled_from(["128", "256"]), min_size=1),
    value=st.integers(0, 9999),
    instead_of=st.sampled_from([None, "128"]),
)
def test_applied_once_and_undone(
    tmp_path_factory: pytest.TempPathFactory, disks: dict[str, str], value: int, instead_of: str | None
) -> None:
    """Live values and rules come and go together."""
    bench = bench_at(tmp_path_factory.mktemp("host"), **disks)
    assert_round_trip(bench, DeviceAttribute, [read_ahead(value, instead_of=instead_of)])


def test_only_disks_with_the_given_value_are_changed(bench: Workbench) -> None:
    """What somebody or a driver has chosen stays, and devices that are no disks are left alone."""
    plan, _outcome = bench.run(DeviceAttribute, [read_ahead(instead_of="128", comment="Why.\nSource: a book")])
    assert (plan.verdicts["one"].before, plan.verdicts["one"].after) == ("128, 512", "4096")
    assert [read(bench, disk) for disk in ("vda", "sdb", "loop0", "dm-0", "sr0")] == [
        "4096",
        "512",
        "128",
        "128",
        "128",
    ]
    *_head, why, source, rule = (bench.read(RULES) or b"").decode().splitlines()
    assert (why, source) == ("# Why.", "# Source: a book")
    assert rule == (
        'ACTION=="add|change", SUBSYSTEM=="block", ENV{DEVTYPE}=="disk",'
        ' KERNEL!="loop*|ram*|zram*|dm-*|md*|sr*|fd*|nbd*",'
        ' ATTR{queue/read_ahead_kb}=="128", ATTR{queue/read_ahead_kb}="4096"'
    )
    verdict = bench.plan(DeviceAttribute, [read_ahead(instead_of="128")]).verdicts["one"]
    assert (verdict.status, verdict.reason) == (COMPLIANT, "devices with 512 are left as they are")


def test_the_rule_alone_is_missing(bench: Workbench) -> None:
    """All disks are right, but those to come would not be."""
    for disk in ("vda", "sdb"):
        bench.write(f"/sys/block/{disk}/queue/read_ahead_kb", "4096\n")
    verdict = bench.plan(DeviceAttribute, [read_ahead()]).verdicts["one"]
    assert (verdict.status, verdict.reason) == (CHANGE, "right now, but not for devices to come")


def test_a_control_that_is_gone_takes_its_rule_along(bench: Workbench) -> None:
    """The last one takes the file."""
    bench.run(DeviceAttribute, [read_ahead()])
    plan, _outcome = bench.run(DeviceAttribute, [])
    assert [each["id"] for each in plan.released] == ["one"] and bench.read(RULES) is None


def test_a_scheduler_that_no_disk_offers_is_not_applicable(bench: Workbench) -> None:
    """And no rule is written for it."""
    bfq = control(DeviceAttribute, subsystem="block", attribute="queue/scheduler", value="bfq")
    plan, _outcome = bench.run(DeviceAttribute, [bfq])
    assert (
        plan.verdicts["one"].status == NOT_APPLICABLE and "'bfq'" not in plan.verdicts["one"].reason.split("offers")[0]
    )
    assert bench.read(RULES) is None


def test_a_read_only_sys_is_not_applicable(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container; for the next boot of a machine the rule is written all the same."""
    monkeypatch.setattr(bench.host.fs, "is_read_only", lambda path: "/sys/" in path)
    plan = bench.plan(DeviceAttribute, [read_ahead()])
    assert plan.verdicts["one"].status == NOT_APPLICABLE and "around the container" in plan.verdicts["one"].reason
    plan = bench.plan(DeviceAttribute, [read_ahead(persist_only=True)])
    assert plan.verdicts["one"].status == CHANGE and "takes effect at boot" in plan.verdicts["one"].reboot
    assert "kernel_value" not in [change.touches()[0][0] for step in plan.steps for change in step.changes]


def governor(**options: Any) -> Control:
    """A control over the processors."""
    return control(DeviceAttribute, subsystem="cpufreq", attribute="scaling_governor", value="performance", **options)


def test_processors_are_set_live_only(bench: Workbench) -> None:
    """The command line is what counts at boot."""
    bench.write(f"{POLICY}/scaling_governor", "powersave\n")
    bench.write(f"{POLICY}/scaling_available_governors", "performance powersave\n")
    bench.run(DeviceAttribute, [governor()])
    assert bench.read(f"{POLICY}/scaling_governor") == b"performance\n" and bench.read(RULES) is None
    assert bench.plan(DeviceAttribute, [governor()]).verdicts["one"].status == COMPLIANT
    assert bench.plan(DeviceAttribute, [governor(persist_only=True)]).verdicts["one"].status == NOT_APPLICABLE


@pytest.mark.parametrize("available", [None, "powersave schedutil"])
def test_a_governor_that_is_not_offered_is_not_applicable(bench: Workbench, available: str | None) -> None:
    """A guest has no frequency policy at all."""
    if available:
        bench.write(f"{POLICY}/scaling_governor", "powersave\n")
        bench.write(f"{POLICY}/scaling_available_governors", f"{available}\n")
    verdict = bench.plan(DeviceAttribute, [governor()]).verdicts["one"]
    assert verdict.status == NOT_APPLICABLE
    assert verdict.reason == "no frequency policy of a CPU here offers 'performance' as scaling_governor"


def test_a_device_that_refuses_names_its_control(bench: Workbench) -> None:
    """So that the others can be applied without it."""
    error = f"{bench.host.path('/sys/block/vda/queue/read_ahead_kb')}: Invalid argument"
    assert DeviceAttribute(bench.host, bench.planned()).culprits(error, [read_ahead()]) == {"one"}


@pytest.mark.parametrize(
    "state",
    [
        {"attribute": "../x"},
        {"attribute": "queue/*"},
        {"value": 'a"; RUN+="x'},
        {"value": [1, 2]},
        {"instead_of": "1 2"},
        {"subsystem": "net"},
    ],
)
def test_what_would_break_a_rule_is_refused(state: dict[str, Any]) -> None:
    """Words between quotes."""
    assert faults_of(DeviceAttribute, **{"subsystem": "block", "attribute": "queue/x", "value": 1, **state})
