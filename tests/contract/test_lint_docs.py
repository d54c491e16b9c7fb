"""The guide of the linters tells every rule."""

from __future__ import annotations

import subprocess
import sys

import tree


def test_tables_are_fresh() -> None:
    """docs/lint_balancers.md is as the generator writes it: `python -m tools.lint_rules --write`."""
    command = [sys.executable, "-m", "tools.lint_rules", "--check"]
    done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
