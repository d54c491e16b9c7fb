"""What argument specifications alone say of the inputs of the role nginx."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from tests.unit.roles import nginx_rendering as rendering
from tests.unit.roles.nginx_example import EVERYTHING


def load(name: str) -> Any:
    return yaml.safe_load((rendering.ROLE / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("inputs", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_inputs_are_of_the_types_that_are_told(inputs: dict[str, Any]) -> None:
    specs = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    found = ArgumentSpecValidator(specs).validate({**load("defaults/main.yml"), **inputs})
    assert found.error_messages == []
