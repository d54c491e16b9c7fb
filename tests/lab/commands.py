"""Runs the commands of the lab, as a person would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.lab.settings import CHECKOUT

INVENTORY = CHECKOUT / "tests/lab/inventory"
COMMAND = [sys.executable, "-m", "tools.lab"]
UP_TAKES = 240


def lab(*words: str | Path, inventory: Path = INVENTORY) -> subprocess.CompletedProcess[str]:
    """Run one command of the lab."""
    command = [*COMMAND, *map(str, words), "--inventory", str(inventory)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=UP_TAKES, check=False)


def lab_works(*words: str | Path) -> None:
    """Run one command that has to work."""
    done = lab(*words)
    assert done.returncode == 0, done.stdout + done.stderr
