# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a receipt keeps of a task's result: statuses, names and digests, never arguments, messages or values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .receipt import digest

OWN = "evenkeel.ops."
# Keys of our modules' results that name things and hold no values.
NAMES = ("run", "record", "scope", "score", "reloaded", "reboot_required", "changed_files", "pruned", "restored")


def of_task(status: str, host: str, task: Mapping[str, str], result: Mapping[str, Any]) -> dict[str, Any]:
    """The entry for one task on one host."""
    entry: dict[str, Any] = {
        "type": "task",
        "host": host,
        "task": task["name"],
        "action": task["action"],
        "uuid": task["uuid"],
        "status": status,
        "changed": bool(result.get("changed")),
    }
    delegated = delegated_to(result)
    if delegated:
        entry["delegated_to"] = delegated
    if is_hidden(result):
        return {**entry, "no_log": True}
    items = list(_items(result))
    if items:
        entry["items"] = len(items)
        entry["items_changed"] = sum(bool(item.get("changed")) for item in items)
    evidence = [found for part in items or [result] if (found := _of_result(task["action"], part))]
    return {**entry, "evidence": evidence} if evidence else entry


def delegated_to(result: Mapping[str, Any]) -> str:
    """The host that a task was delegated to, or ""."""
    return str((result.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host") or "")


def is_hidden(result: Mapping[str, Any]) -> bool:
    """Whether `no_log` covers this result."""
    return bool(result.get("_ansible_no_log") or "censored" in result)


def engine_runs(action: str, result: Mapping[str, Any]) -> set[str]:
    """The ids of the journalled runs that this result changed a host under."""
    if not action.startswith(OWN):
        return set()
    parts = list(_items(result)) or [result]
    return {str(part["run"]) for part in parts if part.get("changed") and part.get("run")}


def _items(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The results of a loop's items; our controls module returns `results` too, of another shape."""
    for item in result.get("results") or []:
        if isinstance(item, Mapping) and ("ansible_loop_var" in item or "_ansible_item_result" in item):
            yield item


def _of_result(action: str, result: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if is_hidden(result):
        return found
    if result.get("diff"):
        found["diff_sha256"] = digest(result["diff"])
    if not action.startswith(OWN):
        return found
    found.update({name: result[name] for name in NAMES if result.get(name)})
    controls = result.get("results")
    if isinstance(controls, list):
        found["controls"] = [
            {"id": control["id"], "status": control.get("status", "")}
            for control in controls
            if isinstance(control, Mapping) and "id" in control
        ]
    return found
