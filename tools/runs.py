"""Runs the collection's playbooks on the lab and reads what they did."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.lab.progress import say
from tools.lab.settings import CHECKOUT

LAB = CHECKOUT / "inventories/lab"
LOGS = CHECKOUT / "build/logs"
TAIL = 40
# The receipt's last lines: "run <id> changed web1, web2; undo with: ..."
RUN_LINE = re.compile(r"^run (\S+) changed (.+); undo with: ", re.MULTILINE)


class RunFailedError(Exception):
    """A playbook failed; the text ends with the tail of its log."""


@dataclass(frozen=True)
class Result:
    """What a run of a playbook did."""

    hosts: dict[str, dict[str, int]]
    tasks: dict[str, int]
    modules: int
    changed_tasks: list[str]
    seconds: float
    cpu_seconds: float
    log: Path = field(default=Path(os.devnull))
    # Largest memory of the run itself, and of one of its workers.
    memory_mib: Sequence[int] = ()

    @property
    def changed(self) -> int:
        """Number of changes on all hosts."""
        return sum(host["changed"] for host in self.hosts.values())

    @property
    def output(self) -> str:
        """All that the run printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def run(self) -> str:
        """Id of the run in the hosts' journals; empty when it changed nothing there."""
        found = RUN_LINE.search(self.output)
        return found[1] if found else ""

    @classmethod
    def read(cls, data: dict[str, Any], log: Path = Path(os.devnull)) -> Result:
        """Take the JSON of the callback `evenkeel_stats`."""
        numbers = (data["hosts"], data["tasks"], data["modules"], data["changed"], data["seconds"], data["cpu_seconds"])
        return cls(*numbers, log, data["memory_mib"])


def environment(**more: str) -> dict[str, str]:
    """The environment in which this checkout's Ansible runs, wherever it is called from."""
    paths = f"{CHECKOUT / '.venv/bin'}:{os.environ['PATH']}"
    mine = {"PATH": paths, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}
    return {**os.environ, **mine, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv/collections"), **more}


def counting(stats: Path) -> dict[str, str]:
    """Environment of a playbook whose result is to be written to this file."""
    return {
        "EVENKEEL_STATS": str(stats),
        "ANSIBLE_CALLBACK_PLUGINS": str(CHECKOUT / "tools/callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "evenkeel_stats,evenkeel.ops.receipt",
    }


def tell_tasks(line: str) -> None:
    """Show plays and tasks as they start."""
    if line.startswith(("PLAY [", "TASK [", "RUNNING HANDLER [")):
        say("  " + line.rstrip(" *\n"))


def run_playbook(
    playbook: str,
    log_name: str,
    *,
    variables: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
    tell: Callable[[str], None] = tell_tasks,
    may_fail: bool = False,
) -> Result:
    """Run a playbook on the lab; `tell` sees each line of its output, and all of it goes to the log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log, stats = LOGS / f"{log_name}.log", LOGS / f"{log_name}.json"
    stats.unlink(missing_ok=True)
    extra = ["--extra-vars", json.dumps(variables)] if variables else []
    process = subprocess.Popen(
        ["ansible-playbook", playbook, f"--inventory={LAB}", *extra, *options],
        cwd=CHECKOUT,
        env=environment(**counting(stats), ANSIBLE_NOCOLOR="1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for: this tells mypy
    with log.open("w", encoding="utf-8") as stream:
        for line in process.stdout:
            stream.write(line)
            tell(line)
    if (process.wait() and not may_fail) or not stats.exists():
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-TAIL:])
        raise RunFailedError(f"{playbook} failed ({process.returncode}); {log} ends with:\n{tail}")
    return Result.read(json.loads(stats.read_text(encoding="utf-8")), log)


def log_path(name: str) -> Path:
    """Where a log of that name is."""
    return LOGS / f"{name}.log"
