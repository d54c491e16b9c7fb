"""Makes the tools importable for the contract tests."""

from __future__ import annotations

import sys

import tree

sys.path.insert(0, str(tree.ROOT / "tools"))
