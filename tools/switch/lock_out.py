"""Locks the operator out of every host of the scenario: without the switch for good, with it until the deadline.

Each host has one fault (lab_fault). All hosts run at the same time. Run by verify.yml:
python -m tools.switch.lock_out --repeats 1 --inventory ...
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from docker.models.containers import Container

from tools.lab import engine
from tools.lab.access import ssh_command
from tools.lab.inventory import Host, read_hosts
from tools.lab.progress import say
from tools.lab.settings import CHECKOUT

SCENARIO = CHECKOUT / "molecule/switch"
DEADLINE = 30
GRACE = 15
# What ansible-playbook may take from its start until the fault is there.
PATIENCE = 120
WATCHED = "etc/ssh etc/pam.d etc/sudoers.d etc/nftables.conf home/operator/.ssh"
MANIFEST = (
    f"cd / && find {WATCHED} -printf '%p %y %m %U %G %l\\n' | sort; "
    f"find {WATCHED} -type f -exec sha256sum {{}} + | sort"
)
BACKUP = f"tar -C / -cpf /root/before.tar {WATCHED}"
REPAIR = f"cd / && rm -rf {WATCHED} && tar -xpf /root/before.tar && systemctl stop nftables; systemctl restart ssh"


class NotAsPromised(Exception):
    """The switch, or the fault, did not do what it should."""


@dataclass(frozen=True)
class Target:
    """A host, its container, and the fault that it gets."""

    host: Host
    container: Container
    inventories: tuple[str, ...]

    def inside(self, command: str) -> str:
        """Run a command past SSH, as somebody at the console would."""
        done = self.container.exec_run(["sh", "-c", command])
        if done.exit_code:
            raise NotAsPromised(f"{self.host.name}: '{command}' failed: {done.output.decode(errors='replace')}")
        return str(done.output.decode(errors="replace"))

    def reachable(self) -> bool:
        """One fresh login that becomes root."""
        command = [*ssh_command(self.host.address, ("-oConnectTimeout=3",)), "sudo -n true"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode == 0

    def start(self, markers: str, guarded: bool, linger: int) -> subprocess.Popen[str]:
        """Start the play that breaks this host, in a session of its own so that it can be killed whole."""
        variables = [f"guarded={guarded}", f"markers={markers}", f"linger={linger}", f"guard_deadline={DEADLINE}"]
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *(f"--inventory={path}" for path in self.inventories),
            f"--limit={self.host.name},localhost",
            *(word for variable in variables for word in ("--extra-vars", variable)),
            str(SCENARIO / "lock_out.yml"),
        ]
        # A control directory of its own: no login of an earlier play is reused.
        environment = {**os.environ, "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{markers}/cp"}
        with Path(markers, "log").open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
                start_new_session=True,
                cwd=CHECKOUT,
            )


def wait_for(marker: Path, process: subprocess.Popen[str], log: Path) -> float:
    """Until the play has come so far; returns when it was, as seconds of the wall clock."""
    end = time.monotonic() + PATIENCE
    while not marker.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise NotAsPromised(f"the play never came to '{marker.name}':\n{log.read_text(encoding='utf-8')[-3000:]}")
        time.sleep(0.2)
    return marker.stat().st_mtime


def kill(process: subprocess.Popen[str]) -> None:
    """The controller dies: no handler, no rescue, no farewell."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def without_switch(target: Target) -> str:
    """The fault alone: nobody gets in until somebody comes to the console."""
    with tempfile.TemporaryDirectory(prefix="evenkeel-switch-") as markers:
        process = target.start(markers, guarded=False, linger=0)
        try:
            wait_for(Path(markers, "broken"), process, Path(markers, "log"))
            # Twice and not more often: Debian 13's sshd punishes sources that fail.
            if target.reachable() or target.reachable():
                raise NotAsPromised(f"{target.host.name}: the fault does not lock anybody out")
        finally:
            kill(process)
            target.inside(REPAIR)
    return "without the switch locked out"


def with_switch(target: Target, killed: bool) -> str:
    """The fault under the switch; `killed`: the controller dies while the host is armed."""
    before = target.inside(MANIFEST)
    what = "controller killed" if killed else "controller alive"
    with tempfile.TemporaryDirectory(prefix="evenkeel-switch-") as markers:
        log = Path(markers, "log")
        process = target.start(markers, guarded=True, linger=PATIENCE if killed else 0)
        try:
            armed = wait_for(Path(markers, "armed"), process, log)
            wait_for(Path(markers, "broken"), process, log)
            if killed:
                kill(process)
            if target.reachable():
                raise NotAsPromised(f"{target.host.name}: the fault does not lock anybody out")
            if not killed:
                refuse_confirmation(target, process, log)
            seconds = wait_until_reachable(target, armed)
        finally:
            kill(process)
    after = target.inside(MANIFEST)
    if after != before:
        raise NotAsPromised(f"{target.host.name}: not put back byte for byte:\n{before}\n---\n{after}")
    return f"{what}: back after {seconds:.1f} s"


def refuse_confirmation(target: Target, process: subprocess.Popen[str], log: Path) -> None:
    """The play must fail, with the words of the login that failed."""
    code = process.wait(timeout=PATIENCE)
    text = log.read_text(encoding="utf-8")
    if code == 0 or "put itself back" not in text or "could not be confirmed" not in text:
        raise NotAsPromised(f"{target.host.name}: a lock-out was confirmed, or not explained ({code}):\n{text[-3000:]}")


def wait_until_reachable(target: Target, armed: float) -> float:
    """Ask from the deadline on; returns the seconds since the arming."""
    time.sleep(max(0.0, armed + DEADLINE - time.time()))
    while not target.reachable():
        if time.time() > armed + DEADLINE + GRACE:
            state = target.inside(
                "evenkeel status; evenkeel runs; journalctl -u 'evenkeel-deadline-*' --no-pager | tail -20"
            )
            raise NotAsPromised(f"{target.host.name}: still locked out {GRACE} s after the deadline:\n{state}")
        time.sleep(2)
    return time.time() - armed


def one_round(target: Target) -> str:
    """All three ways for one host."""
    words = [without_switch(target), with_switch(target, killed=False), with_switch(target, killed=True)]
    return ", ".join(words)


def main() -> int:
    """Print a line per host and round; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inventory", action="append", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--hosts", default="", help="only these, separated by commas")
    options = parser.parse_args()
    client = engine.connect()
    names = set(options.hosts.split(",")) - {""}
    hosts = [host for host in read_hosts(options.inventory) if not names or host.name in names]
    inventories = tuple(str(path) for path in options.inventory)
    targets = [Target(host, client.containers.get(host.container), inventories) for host in hosts]
    for target in targets:
        target.inside(BACKUP)
    failures = 0
    for number in range(1, options.repeats + 1):
        with ThreadPoolExecutor(len(targets)) as pool:
            rounds = [(target, pool.submit(one_round, target)) for target in targets]
        for target, job in rounds:
            error = job.exception()
            failures += error is not None
            say(f"round {number}: {target.host.name} ({target.host.distribution}): {error or job.result()}")
    say(f"{options.repeats * len(targets) - failures} of {options.repeats * len(targets)} as promised")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
