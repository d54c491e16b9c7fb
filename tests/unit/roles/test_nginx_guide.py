"""The examples of docs/nginx.md are inputs that the role takes, and configurations that NGINX can read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx import problems

from tests.unit.roles import nginx_rendering as rendering

TEXT = (rendering.ROOT / "docs/nginx.md").read_text(encoding="utf-8")
EXAMPLES = [
    inputs
    for block in re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    if isinstance(inputs := yaml.safe_load(block), dict)
]
# What other examples of the guide have defined.
UPSTREAMS = [{"name": "app", "servers": [{"address": "192.0.2.21"}]}]


@pytest.mark.parametrize("example", EXAMPLES, ids=",".join)
def test_an_example_works(example: dict[str, Any], tmp_path: Path) -> None:
    inputs = {"nginx_upstreams": UPSTREAMS, **example}
    assert problems(inputs) == []
    assert rendering.parse(rendering.render(inputs, rendering.DEBIAN_13), tmp_path)


def test_the_guide_has_examples() -> None:
    assert len(EXAMPLES) >= 8
