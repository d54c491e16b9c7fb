"""The reference and the JSON Schema of controls say what the providers' specs say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import tree

sys.path.insert(0, str(tree.ROOT / ".venv/collections"))

from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS


def test_reference_is_fresh() -> None:
    """docs/controls.md and docs/controls.schema.json are as the generator writes them."""
    command = [sys.executable, "-m", "tools.controls_schema", "--check"]
    done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def undescribed(options: Mapping[str, Mapping[str, Any]], prefix: str) -> Iterator[str]:
    """Options without a type or a description."""
    for name, option in options.items():
        if not option.get("type") or not option.get("description"):
            yield f"{prefix}{name}"
        yield from undescribed(option.get("options", {}), f"{prefix}{name}.")


@pytest.mark.parametrize("key", sorted(PROVIDERS))
def test_every_kind_is_described(key: str) -> None:
    """A summary and an example, and of each option what it means."""
    provider = PROVIDERS[key]
    assert provider.summary.endswith("."), f"{key}: the summary is one sentence"
    assert provider.example, f"{key}: no example"
    assert not list(undescribed(provider.spec, f"{key}."))
