"""Playbooks introduce themselves, and hide no failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tree

LONGEST_INTRODUCTION = 5
PLAYBOOKS = tree.matching("playbooks/*.yml", "playbooks/runbooks/*.yml")
AUTOMATION = tree.matching("playbooks/**/*.yml", "roles/**/*.yml", "molecule/**/*.yml")


def fqcn(path: Path) -> str:
    """The name under which a playbook of the collection is called."""
    return ".".join(["evenkeel.ops", *path.with_suffix("").parts[1:]])


def introduction(path: Path) -> list[str]:
    """The comment that a playbook starts with."""
    lines = tree.text(path).splitlines()
    found: list[str] = []
    for line in lines[1:] if lines[:1] == ["---"] else lines:
        if not line.startswith("#"):
            break
        found.append(line)
    return found


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping inside a YAML value."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from mappings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from mappings(inner)


@pytest.mark.parametrize("path", PLAYBOOKS, ids=str)
def test_playbook_introduces_itself(path: Path) -> None:
    """Its first lines say what it does, what it changes, how to call it and how to undo it."""
    lines = introduction(path)
    said = " ".join(lines).lower()
    assert 0 < len(lines) <= LONGEST_INTRODUCTION, f"{path}: starts with {len(lines)} lines of comment, not 1 to 5"
    for word in (f"ansible-playbook {fqcn(path)}", "change", "undo"):
        assert word in said, f"{path}: its introduction does not mention {word!r}"


@pytest.mark.parametrize("path", PLAYBOOKS, ids=str)
def test_plays_list_roles_or_tasks(path: Path) -> None:
    """A play has a name, and roles or tasks, never both."""
    for play in tree.load(path):
        if set(play) & {"import_playbook", "ansible.builtin.import_playbook"}:
            continue
        assert play.get("name"), f"{path}: a play has no name"
        assert not {"roles", "tasks"} <= set(play), f"{path}: the play {play['name']!r} has both roles and tasks"


@pytest.mark.parametrize("path", AUTOMATION, ids=str)
def test_no_failure_is_hidden(path: Path) -> None:
    """Neither ignore_errors nor failed_when: false."""
    for document in tree.load_all(path):
        for mapping in mappings(document):
            assert "ignore_errors" not in mapping, f"{path}: ignore_errors in {mapping.get('name')!r}"
            assert mapping.get("failed_when") is not False, f"{path}: failed_when: false in {mapping.get('name')!r}"
