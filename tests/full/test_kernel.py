"""Kernel settings of every kind: changed, there after a reboot, let go with the profile, and undone.

The machine gets its kernel from outside; the boot loader's part, which is to hand its configuration to the kernel, is
played by the test: it starts the machine with the words that update-grub wrote.
"""

from __future__ import annotations

import time

import pytest
from guest import boot_again, play, root

from tools.lab.progress import say
from tools.vm.machine import Machine, timed

# What a shell answers; none of it looks at the settings' files.
ASKED = {
    "sysctl": "sysctl -n vm.swappiness",
    "dirty": "sysctl -n vm.dirty_ratio vm.dirty_bytes vm.dirty_background_ratio vm.dirty_background_bytes",
    "somaxconn": "sysctl -n net.core.somaxconn",
    "ports": "sysctl -n net.ipv4.ip_local_port_range",
    "huge pages": "sysctl -n vm.nr_hugepages",
    "transparent": "cat /sys/kernel/mm/transparent_hugepage/enabled",
    "module": "grep -c ^nf_conntrack /proc/modules || true",
    "module option": "cat /sys/module/nf_conntrack/parameters/hashsize || true",
    "tracked": "sysctl -n net.netfilter.nf_conntrack_max || true",
    "services": "systemctl show --property=DefaultLimitNOFILE --value; systemctl show -p DefaultLimitMEMLOCK --value",
    "a service": "systemd-run --quiet --pipe --wait sh -c 'ulimit -Hn; ulimit -Sn'",
    "a login": "su - operator -c 'ulimit -Hn; ulimit -Hl'",
    "read-ahead": "cat /sys/block/vda/queue/read_ahead_kb",
    "scheduler": "cat /sys/block/vda/queue/scheduler",
    "command line": "tr ' ' '\\n' < /proc/cmdline | grep -E '^(nvme_core|cpufreq|skew)' || true",
}
MANIFEST = (
    "cd / && find etc boot/grub -not -path 'etc/.*' \\( -type f -o -type l \\) -printf '%p %m %U %G %l\\n' | sort; "
    "find etc boot/grub -type f -exec sha256sum {} + | sort"
)
# 50000 connections: four times as many open files and tracked connections, rounded up, but the floors are above.
WEB_PROXY = {
    "sysctl": "10",
    "somaxconn": "16384",
    "ports": "12000\t65535",
    "huge pages": "32",
    "transparent": "always [madvise] never",
    "module option": "262144",
    "tracked": "262144",
    "read-ahead": "128",
    "command line": "",
}
VIRTUAL_GUEST = {
    "sysctl": "30",
    "dirty": "30\n0\n10\n0",
    "huge pages": "0",
    "read-ahead": "4096",
    "scheduler": "[none] mq-deadline",
    "command line": "nvme_core.io_timeout=4294967295",
}
DATABASE = {"sysctl": "3", "dirty": "0\n536870912\n0\n67108864", "transparent": "always madvise [never]"}


def asked(machine: Machine) -> dict[str, str]:
    """All answers, with one login."""
    script = "; echo ===; ".join(ASKED.values())
    answers = [answer.strip() for answer in root(machine, f"({script}) 2>/dev/null").split("===")]
    return dict(zip(ASKED, answers))


def assert_holds(machine: Machine, wanted: dict[str, str], when: str) -> dict[str, str]:
    """The wanted answers, all that differ at once."""
    now = asked(machine)
    say(f"{when}: {now}")
    assert {name: now[name] for name in wanted} == wanted
    return now


def tune(machine: Machine, profile: str, **inputs: object) -> str:
    """Run the role; its report is printed."""
    start = time.monotonic()
    said = play(machine, "tune_kernel.yml", {"kernel_profile": profile, **inputs})
    timed(f"role kernel, profile {profile}", start)
    say("\n".join(line for line in said.splitlines() if "applicable" in line or "changed=" in line))
    return said


@pytest.fixture(scope="module")
def before(machine: Machine) -> dict[str, str]:
    """The machine as it is, with a menu of its boot loader."""
    root(machine, "update-grub")
    boot_again(machine, "before")
    return {**asked(machine), "manifest": root(machine, MANIFEST)}


def test_settings_hold_after_a_reboot(machine: Machine, before: dict[str, str]) -> None:
    """Parameters, transparent and reserved huge pages, a module and its option, limits of services and logins."""
    said = tune(machine, "web_proxy", kernel_connections=50000, kernel_hugepages_mib=64)
    assert "failed=0" in said
    live = {name: value for name, value in WEB_PROXY.items() if name != "module option"}
    assert_holds(machine, live, "web_proxy, live")
    boot_again(machine, "web_proxy")
    now = assert_holds(machine, WEB_PROXY, "web_proxy, after the reboot")
    assert int(now["module"]) > 0 == int(before["module"])
    assert now["a service"].split() == ["524288", "1024"]
    assert now["a login"].split()[0] == "524288"


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    """Also after a reboot."""
    said = tune(machine, "web_proxy", kernel_connections=50000, kernel_hugepages_mib=64)
    assert "changed=0" in said


def test_another_profile_lets_go_of_the_first(machine: Machine, before: dict[str, str]) -> None:
    """Disks and the boot's command line; nothing of the proxy comes back at boot."""
    tune(machine, "virtual_guest")
    live = {name: value for name, value in VIRTUAL_GUEST.items() if name not in ("command line", "huge pages")}
    assert_holds(machine, live, "virtual_guest, live")
    boot_again(machine, "virtual_guest")
    now = assert_holds(machine, VIRTUAL_GUEST, "virtual_guest, after the reboot")
    for name in ("ports", "somaxconn", "module", "transparent"):
        assert now[name] == before[name], name


def test_a_database_gets_bytes_in_place_of_per_cents(machine: Machine) -> None:
    """Of each pair the kernel sets the other to 0; the huge pages may be locked."""
    tune(machine, "database", kernel_hugepages_mib=64)
    now = assert_holds(machine, DATABASE, "database, live")
    assert now["services"].split()[1] == str(64 * 1024 * 1024)
    assert now["a login"].split()[1] == str(64 * 1024)


def test_undo_leaves_nothing(machine: Machine, before: dict[str, str]) -> None:
    """Files as before at once, and values, also after a reboot."""
    start = time.monotonic()
    play(machine, "undo.yml")
    timed("undo of all runs", start)
    assert root(machine, MANIFEST) == before["manifest"]
    now = asked(machine)
    kept = ("module", "module option", "tracked", "command line")
    differing = {name: (before[name], now[name]) for name in ASKED if name not in kept and before[name] != now[name]}
    assert differing == {}
    boot_again(machine, "undone")
    assert asked(machine) == {name: before[name] for name in ASKED}
