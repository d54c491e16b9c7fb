"""tools/setup.sh takes the newest Python that really runs, and says plainly when none does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tools.lab.settings import CHECKOUT

FUNCTIONS = (CHECKOUT / "tools/setup.sh").read_text(encoding="utf-8").split("mkdir -p build/logs")[0]


def choose(place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run choose_python with nothing but the interpreters of this place; id says that nobody is root."""
    script = place / "tools/choose.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_text(FUNCTIONS + "\nid() { echo 1000; }\nchoose_python\n", encoding="utf-8")
    clean = {"PATH": f"{place / 'bin'}:/usr/bin:/bin", "HOME": str(place), "PYENV_ROOT": str(place / "pyenv")}
    # The system's own interpreters are hidden behind ones that fail, as pyenv's shims do.
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        if not (place / "bin" / name).exists():
            interpreter(place / "bin" / name, works=False)
    return subprocess.run(["bash", str(script)], env=clean | environment, capture_output=True, text=True, check=False)


def interpreter(path: Path, *, works: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {0 if works else 127}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_newest_that_runs_is_chosen(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin/python3.11", works=True)
    best = interpreter(tmp_path / "bin/python3.12", works=True)
    interpreter(tmp_path / "bin/python3.13", works=False)
    assert choose(tmp_path).stdout.strip() == str(best)


def test_a_version_of_pyenv_counts_though_its_shim_fails(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin/python3.12", works=True)
    best = interpreter(tmp_path / "pyenv/versions/3.13.4/bin/python3.13", works=True)
    assert choose(tmp_path).stdout.strip() == str(best)


def test_an_explicit_python_wins(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin/python3.13", works=True)
    mine = interpreter(tmp_path / "mine/python", works=True)
    assert choose(tmp_path, PYTHON=str(mine)).stdout.strip() == str(mine)


def test_an_explicit_python_that_fails_is_named(tmp_path: Path) -> None:
    mine = interpreter(tmp_path / "mine/python", works=False)
    done = choose(tmp_path, PYTHON=str(mine))
    assert done.returncode == 1
    assert f"PYTHON={mine} does not serve: Python 3.11 or newer" in done.stderr


def test_no_python_at_all_says_what_to_install(tmp_path: Path) -> None:
    done = choose(tmp_path)
    assert done.returncode == 1
    assert "install Python 3.11 or newer with venv" in done.stderr


@pytest.mark.parametrize("version", ["3.9", "3.10"])
def test_an_old_python_does_not_serve(version: str, tmp_path: Path) -> None:
    found = sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python{version}")
    )
    if not found:
        pytest.skip(f"this machine has no Python {version} to be refused")
    assert choose(tmp_path, PYTHON=str(found[0])).returncode == 1
