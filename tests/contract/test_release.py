"""What a release is made of: changelog fragments, pinned tools, versions that agree."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import role_readme
import tree

SECTIONS = set(dict(tree.load(Path("changelogs/config.yaml"))["sections"])) | {"trivial", "release_summary"}


@pytest.mark.parametrize("path", tree.matching("changelogs/fragments/*"), ids=str)
def test_fragment_is_valid(path: Path) -> None:
    """A fragment is YAML with known sections, each a list of sentences."""
    assert path.suffix == ".yml", f"{path}: fragments end in .yml"
    fragment = tree.load(path)
    assert isinstance(fragment, dict), f"{path}: not a mapping of sections"
    unknown = set(fragment) - SECTIONS
    assert not unknown, f"{path}: unknown sections {sorted(unknown)}; there are {sorted(SECTIONS)}"
    for section, entries in fragment.items():
        assert section == "release_summary" or (entries and all(isinstance(entry, str) for entry in entries)), (
            f"{path}: {section} is not a list of sentences"
        )


def test_antsibull_accepts_the_changelog() -> None:
    """`antsibull-changelog lint` finds nothing."""
    command = Path(sys.executable).with_name("antsibull-changelog")
    done = subprocess.run([command, "lint"], cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_tools_are_pinned() -> None:
    """Two people who run `make setup` get the same tools."""
    lines = [line.split("#")[0].strip() for line in tree.text(Path("requirements-dev.txt")).splitlines()]
    loose = [line for line in lines if line and not re.match(r"[\w.-]+(\[[\w,]+\])?==[^\s;]+(\s*;.*)?$", line)]
    assert not loose, f"requirements-dev.txt: not pinned with ==: {loose}"


def test_needed_collections_are_declared() -> None:
    """requirements.yml and galaxy.yml name the same collections."""
    declared = tree.load(Path("galaxy.yml"))["dependencies"]
    required = {entry["name"]: entry["version"] for entry in tree.load(Path("requirements.yml"))["collections"]}
    assert declared == required, f"galaxy.yml says {declared}, requirements.yml says {required}"


def test_oldest_core_is_said_once() -> None:
    """The oldest ansible-core of meta/runtime.yml is the one that CI starts with and the README names."""
    oldest = re.search(r"\d+\.\d+", tree.load(Path("meta/runtime.yml"))["requires_ansible"])
    assert oldest, "meta/runtime.yml: requires_ansible names no version"
    for path in (Path(".github/workflows/ci.yml"), Path("README.md")):
        assert oldest.group() in tree.text(path), f"{path}: does not mention ansible-core {oldest.group()}"


def test_readme_lists_what_there_is() -> None:
    """The tables of README.md are those that tools/role_readme.py makes."""
    readme = tree.ROOT / "README.md"
    assert role_readme.wanted_texts()[readme] == readme.read_text(encoding="utf-8"), (
        "README.md: stale; run tools/role_readme.py --write"
    )
