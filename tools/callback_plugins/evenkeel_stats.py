# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a playbook run did, as JSON, to the file named by EVENKEEL_STATS."""

from __future__ import annotations

import json
import os
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: evenkeel_stats
type: aggregate
short_description: Write the result of a run as JSON
description:
  - Hosts, tasks by role, module executions, seconds, controller CPU, memory of the run and of its largest worker.
  - Written to the file that the environment variable E(EVENKEEL_STATS) names.
"""


def count_module_executions(path: Path) -> None:
    """Let every module that is sent to a host add one byte to this file, from whatever process sends it."""
    path.write_bytes(b"")
    execute = ActionBase._execute_module

    def counted(self: ActionBase, *args: Any, **kwargs: Any) -> Any:
        with path.open("ab", buffering=0) as stream:
            stream.write(b".")
        return execute(self, *args, **kwargs)

    ActionBase._execute_module = counted


class CallbackModule(CallbackBase):
    """Counts task results by role while the run goes on, writes once at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "evenkeel_stats"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()
        self._tasks: Counter[str] = Counter()
        self._changed: list[str] = []
        self._modules = Path(os.environ.get("EVENKEEL_STATS", os.devnull) + ".modules")
        if os.environ.get("EVENKEEL_STATS"):
            count_module_executions(self._modules)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count a task that ran on a host."""
        role = result.task._role
        self._tasks[role.get_name() if role else "playbook"] += 1
        if result.is_changed():
            self._changed.append(f"{result.host.get_name()}: {result.task.get_name()}")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the file."""
        path = os.environ.get("EVENKEEL_STATS")
        if not path:
            return
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        summary = {
            "hosts": {host: stats.summarize(host) for host in sorted(stats.processed)},
            "tasks": dict(sorted(self._tasks.items())),
            "modules": self._modules.stat().st_size,
            "changed": self._changed,
            "seconds": round(time.monotonic() - self._started, 2),
            "memory_mib": [usage.ru_maxrss // 1024 for usage in usages],
            "cpu_seconds": round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 2),
        }
        Path(path).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
