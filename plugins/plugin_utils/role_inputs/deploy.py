# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role deploy, beyond their types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import waves
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, deploy_switch

FILES = ("deploy_tasks", "deploy_rollback_tasks", "deploy_warm_up_tasks")


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    return [
        *_what(inputs),
        *(problem for name in FILES if inputs.get(name) for problem in _file(name, str(inputs[name]))),
        *_plan(inputs),
        *deploy_switch.problems(inputs),
    ]


def _what(inputs: Mapping[str, Any]) -> list[str]:
    tasks, role = inputs.get("deploy_tasks") or "", inputs.get("deploy_role") or ""
    if checks.as_bool(inputs.get("deploy_switch_back", False)):
        return [
            f"{name} is {value!r} with deploy_switch_back; allowed is to deploy nothing then."
            for name, value in (("deploy_tasks", tasks), ("deploy_role", role))
            if value
        ]
    if bool(tasks) != bool(role):
        return []
    return [f"deploy_tasks is {tasks!r} and deploy_role is {role!r}; allowed is exactly one of them."]


def _file(name: str, path: str) -> list[str]:
    if Path(path).expanduser().is_file():
        return []
    return [f"{name} is {path!r}, which is no file on the controller (seen from {Path.cwd()}); allowed is a task file."]


def _plan(inputs: Mapping[str, Any]) -> list[str]:
    """The waves can be planned; the hosts and their pool are known only inside of the play."""
    pools = inputs.get("__deploy_floors") or []
    hosts = inputs.get("__deploy_hosts") or []
    try:
        waves.read_size("floor", inputs.get("deploy_floor", 0))
        waves.plan_waves(
            hosts,
            canary=inputs.get("deploy_canary", 1),
            waves=inputs.get("deploy_waves", waves.DEFAULT_WAVES),
            pools=pools,
        )
    except waves.WaveError as error:
        words = str(error)
        return [f"deploy_floor: {words}" if words.startswith("pool") else f"deploy_{words}"]
    return []
