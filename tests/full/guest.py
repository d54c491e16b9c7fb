"""What the tests do with a virtual machine: commands of root, playbooks, reboots."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.lab.settings import CHECKOUT
from tools.vm.machine import Machine, timed

HERE = Path(__file__).parent


def root(machine: Machine, command: str, timeout: float = 120) -> str:
    """The output of a shell command of root, which has to succeed."""
    quoted = command.replace("'", "'\"'\"'")
    return machine.must(f"sudo sh -c '{quoted}'", timeout)


def play(machine: Machine, playbook: str, variables: Mapping[str, Any] | None = None) -> str:
    """The output of a playbook beside this file, which has to succeed."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), f"--inventory={machine.inventory()}"]
    extra = [f"--extra-vars={name}={value}" for name, value in (variables or {}).items()]
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": "/tmp",
        # An emulated machine is slow to log in where the tests share the processors with others.
        "ANSIBLE_TIMEOUT": "120",
    }
    done = subprocess.run(
        [*command, *extra, str(HERE / playbook)],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stdout[max(done.stdout.find("fatal:"), 0) :][:3000] + done.stderr[-2000:])
    return done.stdout


def boot_again(machine: Machine, what: str) -> None:
    """Switch off, and start with what the boot loader's menu says of its first entry."""
    menu = root(machine, "grep -m1 -E '^[[:space:]]*linux[[:space:]]' /boot/grub/grub.cfg").split()
    machine.command_line = " ".join(menu[menu.index("ro") + 1 :])
    start = time.monotonic()
    machine.shut_down()
    machine.start()
    machine.wait_for_login()
    timed(f"{what}, off and on again with the words {machine.command_line!r}", start)


def reboot(machine: Machine, what: str) -> None:
    """Boot again as the guest does it."""
    old = machine.must("cat /proc/sys/kernel/random/boot_id")
    start = time.monotonic()
    machine.ssh("sudo systemctl reboot")
    machine.wait_for_login(not_boot=old)
    timed(what, start)
