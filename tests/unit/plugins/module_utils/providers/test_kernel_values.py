# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl and sysfs: the live value, the drop-in, and what the next boot would make of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
    Control,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.boot_sysctl import BootSysctl, normal_key
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.sysctl import Sysctl
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.sysfs import Sysfs
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

FORWARD, MEMORY = "net.ipv4.ip_forward", "net.ipv4.tcp_rmem"
DROP_IN = "/etc/sysctl.d/98-evenkeel-test-unit.conf"
SCHEDULER = "/sys/block/vda/queue/scheduler"


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A host with two parameters and a scheduler."""
    return furnished(tmp_path)


def furnished(root: Path) -> Workbench:
    """The host itself."""
    bench = Workbench(root)
    bench.write("/proc/sys/net/ipv4/ip_forward", "1\n")
    bench.write("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")
    bench.write("/proc/sys/net/ipv4/conf/eth0.1/rp_filter", "0\n")
    bench.write(SCHEDULER, "none [mq-deadline] kyber\n")
    return bench


def forward(value: object = 0, name: str = "forward") -> Control:
    """A control over one parameter."""
    return control(Sysctl, name, key=FORWARD, value=value)


@settings(max_examples=20, deadline=None)
@given(
    first=st.integers(0, 9),
    numbers=st.lists(st.integers(0, 10**7), min_size=3, max_size=3),
    drop_in=st.one_of(st.none(), st.text("abc=# \n", max_size=30)),
)
def test_sysctl_round_trip(
    tmp_path_factory: pytest.TempPathFactory, first: int, numbers: list[int], drop_in: str | None
) -> None:
    """Live values and drop-in come and go together."""
    bench = furnished(tmp_path_factory.mktemp("host"))
    # A file does not turn blanks into tabs, as the kernel does.
    bench.write("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 6291456\n")
    if drop_in is not None:
        bench.write(DROP_IN, drop_in)
    assert_round_trip(bench, Sysctl, [forward(first), control(Sysctl, "memory", key=MEMORY, value=numbers)])


def test_live_value_and_drop_in(bench: Workbench) -> None:
    """Both are set; a value that is right now only still changes the drop-in."""
    bench.run(Sysctl, [forward()])
    assert bench.read("/proc/sys/net/ipv4/ip_forward") == b"0\n"
    assert b"net.ipv4.ip_forward = 0" in (bench.read(DROP_IN) or b"")
    verdict = bench.plan(Sysctl, [forward(), control(Sysctl, "m", key=MEMORY, value="4096 131072  6291456")]).verdicts[
        "m"
    ]
    assert (verdict.status, verdict.reason) == (CHANGE, "right now, but not after a reboot")


def test_a_missing_parameter_is_not_applicable(bench: Workbench) -> None:
    """Unless a module that is only planned may bring it."""
    missing = control(Sysctl, "one", key="net.netfilter.nf_conntrack_max", value=1)
    verdict = bench.plan(Sysctl, [missing]).verdicts["one"]
    assert verdict.status == NOT_APPLICABLE and "/proc/sys/net/netfilter/nf_conntrack_max" in verdict.reason
    verdict = bench.plan(Sysctl, [missing], modules={"nf_conntrack"}).verdicts["one"]
    assert verdict.status == CHANGE and verdict.assumed


def test_read_only_proc_sys_is_not_applicable(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the kernel is not ours; persist_only writes the drop-in all the same."""
    monkeypatch.setattr(bench.host.fs, "is_read_only", lambda path: "/proc/" in path)
    plan = bench.plan(Sysctl, [forward()])
    assert plan.verdicts["forward"].status == NOT_APPLICABLE and plan.steps == []
    only = control(Sysctl, "only", key=FORWARD, value=0, persist_only=True)
    plan = bench.plan(Sysctl, [only])
    assert plan.verdicts["only"].status == CHANGE and "at boot" in plan.verdicts["only"].reboot


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/sysctl.d/99-site.conf", "net.ipv4.ip_forward=1\n"),
        ("/usr/lib/sysctl.d/99-site.conf", "-net/ipv4/ip_forward = 1\n"),
        ("/etc/sysctl.conf", "net.ipv4.ip_forward=1\n"),
    ],
)
def test_a_value_that_another_file_overrides_fails(bench: Workbench, path: str, text: str) -> None:
    """The file that would have the say is named; neither drop-in nor live value changes."""
    bench.write(path, text)
    if path == "/etc/sysctl.conf":
        bench.write("/etc/sysctl.d/README")
        Path(bench.host.path("/etc/sysctl.d/99-sysctl.conf")).symlink_to("../sysctl.conf")
        path = "/etc/sysctl.d/99-sysctl.conf"
    plan, _outcome = bench.run(Sysctl, [forward()])
    assert plan.verdicts["forward"].status == FAILED and path in plan.verdicts["forward"].reason
    assert plan.verdicts["forward"].before == "1"
    assert bench.read(DROP_IN) is None and bench.read("/proc/sys/net/ipv4/ip_forward") == b"1\n"


