# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role kernel, beyond their types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

SETTINGS = Path(__file__).resolve().parents[3] / "roles/kernel/files/settings.yml"
MOST_CONNECTIONS = 10_000_000


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    found = []
    if "kernel_connections" in inputs:
        connections = inputs["kernel_connections"]
        found += checks.range_problems("kernel_connections", connections, 0, MOST_CONNECTIONS)
    return found + checks.engine_problems("kernel", inputs) + _settings(inputs)


def _settings(inputs: Mapping[str, Any]) -> list[str]:
    settings = {setting["id"]: setting for setting in yaml.safe_load(SETTINGS.read_bytes())}
    profile = inputs.get("kernel_profile", "balanced")
    overrides = inputs.get("kernel_overrides") or {}
    known = [name for name, setting in settings.items() if profile in setting["profiles"]]
    found = [
        f"kernel_overrides names {name!r}; allowed in profile {profile} are {', '.join(known)}."
        for name in overrides
        if name not in known
    ]
    found += [
        f"kernel_settings_disabled has {name!r}; allowed are {', '.join(settings)}."
        for name in inputs.get("kernel_settings_disabled") or ()
        if name not in settings
    ]
    return found + [
        problem
        for name, value in overrides.items()
        if name in known
        for problem in _value(f"kernel_overrides.{name}", value, settings[name]["profiles"][profile])
    ]


def _value(where: str, value: Any, rule: Any) -> list[str]:
    """Numbers stay numbers, as many as the parameter has; texts stay texts."""
    if isinstance(rule, str):
        return checks.pattern_problems(where, value, r"[a-z+]+", f"a word such as {rule}")
    wanted = len(rule) if isinstance(rule, list) else 1
    given = list(value) if isinstance(value, (list, tuple)) else str(value).split()
    numbers = [checks.as_int(each) for each in given]
    if len(given) == wanted and all(number is not None and number >= 0 for number in numbers):
        return []
    words = f"a list of {wanted} whole numbers from 0" if wanted > 1 else "a whole number from 0"
    return [f"{where} is {value!r}; allowed is {words}."]
