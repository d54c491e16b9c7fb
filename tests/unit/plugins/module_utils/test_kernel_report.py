# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sets a kernel setting at boot, who is overridden, and why it cannot be set here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.kernel_report import KernelReport, Question, questions

Write = Callable[[str, str], None]
SWAPPINESS, THP = Question("sysctl", "vm.swappiness"), Question("sysfs", "/sys/kernel/mm/transparent_hugepage/enabled")
OWN = "/etc/sysctl.d/98-evenkeel-kernel.conf"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Makes a file of the host."""

    def make(path: str, text: str) -> None:
        place = tmp_path / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    make("/proc/sys/vm/swappiness", "60\n")
    make("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    make("/proc/meminfo", "MemTotal:  4194304 kB\nHugepagesize:  2048 kB\n")
    make("/proc/self/uid_map", "0 0 4294967295\n")
    make("/proc/cmdline", "root=/dev/vda quiet audit=0 audit=1\n")
    make("/proc/modules", "overlay 1 2 - Live 0x0\n")
    return make


def one(root: Path, question: Question, is_root: bool = True) -> dict[str, Any]:
    """What is told of one setting."""
    (told,) = KernelReport(Host(str(root)), is_root).settings([question])
    return told


def test_the_last_file_wins_and_the_others_are_told(tmp_path: Path, write: Write) -> None:
    """Also a pattern that a named line overrides."""
    write("/usr/lib/sysctl.d/50-default.conf", "vm.swap* = 1\n")
    write("/etc/sysctl.d/10-site.conf", "vm/swappiness=30\n")
    write(OWN, "# why\nvm.swappiness = 10\n")
    told = one(tmp_path, SWAPPINESS)
    assert (told["running"], told["settable"], told["reason"]) == ("60", True, "")
    assert told["boot"] == {"file": OWN, "value": "10"} and told["same_after_reboot"] is False
    assert told["shadowed"] == [
        {"file": "/etc/sysctl.d/10-site.conf", "value": "30"},
        {"file": "/usr/lib/sysctl.d/50-default.conf", "value": "1"},
    ]


def test_nobody_sets_it(tmp_path: Path, write: Write) -> None:
    """The kernel's default holds."""
    told = one(tmp_path, SWAPPINESS)
    assert (told["boot"], told["shadowed"], told["same_after_reboot"], told["unread"]) == (None, [], None, None)


