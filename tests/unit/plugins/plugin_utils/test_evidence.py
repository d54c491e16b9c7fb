"""A receipt keeps statuses, names and digests, never values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import evidence

HIDDEN = "correct horse battery staple"
TASK = {"name": "Deploy", "action": "evenkeel.ops.controls", "uuid": "u1"}


def entry(result: dict[str, Any], action: str = TASK["action"]) -> dict[str, Any]:
    return evidence.of_task("ok", "web1", {**TASK, "action": action}, result)


def test_controls_are_kept_without_their_values() -> None:
    made = entry(
        {
            "changed": True,
            "run": "r1",
            "results": [{"id": "sshd-no-root-login", "status": "changed", "before": HIDDEN, "after": HIDDEN}],
            "diff": [{"before": HIDDEN, "after": ""}],
        }
    )
    assert made["evidence"][0]["controls"] == [{"id": "sshd-no-root-login", "status": "changed"}]
    assert made["evidence"][0]["run"] == "r1"
    assert len(made["evidence"][0]["diff_sha256"]) == 64
    assert HIDDEN not in json.dumps(made)


@pytest.mark.parametrize(
    "result",
    [
        {"msg": HIDDEN, "stdout": HIDDEN, "stderr": HIDDEN, "invocation": {"module_args": {"password": HIDDEN}}},
        {"results": [{"ansible_loop_var": "item", "item": HIDDEN, "changed": True, "_ansible_item_label": HIDDEN}]},
        {"censored": "hidden", "changed": True, "diff": [{"after": HIDDEN}]},
        {"_ansible_no_log": True, "diff": [{"after": HIDDEN}], "results": [{"id": HIDDEN, "status": HIDDEN}]},
        {"ansible_facts": {"token": HIDDEN}},
    ],
)
def test_no_value_of_a_result_is_kept(result: dict[str, Any]) -> None:
    assert HIDDEN not in json.dumps(entry(result))
    assert HIDDEN not in json.dumps(entry(result, "ansible.builtin.command"))


def test_names_of_foreign_results_are_not_taken_for_ours() -> None:
    assert "evidence" not in entry({"run": HIDDEN, "changed_files": [HIDDEN]}, "other.collection.thing")


def test_loop_is_counted_and_its_evidence_kept() -> None:
    items = [
        {"ansible_loop_var": "item", "changed": True, "run": "r1", "changed_files": ["/etc/a"]},
        {"ansible_loop_var": "item", "changed": False, "run": "r1"},
    ]
    made = entry({"changed": True, "results": items}, "evenkeel.ops.config_tree")
    assert (made["items"], made["items_changed"]) == (2, 1)
    assert made["evidence"][0]["changed_files"] == ["/etc/a"]
    assert evidence.engine_runs("evenkeel.ops.config_tree", {"results": items}) == {"r1"}


def test_delegated_host_is_named() -> None:
    made = entry({"_ansible_delegated_vars": {"ansible_delegated_host": "lb1"}})
    assert made["delegated_to"] == "lb1"


@pytest.mark.parametrize(
    ("action", "result", "runs"),
    [
        ("evenkeel.ops.controls", {"changed": True, "run": "r1"}, {"r1"}),
        ("evenkeel.ops.controls", {"changed": False, "run": "r1"}, set()),
        ("other.collection.thing", {"changed": True, "run": "r1"}, set()),
    ],
)
def test_only_our_changes_can_be_undone(action: str, result: dict[str, Any], runs: set[str]) -> None:
    assert evidence.engine_runs(action, result) == runs
