"""What was armed or unfinished when the machine went down is put back before anything reads it."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from guest import play, reboot, root

from tools.lab.settings import CHECKOUT
from tools.vm.machine import Machine, timed

FAULTS = "/etc/ssh/sshd_config.d/05-fault.conf /etc/sysctl.d/60-fault.conf /etc/modules-load.d/fault.conf"
BEFORE_FILES = (
    "printf 'net.ipv4.ip_forward = 0\\n' > /etc/sysctl.d/50-site.conf; chmod 640 /etc/sysctl.d/50-site.conf; "
    "printf 'ClientAliveInterval 77\\n' > /etc/ssh/sshd_config.d/50-site.conf; sync"
)
MANIFEST = (
    "cd / && find etc/ssh etc/sysctl.d etc/modules-load.d etc/nftables.conf -printf '%p %y %m %U %G %l\\n' | sort; "
    "find etc/ssh etc/sysctl.d etc/modules-load.d etc/nftables.conf -type f -exec sha256sum {} + | sort"
)
STATE = "sysctl -n net.ipv4.ip_forward; lsmod | grep -c '^dummy' || true; systemctl is-enabled nftables.service || true"


def runs(machine: Machine) -> dict[str, str]:
    answer = json.loads(root(machine, "evenkeel runs --json"))
    return {item["run"]: item["state"] for item in answer["runs"]}


def boot_order(machine: Machine) -> dict[str, int]:
    """Microseconds after the kernel's start at which each unit began."""
    units = ["evenkeel-revert", "systemd-sysctl", "systemd-modules-load", "nftables", "ssh"]
    found = {}
    for unit in units:
        words = root(machine, f"systemctl show -p ExecMainStartTimestampMonotonic --value {unit}.service")
        found[unit] = int(words or 0)
    return found


@pytest.fixture(scope="module", autouse=True)
def site_files(machine: Machine) -> None:
    root(machine, BEFORE_FILES)


def test_reboot_while_armed(machine: Machine) -> None:
    before = root(machine, MANIFEST)
    play(machine, "arm_and_break.yml")
    assert set(runs(machine).values()) == {"armed"}
    reboot(machine, "reboot while armed, back on port 22")
    assert set(runs(machine).values()) == {"reverted"}
    assert root(machine, MANIFEST) == before
    assert root(machine, STATE).split() == ["0", "0", "disabled"]
    order = boot_order(machine)
    assert 0 < order["evenkeel-revert"] < min(order["systemd-sysctl"], order["systemd-modules-load"], order["ssh"])
    assert "was put back" in root(machine, "cat /run/motd.d/*")


def test_the_same_without_the_switch_bites(machine: Machine) -> None:
    """Only what does not cut the test itself off."""
    root(
        machine, "echo net.ipv4.ip_forward=1 > /etc/sysctl.d/60-fault.conf; echo dummy > /etc/modules-load.d/fault.conf"
    )
    reboot(machine, "reboot without the switch")
    assert root(machine, STATE).split()[:2] == ["1", "1"]
    root(machine, f"rm -f {FAULTS}; sync")


def test_power_cut_in_mid_transaction(machine: Machine) -> None:
    copy_collection(machine)
    before = root(machine, MANIFEST)
    old = machine.must("cat /proc/sys/kernel/random/boot_id")
    root(machine, "systemd-run --quiet --unit=unfinished python3 /root/unfinished_call.py")
    wait_until_halfway(machine)
    assert root(machine, MANIFEST) != before
    assert runs(machine)["cut-off"] == "open"
    machine.kill()
    start = time.monotonic()
    machine.start()
    machine.wait_for_login(not_boot=old)
    timed("boot after the power cut", start)
    assert runs(machine)["cut-off"] == "reverted"
    assert root(machine, MANIFEST) == before
    assert root(machine, STATE).split()[:2] == ["0", "0"]
    assert root(machine, "evenkeel status") == "Nothing is armed, unfinished or on hold."


def copy_collection(machine: Machine) -> None:
    """What Ansible would send with a module."""
    where = "/root/collections/ansible_collections/evenkeel/ops"
    names = ["plugins/module_utils", "tests/full/unfinished_call.py"]
    archive = subprocess.run(["tar", "-C", str(CHECKOUT), "-czf", "-", *names], capture_output=True, check=True).stdout
    machine.send(f"sudo sh -c 'mkdir -p {where} && tar -xzf - -C {where}'", archive)
    root(machine, f"cp {where}/tests/full/unfinished_call.py /root/")


def wait_until_halfway(machine: Machine) -> None:
    """All files are changed, the tool hangs."""
    for _attempt in range(60):
        if machine.ssh("pgrep -x sleep").returncode == 0:
            return
        time.sleep(1)
    pytest.fail(root(machine, "journalctl -u unfinished --no-pager"))