@pytest.mark.parametrize("linked", [False, True])
def test_sysctl_conf_counts_only_where_something_reads_it(tmp_path: Path, write: Write, linked: bool) -> None:
    """Debian 13 has no link to it any more."""
    write("/etc/sysctl.conf", "vm.swappiness=5\n")
    write("/etc/sysctl.d/README", "")
    if linked:
        (tmp_path / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    told = one(tmp_path, SWAPPINESS)
    assert told["unread"] == (None if linked else {"file": "/etc/sysctl.conf", "value": "5"})
    assert told["boot"] == ({"file": "/etc/sysctl.d/99-sysctl.conf", "value": "5"} if linked else None)


@pytest.mark.parametrize("enabled", [False, True])
def test_ufw_sets_its_values_later(tmp_path: Path, write: Write, enabled: bool) -> None:
    """Where it is enabled."""
    write(OWN, "vm.swappiness = 10\n")
    write("/etc/ufw/ufw.conf", f"ENABLED={'yes' if enabled else 'no'}\n")
    write("/etc/ufw/sysctl.conf", "vm/swappiness=1\n")
    told = one(tmp_path, SWAPPINESS)
    assert told["boot"] == ({"file": "/etc/ufw/sysctl.conf", "value": "1"} if enabled else {"file": OWN, "value": "10"})
    assert ({"file": OWN, "value": "10"} in told["shadowed"]) is enabled


def test_tuned_sets_its_values_last(tmp_path: Path, write: Write) -> None:
    """Those of the active profile, over those that it includes; one that includes itself ends."""
    write(OWN, "vm.swappiness = 10\n")
    write("/etc/tuned/active_profile", "mine\n")
    write("/etc/tuned/mine/tuned.conf", "[main]\ninclude=base mine\n[sysctl]\nvm.swappiness=3\n[vm]\nx=1\n")
    write("/usr/lib/tuned/base/tuned.conf", "[sysctl]\nvm.swappiness=30\n")
    assert one(tmp_path, SWAPPINESS)["boot"] == {"file": OWN, "value": "10"}
    write("/etc/systemd/system/multi-user.target.wants/tuned.service", "")
    told = one(tmp_path, SWAPPINESS)
    assert told["boot"] == {"file": "/etc/tuned/mine/tuned.conf", "value": "3"}
    assert {"file": "/usr/lib/tuned/base/tuned.conf", "value": "30"} in told["shadowed"]


def test_the_first_line_of_tmpfiles_wins(tmp_path: Path, write: Write) -> None:
    """A file in /etc hides that of its name elsewhere."""
    write("/etc/tmpfiles.d/90-evenkeel-kernel.conf", f"# why\nw- {THP.name} - - - - madvise\n")
    write("/usr/lib/tmpfiles.d/91-other.conf", f"w {THP.name} - - - - always\n")
    write("/usr/lib/tmpfiles.d/10-hidden.conf", f"w {THP.name} - - - - never\n")
    write("/etc/tmpfiles.d/10-hidden.conf", "")
    told = one(tmp_path, THP)
    assert told["boot"] == {"file": "/etc/tmpfiles.d/90-evenkeel-kernel.conf", "value": "madvise"}
    assert (told["running"], told["same_after_reboot"]) == ("madvise", True)
    assert told["shadowed"] == [{"file": "/usr/lib/tmpfiles.d/91-other.conf", "value": "always"}]


def test_a_module_that_is_blocked_is_not_loaded_at_boot(tmp_path: Path, write: Write) -> None:
    """modprobe's configuration is above the wish to load it."""
    write("/etc/modules-load.d/60-evenkeel-kernel.conf", "br_netfilter\noverlay\n")
    told = one(tmp_path, Question("module", "br-netfilter"))
    assert (told["running"], told["boot"]["value"]) == ("not loaded", "loaded")
    write("/etc/modprobe.d/60-evenkeel-hardening.conf", "install br_netfilter /bin/false\nblacklist br_netfilter\n")
    told = one(tmp_path, Question("module", "br-netfilter"))
    assert told["boot"] == {"file": "/etc/modprobe.d/60-evenkeel-hardening.conf", "value": "blocked"}
    assert one(tmp_path, Question("module", "overlay"))["running"] == "loaded"


def test_the_command_line(tmp_path: Path, write: Write) -> None:
    """The kernel takes the last word; the boot loader's last file has it."""
    write("/etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet audit=0"\n')
    write("/etc/default/grub.d/60-x.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT audit=1"\n')
    told = one(tmp_path, Question("cmdline", "audit"))
    assert (told["running"], told["boot"]) == ("audit=1", {"file": "/etc/default/grub.d/60-x.cfg", "value": "audit=1"})
    assert one(tmp_path, Question("cmdline", "skew_tick"))["running"] is None


@pytest.mark.parametrize(
    ("name", "module"),
    [("net.netfilter.nf_conntrack_max", "nf_conntrack"), ("net.bridge.bridge-nf-call-iptables", "br_netfilter")],
)
def test_a_missing_parameter_names_its_module(tmp_path: Path, write: Write, name: str, module: str) -> None:
    """Not settable, and why."""
    told = one(tmp_path, Question("sysctl", name))
    assert (told["running"], told["settable"]) == (None, False)
    assert told["reason"].endswith(f": its module {module} is not loaded")
    assert one(tmp_path, Question("sysctl", "vm.no_such"))["reason"] == "this kernel has no /proc/sys/vm/no_such"


def test_why_a_value_cannot_be_set(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """No root; mounted read-only on a machine, or in a container; another's user namespace; a file to be read."""
    assert one(tmp_path, SWAPPINESS, is_root=False)["reason"] == "it needs root"
    (tmp_path / "proc/sys/vm/swappiness").chmod(0o444)
    assert one(tmp_path, SWAPPINESS)["reason"] == "/proc/sys/vm/swappiness can only be read"
    report = KernelReport(Host(str(tmp_path)), True)
    monkeypatch.setattr(report.host.fs, "is_read_only", lambda path: "/proc/sys" in path)
    assert "mounted read-only" in report.settings([SWAPPINESS])[0]["reason"]
    write("/.dockerenv", "")
    assert "belongs to the machine around the container" in report.settings([SWAPPINESS])[0]["reason"]
    assert report.environment() == {
        "container": True,
        "user_namespace": False,
        "proc_sys_read_only": True,
        "sys_read_only": False,
        "root": True,
    }
    for kind, name in (("module", "overlay"), ("cmdline", "quiet")):
        assert "container" in report.settings([Question(kind, name)])[0]["reason"]


def test_a_user_namespace_does_not_own_the_keys_of_the_machine(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its root is another user outside."""
    write("/proc/self/uid_map", "0 100000 65536\n")
    (tmp_path / "proc/sys/vm/swappiness").chmod(0o644)
    real = Path(tmp_path, "proc/sys/vm/swappiness").stat()

    class Foreign:
        st_uid, st_mode = 65534, real.st_mode

    report = KernelReport(Host(str(tmp_path)), True)
    assert report.environment()["user_namespace"]
    monkeypatch.setattr(
        "ansible_collections.evenkeel.ops.plugins.module_utils.kernel_report.os.stat", lambda _path: Foreign
    )
    assert report._why_not("/proc/sys/vm/swappiness").endswith(
        "does not belong to this user namespace: its root may not set it"
    )


def test_the_machine_is_measured(tmp_path: Path, write: Write) -> None:
    """The fastest card that tells its speed; a virtual one tells nothing, or -1."""
    for name, speed in {"lo": "", "eth0": "1000", "eth1": "25000", "veth": "-1"}.items():
        write(f"/sys/class/net/{name}/speed", f"{speed}\n")
    machine = KernelReport(Host(str(tmp_path)), True).machine()
    assert (machine["memory_mib"], machine["nic_mbits"], machine["hugepage_kib"]) == (4096, 25000, 2048)
    assert machine["cores"] >= 1


def test_a_host_that_hides_everything_still_answers(tmp_path: Path) -> None:
    """Sizes are unknown then."""
    report = KernelReport(Host(str(tmp_path)), False)
    assert (report.machine()["memory_mib"], report.machine()["nic_mbits"]) == (0, 0)
    assert report.settings([SWAPPINESS])[0]["settable"] is False


def test_controls_are_questions() -> None:
    """With their ids and what they want; other kinds are left out."""
    asked = questions(
        [
            {"id": "a", "sysctl": {"key": "net.ipv4.tcp_rmem", "value": [1, 2, 3]}},
            {"id": "b", "kernel_module": {"name": "overlay", "state": "loaded"}},
            {"id": "c", "setting": {"file": "/x"}},
            {"id": "d", "cmdline": {"parameter": "quiet"}},
        ]
    )
    assert [(q.kind, q.name, q.id, q.wanted) for q in asked] == [
        ("sysctl", "net.ipv4.tcp_rmem", "a", "1 2 3"),
        ("module", "overlay", "b", "loaded"),
        ("cmdline", "quiet", "d", ""),
    ]