@pytest.mark.parametrize(
    ("files", "winner"),
    [
        ({"/etc/sysctl.d/10-a.conf": "a.b=1", "/usr/lib/sysctl.d/50-b.conf": "a.b=2"}, "2"),
        ({"/etc/sysctl.d/50-b.conf": "", "/usr/lib/sysctl.d/50-b.conf": "a.b=2"}, None),
        ({"/run/sysctl.d/50-b.conf": "a.b=3", "/usr/lib/sysctl.d/50-b.conf": "a.b=2"}, "3"),
        ({"/etc/sysctl.d/10-a.conf": "a.b=1", "/etc/sysctl.d/99-z.conf": "a.*=2"}, "1"),
        ({"/etc/sysctl.d/10-a.conf": "a.*=1", "/etc/sysctl.d/99-z.conf": "-a.b"}, None),
        ({"/etc/sysctl.d/10-a.conf": "a.*=1\n; a.b=3\n# a.b=4"}, "1"),
        ({"/etc/sysctl.d/10-a.conf": "a.b=1\na.b = 2"}, "2"),
        ({"/etc/sysctl.d/10-a": "a.b=1"}, None),
    ],
)
def test_what_systemd_sysctl_would_take(bench: Workbench, files: dict[str, str], winner: str | None) -> None:
    """Order of names, hidden files, patterns, exclusions."""
    for path, text in files.items():
        bench.write(path, text)
    found = BootSysctl(bench.host, {}).winner("a.b")
    assert (found.value if found else None) == winner


@pytest.mark.parametrize(
    ("key", "normal"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter"),
        ("net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"),
    ],
)
def test_keys(key: str, normal: str) -> None:
    """The first separator tells which is which."""
    assert normal_key(key) == normal


def test_a_value_that_the_kernel_refuses_names_its_control(bench: Workbench) -> None:
    """So that the others of the drop-in can be applied without it."""
    provider = Sysctl(bench.host, bench.planned())
    controls = [forward(), control(Sysctl, "memory", key=MEMORY, value="1 2 3")]
    error = f"{bench.host.path('/proc/sys/net/ipv4/tcp_rmem')}: Invalid argument"
    assert provider.culprits(error, controls) == {"memory"}


@pytest.mark.parametrize(
    "value", [("kernel.modules_disabled", 1, True), ("kernel.modules_disabled", 0, False), (FORWARD, 1, False)]
)
def test_one_way(value: tuple[str, int, bool]) -> None:
    """Switches that the kernel does not turn back are known."""
    key, wanted, one_way = value
    assert Sysctl.is_one_way(control(Sysctl, "one", key=key, value=wanted)) is one_way


@pytest.mark.parametrize(
    "key",
    ["net.ipv4.*", "net.ipv6.conf.*.*", "net.ipv6.conf.e*.mtu", "net.*.conf.all.mtu", "", "a..b", "a b", "../a"],
)
def test_bad_keys(key: str) -> None:
    """Patterns and paths are no keys, but * for the interface."""
    assert faults_of(Sysctl, key=key, value=1)


REDIRECTS = "net.ipv6.conf.*.accept_redirects"


def interfaces(bench: Workbench, **values: int) -> None:
    """Interfaces of a host, each with its own value."""
    for name, value in values.items():
        bench.write(f"/proc/sys/net/ipv6/conf/{name.replace('_', '.')}/accept_redirects", f"{value}\n")


