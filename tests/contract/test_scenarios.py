"""Molecule scenarios do what their sequence says: a step whose playbook is missing is left out without a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
import tree
import yaml

SHARED = {"create", "destroy"}
CONVERGING = {"check", "converge", "idempotence"}
SCENARIOS = tree.matching("molecule/*/molecule.yml")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.parent.name)
def test_every_step_has_its_playbook(path: Path) -> None:
    """Also `side_effect other.yml` is left out where there is no side_effect.yml."""
    settings = yaml.safe_load(tree.text(path)) or {}
    shared = yaml.safe_load(tree.text(Path(".config/molecule/config.yml")))
    steps = settings.get("scenario", shared["scenario"])["test_sequence"]
    wanted: set[str] = set()
    for step in steps:
        name, *arguments = step.split()
        if name in CONVERGING:
            wanted.add("converge.yml")
        elif name not in SHARED:
            wanted |= {f"{name}.yml", *arguments}
    missing = {name for name in wanted if not (tree.ROOT / path.parent / name).is_file()}
    assert not missing, f"{path}: its sequence needs {', '.join(sorted(missing))}"
