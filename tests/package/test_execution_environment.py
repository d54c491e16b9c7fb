"""An execution environment with the collection can be described and its build context made, offline."""

from __future__ import annotations

from pathlib import Path

from place import Place, succeeded

DEFINITION = """\
---
version: 3
images:
  base_image:
    name: registry.example.net/automation/base:1
dependencies:
  galaxy:
    collections:
      - name: {artifact}
        type: file
"""


def test_dependencies_are_found(place: Place) -> None:
    """ansible-builder reads what the installed collection needs."""
    printed = succeeded(place.run("ansible-builder", "introspect", place.collections))
    assert "openssh-client [platform:dpkg]" in printed


def test_build_context_is_made(place: Place, artifact: Path) -> None:
    """`ansible-builder create` takes the artifact."""
    definition = place.directory / "execution-environment.yml"
    definition.write_text(DEFINITION.format(artifact=artifact), encoding="utf-8")
    context = place.directory / "context"
    succeeded(place.run("ansible-builder", "create", "--file", definition, "--context", context))
    assert "registry.example.net/automation/base:1" in (context / "Dockerfile").read_text(encoding="utf-8")
    assert "evenkeel-ops" in (context / "_build/requirements.yml").read_text(encoding="utf-8")