def existing(value: int = 0) -> Control:
    """A control over every interface that is there."""
    return control(Sysctl, "existing", key=REDIRECTS, value=value)


def redirects_of(bench: Workbench, name: str) -> bytes | None:
    """The running value of an interface."""
    return bench.read(f"/proc/sys/net/ipv6/conf/{name}/accept_redirects")


def test_every_interface_that_is_there(bench: Workbench) -> None:
    """Also one with a dot in its name; all and default are left to controls of their own."""
    interfaces(bench, all=1, default=1, lo=0, eth0_7=1)
    plan, _outcome = bench.run(Sysctl, [existing()])
    assert plan.verdicts["existing"].before == "eth0.7 1, lo 0"
    now = [redirects_of(bench, name) for name in ("all", "default", "lo", "eth0.7")]
    assert now == [b"1\n", b"1\n", b"0\n", b"0\n"]
    assert lines_of(bench) == [f"{REDIRECTS} = 0"]
    assert bench.plan(Sysctl, [existing()]).verdicts["existing"].status == COMPLIANT
    interfaces(bench, eth1=1)
    assert bench.plan(Sysctl, [existing()]).verdicts["existing"].before == "eth0.7 0, eth1 1, lo 0"


def test_interfaces_round_trip(bench: Workbench) -> None:
    """Each interface gets its own value back."""
    interfaces(bench, lo=1, eth0=0, eth1=1)
    assert_round_trip(bench, Sysctl, [existing()])


def test_without_interfaces_nothing_applies(bench: Workbench) -> None:
    """A kernel without IPv6 has none."""
    verdict = bench.plan(Sysctl, [existing()]).verdicts["existing"]
    assert verdict.status == NOT_APPLICABLE and "net/ipv6/conf/*/accept_redirects" in verdict.reason


@pytest.mark.parametrize("line", ["net.ipv6.conf.eth1.accept_redirects=1", "net.ipv6.conf.eth?.accept_redirects = 1"])
def test_an_interface_that_another_file_overrides_fails(bench: Workbench, line: str) -> None:
    """The file and the interface are named; nothing changes."""
    interfaces(bench, eth0=1, eth1=1)
    bench.write("/etc/sysctl.d/99-site.conf", f"{line}\n")
    plan, _outcome = bench.run(Sysctl, [existing()])
    verdict = plan.verdicts["existing"]
    assert verdict.status == FAILED and "/etc/sysctl.d/99-site.conf" in verdict.reason and ".eth" in verdict.reason
    assert bench.read(DROP_IN) is None and redirects_of(bench, "eth0") == b"1\n"


def test_an_interface_that_another_control_sets_otherwise_fails(bench: Workbench) -> None:
    """Otherwise each run would set it twice."""
    interfaces(bench, eth0=1, eth1=1)
    alone = control(Sysctl, "alone", key="net.ipv6.conf.eth1.accept_redirects", value=1)
    plan, _outcome = bench.run(Sysctl, [existing(), alone])
    assert plan.verdicts["existing"].status == FAILED and plan.verdicts["alone"].status == CHANGE
    assert lines_of(bench) == ["net.ipv6.conf.eth1.accept_redirects = 1"]


def test_a_value_refused_for_one_interface_names_the_control(bench: Workbench) -> None:
    """Whichever it was."""
    interfaces(bench, eth0=1, eth1=1)
    error = f"{bench.host.path('/proc/sys/net/ipv6/conf/eth1/accept_redirects')}: Invalid argument"
    assert Sysctl(bench.host, bench.planned()).culprits(error, [existing(), forward()]) == {"existing"}


def test_raise_only_is_for_one_parameter() -> None:
    """Of several one may be higher and another lower."""
    (fault,) = faults_of(Sysctl, key=REDIRECTS, value=1, raise_only=True)
    assert "raise_only" in fault and "allowed is false" in fault


def scheduler(value: str) -> Control:
    """A control over a list with a choice in brackets."""
    return control(Sysfs, "one", path=SCHEDULER, value=value)


