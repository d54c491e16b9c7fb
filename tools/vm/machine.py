"""Starts, reboots and kills a virtual machine. Software emulation is enough: it needs no /dev/kvm."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from tools.lab.access import key_path
from tools.lab.machine import need
from tools.lab.progress import say
from tools.lab.settings import LOGIN, LabError, cache_dir
from tools.vm.disk import Disk

BOOT_SECONDS = 300
APPEND = "root=/dev/vda rw console=ttyS0 net.ifnames=1 systemd.show_status=false"


class Machine:
    """One virtual machine over a disk of its own, reached over SSH on a forwarded port of 127.0.0.1."""

    def __init__(self, disk: Disk, memory_mib: int = 1024) -> None:
        self.base = disk
        self.memory_mib = memory_mib
        self.port = _free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="evenkeel-vm-", dir=cache_dir() / "vm"))
        self.process: subprocess.Popen[bytes] | None = None
        # What a boot loader would put on the kernel's command line; read at each start.
        self.command_line = ""
        self._prepare()

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.directory)

    @property
    def console(self) -> Path:
        """What the machine wrote to its serial console."""
        return self.directory / "console.log"

    @property
    def known_hosts(self) -> Path:
        """The machine's SSH host key, known before the first login."""
        return self.directory / "known_hosts"

    def start(self) -> None:
        """Switch the machine on; returns at once."""
        command = [
            need("qemu-system-x86_64", "qemu-system-x86"),
            *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(self.memory_mib)),
            *("-kernel", str(self.base.kernel), "-initrd", str(self.base.initrd)),
            *("-append", f"{APPEND} {self.command_line}".strip()),
            *("-drive", f"file={self.directory / 'disk.img'},format=raw,if=virtio"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:22"),
            *("-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"),
            *("-display", "none", "-monitor", "none", "-serial", f"file:{self.console}"),
        ]
        log = (self.directory / "qemu.log").open("wb")
        with log:
            # The machine dies with the test that started it, also when that is killed.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """A power cut: what the guest had not flushed is lost."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def shut_down(self) -> None:
        """Switch the machine off as an operator does."""
        self.ssh("sudo systemctl poweroff")
        if self.process is not None:
            try:
                self.process.wait(timeout=BOOT_SECONDS)
            except subprocess.TimeoutExpired:
                raise LabError(f"The virtual machine did not switch off within {BOOT_SECONDS} s.") from None
        self.process = None

    def wait_for_login(self, not_boot: str = "") -> str:
        """Wait for a login, into another boot than `not_boot`; returns the boot's id."""
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            done = self.ssh("cat /proc/sys/kernel/random/boot_id")
            if done.returncode == 0 and done.stdout.strip() != not_boot:
                return done.stdout.strip()
            if self.process is None or self.process.poll() is not None:
                raise LabError(
                    f"The virtual machine ended: {(self.directory / 'qemu.log').read_text(errors='replace')}"
                )
            time.sleep(1)
        tail = "\n".join(self.console.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise LabError(f"No login into the virtual machine within {BOOT_SECONDS} s; its console ends with:\n{tail}")

    def ssh(self, command: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command over a login of its own."""
        argv = [need("ssh", "openssh-client"), "-F", os.devnull, *self.ssh_options(), f"{LOGIN}@127.0.0.1", command]
        try:
            return subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 255, "", f"no answer within {timeout:g} s")

    def send(self, command: str, content: bytes) -> None:
        """Run a command that reads `content`, and has to succeed."""
        argv = [need("ssh", "openssh-client"), "-F", os.devnull, *self.ssh_options(), f"{LOGIN}@127.0.0.1", command]
        done = subprocess.run(argv, input=content, capture_output=True, check=False, timeout=300)
        if done.returncode:
            raise LabError(f"'{command}' failed in the virtual machine: {done.stderr.decode(errors='replace').strip()}")

    def must(self, command: str, timeout: float = 120) -> str:
        """Run a command that has to succeed; returns its output."""
        done = self.ssh(command, timeout)
        if done.returncode:
            raise LabError(f"'{command}' failed in the virtual machine ({done.returncode}): {done.stderr.strip()}")
        return done.stdout.strip()

    def ssh_options(self) -> list[str]:
        """The options of a login."""
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "ControlMaster": "no",
            "ControlPath": "none",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.known_hosts),
        }
        words = [f"-o{name}={value}" for name, value in options.items()]
        return [f"-p{self.port}", "-i", str(key_path()), *words]

    def inventory(self) -> Path:
        """An Ansible inventory with this machine as host `vm`."""
        path = self.directory / "hosts.yml"
        common = f"-o UserKnownHostsFile={self.known_hosts} -o IdentitiesOnly=yes"
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": str(self.port),
            "ansible_user": LOGIN,
            "ansible_ssh_private_key_file": str(key_path()),
            "ansible_ssh_common_args": f'"{common}"',
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        lines = ["---", "all:", "  hosts:", "    vm:", *(f"      {name}: {value}" for name, value in variables.items())]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def _prepare(self) -> None:
        disk = str(self.directory / "disk.img")
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(self.base.image), disk], check=True)
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.base.host_key}\n", encoding="ascii")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def timed(what: str, start: float) -> float:
    """Print how long something took; returns the seconds."""
    seconds = time.monotonic() - start
    say(f"{what}: {seconds:.0f} s")
    return seconds
