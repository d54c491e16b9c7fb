"""The artifact holds what a user needs and nothing of the workshop; its playbooks run from where it is installed."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path

from place import ROOT, Place, succeeded

LARGEST = 4 * 1024 * 1024
NEEDED = {"README.md", "LICENSE", "CHANGELOG.md", "meta/runtime.yml", "playbooks/site.yml", "playbooks/audit.yml"}
MADE_BY_BUILD = {"MANIFEST.json", "FILES.json"}
WORKSHOP = re.compile(
    r"^(?:\.(?!config\b|yamllint\b|pre-commit)|molecule/|build/|collections/|tests/output/)|\.py[co]$|\.tar\.gz$"
)


def contents(artifact: Path) -> set[str]:
    """The files in the artifact."""
    with tarfile.open(artifact) as archive:
        return {member.name for member in archive.getmembers() if member.isfile()}


def committed() -> set[str]:
    """The files that git has, or would take."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0"))


def test_artifact_has_what_users_need(artifact: Path) -> None:
    """Licence, documentation and the playbooks that the README names are there."""
    assert not NEEDED - contents(artifact)


def test_artifact_has_nothing_of_the_workshop(artifact: Path) -> None:
    """No virtual environment, caches, scenarios or other files that git does not know."""
    names = contents(artifact)
    assert not sorted(filter(WORKSHOP.search, names))
    assert not sorted(names - committed() - MADE_BY_BUILD)
    assert artifact.stat().st_size < LARGEST


def test_installed_copy_is_the_one_in_use(place: Place) -> None:
    """Plugins are found in the installed copy, not in the checkout."""
    documents = json.loads(succeeded(place.run("ansible-doc", "-t", "module", "-j", "evenkeel.ops.host_summary_info")))
    filename = Path(documents["evenkeel.ops.host_summary_info"]["doc"]["filename"])
    assert filename.resolve().is_relative_to(place.collection.resolve())


def test_playbooks_parse(place: Place) -> None:
    """Each playbook is found under its full name, in the installed copy, and parses."""
    names = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
    printed = place.playbook(*(f"evenkeel.ops.{name}" for name in names), "--syntax-check")
    found = {line.removeprefix("playbook: ") for line in printed.splitlines()}
    assert not {str(place.collection / "playbooks" / f"{name}.yml") for name in names} - found
