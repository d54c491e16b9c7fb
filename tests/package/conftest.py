"""The built artifact, and a place where nothing but it is installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from place import ROOT, TOOLS, Place, succeeded


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball that `ansible-galaxy collection build` makes of the checkout as it stands."""
    output = tmp_path_factory.mktemp("build")
    command: list[str | Path] = [TOOLS / "ansible-galaxy", "collection", "build", "--output-path", output, ROOT]
    succeeded(subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False))
    (built,) = output.glob("evenkeel-ops-*.tar.gz")
    return built


@pytest.fixture(scope="session")
def place(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The artifact installed offline into an empty collections path."""
    here = Place(tmp_path_factory.mktemp("installed"))
    (here.directory / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    succeeded(here.run("ansible-galaxy", "collection", "install", "--offline", "-p", here.collections, artifact))
    return here
