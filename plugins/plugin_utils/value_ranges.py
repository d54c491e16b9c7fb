# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What values a control takes: its `allowed`, checked on the controller before an override reaches a host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.controls_input import PROSE
from ansible_collections.evenkeel.ops.plugins.module_utils.providers import spec

WHOLE = re.compile(r"-?\d+")


def problems(control: Mapping[str, Any], value: Any) -> list[str]:
    """A sentence where a control does not allow the value, or where its `allowed` is wrong itself."""
    where = f"control {control['id']}"
    limits, faults = spec.check_value(PROSE["allowed"], control["allowed"], f"{where}.allowed")
    faults += [] if faults else _contradictions(limits, f"{where}.allowed")
    if faults:
        return faults
    items = value if isinstance(value, (list, tuple)) and limits["pattern"] is not None else [value]
    if all(_fits(limits, item) for item in items):
        return []
    return [f"{where}: value is {value!r}: allowed is {words(limits)}{_hint(value)}"]


def words(limits: Mapping[str, Any]) -> str:
    """What is allowed, for a message or a page."""
    if limits.get("values") is not None:
        return " or ".join(map(str, limits["values"]))
    if limits.get("pattern") is not None:
        return f"{limits['form']} (such as {limits['example']})"
    return f"a whole number from {limits['min']} to {limits['max']}"


def _contradictions(limits: Mapping[str, Any], where: str) -> list[str]:
    """Exactly one way to say it, each whole."""
    given = [name for name in ("min", "values", "pattern") if limits[name] is not None]
    if len(given) != 1 or (limits["min"] is None) != (limits["max"] is None):
        return [f"{where} is {_said(limits)}: allowed is one of min with max, values, pattern with form and example"]
    if limits["pattern"] is None:
        return []
    try:
        whole = re.compile(limits["pattern"])
    except re.error as error:
        return [f"{where}.pattern is {limits['pattern']!r}: {error}"]
    if limits["form"] is None or limits["example"] is None or not whole.fullmatch(limits["example"]):
        return [f"{where}.pattern is {limits['pattern']!r}: needed is form, and an example that fits"]
    return []


def _said(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in limits.items() if item is not None}


def _fits(limits: Mapping[str, Any], item: Any) -> bool:
    if isinstance(item, bool):
        return False
    if limits["values"] is not None:
        return str(item) in map(str, limits["values"])
    if limits["pattern"] is not None:
        return re.fullmatch(limits["pattern"], str(item)) is not None
    return WHOLE.fullmatch(str(item)) is not None and limits["min"] <= int(item) <= limits["max"]


def _hint(value: Any) -> str:
    return "; put yes, no, on and off in quotes" if isinstance(value, bool) else ""
