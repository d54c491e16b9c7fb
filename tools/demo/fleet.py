"""The hosts of the demo: brought up, asked, and talked to."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.demo.story import Story
from tools.lab import engine, image, vault
from tools.lab.access import ssh_command
from tools.lab.containers import Lab
from tools.lab.inventory import Host, read_hosts
from tools.lab.machine import only_one
from tools.lab.settings import LOGIN, LabError
from tools.runs import LAB

FETCH = """
import urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(urllib.request.Request({url!r}, headers={headers!r}), timeout=5)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode(), sep="\\n")
"""


@dataclass(frozen=True)
class Fleet:
    """The hosts of inventories/lab."""

    hosts: list[Host]

    def host(self, name: str) -> Host:
        """One host by its name."""
        return next(host for host in self.hosts if host.name == name)

    def named(self, prefix: str) -> list[str]:
        """Names of the hosts that start so."""
        return sorted(host.name for host in self.hosts if host.name.startswith(prefix))

    def url(self, prefix: str, port: int) -> str:
        """Where this port of such a host is found on this machine."""
        for host in self.hosts:
            for item in host.publish:
                if host.name.startswith(prefix) and item.target == port:
                    return f"http://{item.address}:{item.port}"
        raise LabError(f"No host of {LAB} named {prefix}* publishes its port {port}: see lab_publish in its hosts.yml.")

    def run(
        self, name: str, command: Sequence[str], *, login: str = LOGIN, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host over SSH."""
        full = [*ssh_command(self.host(name).address, login=login), *command]
        return subprocess.run(full, input=stdin, capture_output=True, text=True, check=False)

    def must(self, name: str, command: Sequence[str], *, stdin: str = "") -> str:
        """Run a command that has to work."""
        done = self.run(name, command, stdin=stdin)
        if done.returncode:
            raise LabError(f"{name}: {' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def fetch(self, name: str, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """What a server says to the host itself; headers travel on standard input, where nobody sees them."""
        status, _, body = self.must(
            name, ["python3", "-"], stdin=FETCH.format(url=url, headers=headers or {})
        ).partition("\n")
        return int(status), body.rstrip()


def bring_up(story: Story) -> Fleet:
    """Engine, images, containers; the Vault program is found or built meanwhile."""
    with only_one("engine"):
        engine.start()
    client = engine.connect()
    vault.start_building()
    hosts = read_hosts([LAB])
    image.build(client, sorted({host.distribution for host in hosts}))
    start = time.monotonic()
    with only_one("lab"):
        Lab(client).up(hosts, fresh=True)
    story.prove(True, f"{len(hosts)} hosts answer over SSH after {time.monotonic() - start:.0f} s")
    return Fleet(hosts)


def get_json(url: str) -> Any:
    """What a server says; raises OSError where it does not."""
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # our own http:// address
        return json.load(response)


def wait_until(seconds: float, ask: Callable[[], bool]) -> float | None:
    """Seconds until the answer was yes; nothing when the time is over before."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        try:
            if ask():
                return time.monotonic() - start
        except OSError:
            pass
        time.sleep(0.5)
    return None
