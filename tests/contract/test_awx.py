"""The data for AWX is what its schema says, and speaks of playbooks, inputs and names that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tree

DATA = tree.matching("awx/*.yml")
SCHEMA = Path("awx/schema.json")


def content() -> dict[str, Any]:
    """All files together."""
    return {name: value for path in DATA for name, value in tree.load(path).items()}


def templates() -> list[dict[str, Any]]:
    """The job templates."""
    return list(content()["awx_job_templates"])


def playbook_text(playbook: str) -> str:
    """A playbook of ours with those that it imports."""
    path = Path("playbooks", playbook)
    if not (tree.ROOT / path).exists():
        return ""
    text = tree.text(path)
    imported = re.findall(r"import_playbook: (\S+)", text)
    return "\n".join([text, *map(playbook_text, imported)])


def inputs_of(playbook: str) -> set[str]:
    """The inputs of all roles that a playbook names."""
    roles = set(re.findall(r"evenkeel\.ops\.(\w+)", playbook_text(playbook))) & set(tree.roles())
    specs = [tree.load(Path("roles", role, "meta/argument_specs.yml"))["argument_specs"] for role in roles]
    return {name for spec in specs for entry in spec.values() for name in entry.get("options") or {}}


def variables(template: dict[str, Any]) -> set[str]:
    """What a job template may give."""
    return set(template.get("extra_vars") or {}) | {each["variable"] for each in template.get("survey") or ()}


@pytest.mark.parametrize("path", DATA, ids=str)
def test_data_is_what_the_schema_says(path: Path) -> None:
    """jsonschema finds nothing."""
    schema = json.loads(tree.text(SCHEMA))
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = [
        f"{'/'.join(map(str, fault.absolute_path))}: {fault.message}"
        for fault in jsonschema.Draft202012Validator(schema).iter_errors(tree.load(path))
    ]
    assert not faults, f"{path}: {'; '.join(faults)}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"awx_job_templates": [{"name": "x", "description": "x", "playbook": "../x.yml", "job_type": "run"}]},
        {"awx_job_templates": [{"name": "x", "description": "x", "playbook": "x.yml", "job_type": "scan"}]},
        {"awx_workflows": [{"name": "x", "description": "x", "nodes": []}]},
        {"awx_workflows": [{"name": "x", "description": "x", "nodes": [{"name": "n"}]}]},
        {"awx_schedules": [{"name": "x", "workflow": "y", "rrule": "RRULE:FREQ=DAILY"}]},
        {"awx_teams": []},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_schema_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    """A schema that takes everything proves nothing."""
    assert list(jsonschema.Draft202012Validator(json.loads(tree.text(SCHEMA))).iter_errors(wrong))


@pytest.mark.parametrize("template", templates(), ids=lambda template: template["name"])
def test_playbook_and_variables_exist(template: dict[str, Any]) -> None:
    """A survey asks for what the playbook, or one of its roles, takes."""
    name = Path(template["playbook"]).stem
    there = (tree.ROOT / "playbooks" / template["playbook"]).exists()
    assert there, f"{template['name']}: there is no playbooks/{name}.yml"
    text, known = playbook_text(template["playbook"]), inputs_of(template["playbook"])
    unknown = {each for each in variables(template) if not re.search(rf"\b{each}\b", text) and each not in known}
    assert not unknown, f"{template['name']}: {sorted(unknown)} are no inputs of playbooks/{name}.yml"


def test_every_playbook_for_the_daily_work_has_a_job_template() -> None:
    """What an operator runs from a button."""
    wanted = {"site", "audit", "patch", "deploy_rolling", "deploy_blue_green", "restore_drill", "undo", "preview"}
    assert {Path(template["playbook"]).stem for template in templates()} >= wanted


def test_workflow_has_an_approval_before_the_fleet() -> None:
    """audit → canaries → approval → fleet, each only after the one before."""
    (workflow,) = content()["awx_workflows"]
    nodes = {node["name"]: node for node in workflow["nodes"]}
    names = {template["name"] for template in templates()}
    assert {node["job_template"] for node in nodes.values() if "job_template" in node} <= names
    path, at = [], "audit"
    while at:
        path.append(at)
        (at,) = nodes[at].get("success") or [""]
    assert path == ["audit", "canaries", "approval", "fleet"]
    assert "approval" in nodes["approval"]
    reached = [
        name for node in nodes.values() for key in ("success", "failure", "always") for name in node.get(key, ())
    ]
    assert sorted(reached) == ["approval", "canaries", "fleet"], "a node can be reached past the approval"
