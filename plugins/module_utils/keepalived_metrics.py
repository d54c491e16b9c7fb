# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what keepalived tells through its FIFO as metrics for the textfile collector of Prometheus' node exporter.

This file stands alone, because it is also the program that keepalived starts and stops itself:
keepalived_metrics.py DIRECTORY INSTANCE=ADDRESS... FIFO

keepalived starts it as root. It goes on as the owner of the directory, which it alone has to write to. A reload ends it
and starts it again: states and counters go on from the file, since keepalived does not tell of a master anew. Where
keepalived stops, the file goes: what does not run has no state.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

FILE = "evenkeel_vrrp.prom"
STATES = ("master", "backup", "fault")
GONE = ("stop", "deleted")
# A line for each transition: INSTANCE "web" MASTER 100
EVENT = re.compile(r'INSTANCE "([A-Za-z0-9_.-]+)" (MASTER|BACKUP|FAULT|STOP|DELETED) \d+\s*')
SAMPLE = re.compile(r'(evenkeel_vrrp_\w+)\{vrrp_instance="([A-Za-z0-9_.-]+)"(?:,state="(\w+)")?\} ([0-9.]+)')


class Instance:
    """What is known of one VRRP instance."""

    def __init__(self, state: str = "", transitions: int = 0, since: float = 0.0) -> None:
        self.state, self.transitions, self.since = state, transitions, since

    def enter(self, state: str, now: float) -> None:
        """A state that it has already is told again after a reload, and is no transition."""
        if state != self.state:
            self.transitions += 1
            self.since = now
        self.state = state


class Metrics:
    """The instances, and the file that tells of them."""

    def __init__(self, directory: str, addresses: dict[str, str], is_here: Callable[[str], bool]) -> None:
        self.path = os.path.join(directory, FILE)
        earlier = read(self.path)
        self.instances: dict[str, Instance] = {}
        for name, address in addresses.items():
            if name in earlier:
                self.instances[name] = earlier[name]
            elif is_here(address):
                # Of a master that was one before we are first started nobody tells.
                self.instances[name] = Instance("master", since=time.time())
        if self.instances:
            self.write()

    def take(self, line: str, now: float) -> None:
        """One event of keepalived; other lines are none of ours."""
        event = EVENT.fullmatch(line)
        if event is None:
            return
        name, state = event.group(1), event.group(2).lower()
        if state in GONE:
            self.instances.pop(name, None)
        else:
            self.instances.setdefault(name, Instance()).enter(state, now)
        if self.instances:
            self.write()
        else:
            self.remove()

    def remove(self) -> None:
        """Where keepalived is gone."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def write(self) -> None:
        """Whole or not at all: the exporter may read at any moment."""
        directory, name = os.path.split(self.path)
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.writelines(render(self.instances))
                os.fchmod(stream.fileno(), 0o644)
            os.replace(temporary, self.path)
        except OSError:
            os.unlink(temporary)
            raise


def render(instances: dict[str, Instance]) -> Iterator[str]:
    """The metrics in Prometheus' own format."""
    yield "# HELP evenkeel_vrrp_state Whether the VRRP instance is in the state.\n# TYPE evenkeel_vrrp_state gauge\n"
    for name, each in sorted(instances.items()):
        for state in STATES:
            yield f'evenkeel_vrrp_state{{vrrp_instance="{name}",state="{state}"}} {int(state == each.state)}\n'
    yield "# HELP evenkeel_vrrp_transitions_total Changes of state.\n# TYPE evenkeel_vrrp_transitions_total counter\n"
    for name, each in sorted(instances.items()):
        yield f'evenkeel_vrrp_transitions_total{{vrrp_instance="{name}"}} {each.transitions}\n'
    yield "# HELP evenkeel_vrrp_last_transition_timestamp_seconds When the state changed last.\n"
    yield "# TYPE evenkeel_vrrp_last_transition_timestamp_seconds gauge\n"
    for name, each in sorted(instances.items()):
        yield f'evenkeel_vrrp_last_transition_timestamp_seconds{{vrrp_instance="{name}"}} {each.since:.3f}\n'


def read(path: str) -> dict[str, Instance]:
    """What an earlier program wrote; nothing where there is no such file."""
    found: dict[str, Instance] = {}
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            samples = [match.groups() for match in map(SAMPLE.match, stream) if match]
    except OSError:
        return found
    for metric, name, state, value in samples:
        each = found.setdefault(name, Instance())
        if metric == "evenkeel_vrrp_state" and value == "1":
            each.state = state
        elif metric == "evenkeel_vrrp_transitions_total":
            each.transitions = int(float(value))
        elif metric == "evenkeel_vrrp_last_transition_timestamp_seconds":
            each.since = float(value)
    return found


def follow(lines: Iterable[str], metrics: Metrics, keepalived: int) -> None:
    """Until the end of the FIFO: a reload, or the death of keepalived, which leaves us to another parent."""
    for line in lines:
        metrics.take(line, time.time())
    if os.getppid() != keepalived:
        metrics.remove()


def become_owner(directory: str) -> None:
    """Give up root where the directory belongs to somebody else. The exporter may come later than keepalived."""
    os.umask(0o022)  # keepalived's own takes every right from other users
    os.makedirs(directory, exist_ok=True)
    owner = os.stat(directory)
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def is_here(address: str) -> bool:
    """Whether an interface of this host has the address."""
    argv = ["ip", "-oneline", "address", "show", "to", address]
    done = subprocess.run(  # pylint: disable=ansible-bad-function  # the program stands alone
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
    )
    return bool(done.stdout.strip())


def main(directory: str, instances: Sequence[str], fifo: str) -> None:
    """keepalived says stop by a signal first, and tells the last states afterwards: the end of the FIFO ends us."""
    keepalived = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_signal: None)
    with open(fifo, encoding="utf-8", errors="replace") as lines:
        become_owner(directory)
        addresses = dict(instance.split("=", 1) for instance in instances)
        follow(lines, Metrics(directory, addresses, is_here), keepalived)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:-1], sys.argv[-1])