@pytest.mark.parametrize("value", ["none", "kyber", "mq-deadline"])
def test_sysfs_writes_a_line_for_the_next_boot(bench: Workbench, value: str) -> None:
    """The value that is chosen already only needs the line."""
    plan = bench.plan(Sysfs, [scheduler(value)])
    assert plan.verdicts["one"].before == "mq-deadline"
    live = [change for step in plan.steps for change in step.changes if change.touches()[0][0] == "kernel_value"]
    assert bool(live) is (value != "mq-deadline")
    bench.run(Sysfs, [scheduler(value)])
    assert f"w- {SCHEDULER} - - - - {value}\n".encode() in (
        bench.read("/etc/tmpfiles.d/90-evenkeel-test-unit.conf") or b""
    )


def test_sysfs_round_trip(bench: Workbench) -> None:
    """Plain values come and go byte for byte."""
    bench.write("/sys/kernel/mm/ksm/run", "0\n")
    assert_round_trip(bench, Sysfs, [control(Sysfs, "one", path="/sys/kernel/mm/ksm/run", value=1)])


def test_sysfs_refuses_what_the_kernel_does_not_offer(bench: Workbench) -> None:
    """The choices are named."""
    verdict = bench.plan(Sysfs, [scheduler("bfq")]).verdicts["one"]
    assert verdict.status == FAILED and "none, mq-deadline, kyber" in verdict.reason


def test_compliant_needs_both(bench: Workbench) -> None:
    """Nothing to do after a run."""
    bench.run(Sysctl, [forward()])
    assert bench.plan(Sysctl, [forward()]).verdicts["forward"].status == COMPLIANT


def test_reasons_stand_above_their_values(bench: Workbench) -> None:
    """A comment is written above its line, changes with it, and survives a call for other areas."""
    told = control(Sysctl, "told", key=FORWARD, value=0, comment="Hosts are no routers.\nSource: a book")
    bench.run(Sysctl, [told])
    assert lines_of(bench) == ["# Hosts are no routers.", "# Source: a book", f"{FORWARD} = 0"]
    assert bench.plan(Sysctl, [], keep=frozenset({"told"})).steps == []
    bench.run(Sysctl, [control(Sysctl, "told", key=FORWARD, value=0, comment="Another reason.")])
    assert lines_of(bench) == ["# Another reason.", f"{FORWARD} = 0"]


def lines_of(bench: Workbench) -> list[str]:
    """The drop-in below its head."""
    return (bench.read(DROP_IN) or b"").decode().splitlines()[1:]


@pytest.mark.parametrize(
    ("wanted", "status", "written"),
    [
        ([8192, 131072, 6291456], CHANGE, True),
        ([4096, 65536, 65536], COMPLIANT, False),
        ([1, 1, 9999999], CHANGE, True),
    ],
)
def test_raise_only_leaves_higher_values(bench: Workbench, wanted: list[int], status: str, written: bool) -> None:
    """What is higher in each number stays, and no line is written for it."""
    bench.write("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 6291456\n")
    buffers = control(Sysctl, "buffers", key=MEMORY, value=wanted, raise_only=True)
    assert bench.plan(Sysctl, [buffers]).verdicts["buffers"].status == status
    bench.run(Sysctl, [buffers])
    assert (bench.read(DROP_IN) is not None) == written


def test_raise_only_looks_at_the_kernel_also_for_the_next_boot(bench: Workbench) -> None:
    """A line that only counts at boot would lower the value there."""
    bench.write("/proc/sys/net/ipv4/ip_forward", "100\n")
    known = {"raise_only": True, "persist_only": True}
    lower, higher = (control(Sysctl, "limit", key=FORWARD, value=value, **known) for value in (99, 101))
    assert bench.plan(Sysctl, [lower]).verdicts["limit"].status == COMPLIANT
    assert bench.plan(Sysctl, [higher]).verdicts["limit"].status == CHANGE


def test_raise_only_lowers_its_own_value(bench: Workbench) -> None:
    """A value that this scope set itself follows the control downwards."""
    for value in (500, 200):
        bench.run(Sysctl, [control(Sysctl, "limit", key=FORWARD, value=value, raise_only=True)])
        assert bench.read("/proc/sys/net/ipv4/ip_forward") == f"{value}\n".encode()


def test_raise_only_needs_numbers() -> None:
    """A text is neither higher nor lower."""
    faults = faults_of(Sysctl, key="net.core.default_qdisc", value="fq", raise_only=True)
    assert faults == ["value is 'fq': with raise_only allowed are whole numbers"]
