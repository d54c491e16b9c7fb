"""Runs the collection's playbooks on the lab and reads what they did."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.lab.progress import say
from tools.lab.settings import CHECKOUT

LAB = CHECKOUT / "inventories/lab"
LOGS = CHECKOUT / "build/logs"


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

    @property
    def changed(self) -> int:
        """Number of changes on all hosts."""
        return sum(host["changed"] for host in self.hosts.values())

    @classmethod
    def read(cls, data: dict[str, Any]) -> Result:
        """Take the JSON of the callback `evenkeel_stats`."""
        return cls(data["hosts"], data["tasks"], data["modules"], data["changed"], data["seconds"], data["cpu_seconds"])


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
        "ANSIBLE_CALLBACKS_ENABLED": "evenkeel_stats",
    }


def run_playbook(playbook: str, log_name: str) -> Result:
    """Run a playbook on the lab; its tasks are shown as they start, everything goes to the log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log, stats = LOGS / f"{log_name}.log", LOGS / f"{log_name}.json"
    stats.unlink(missing_ok=True)
    process = subprocess.Popen(
        ["ansible-playbook", playbook, f"--inventory={LAB}"],
        cwd=CHECKOUT,
        env=environment(**counting(stats), ANSIBLE_NOCOLOR="1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for: this tells mypy
    with log.open("w", encoding="utf-8") as stream:
        for line in process.stdout:
            stream.write(line)
            if line.startswith(("PLAY [", "TASK [", "RUNNING HANDLER [")):
                say("  " + line.rstrip(" *\n"))
    if process.wait() or not stats.exists():
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-40:])
        raise RunFailedError(f"{playbook} failed ({process.returncode}); {log} ends with:\n{tail}")
    return Result.read(json.loads(stats.read_text(encoding="utf-8")))


class Stopwatch:
    """Measures the parts of a command, for the table at its end."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, float]] = []
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """The part that ends now."""
        now = time.monotonic()
        self.parts.append((name, now - self._last))
        self._last = now


def log_path(name: str) -> Path:
    """Where a log of that name is."""
    return LOGS / f"{name}.log"
