"""The README of a role says what its specs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import role_readme

SPECS = """\
---
argument_specs:
  main:
    short_description: Serve sites
    description: [Uses B(NGINX)., "See L(its site,https://example.net/)."]
    examples: |
      - hosts: web
        roles: [evenkeel.ops.demo]
    options:
      demo_sites:
        type: list
        elements: dict
        default: []
        description: The sites, such as V(a|b).
        options:
          name: {type: str, required: true, description: Name of the site.}
          mode: {type: str, default: http, choices: [http, tcp], description: How it is served.}
"""


@pytest.fixture()
def role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection with one role."""
    monkeypatch.setattr(role_readme, "ROOT", tmp_path)
    directory = tmp_path / "roles/demo"
    (directory / "meta").mkdir(parents=True)
    (directory / "meta/argument_specs.yml").write_text(SPECS, encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "# x\n\n<!-- generated: tools/role_readme.py -->\nold\n<!-- end of generated -->\n", encoding="utf-8"
    )
    return directory


@pytest.mark.parametrize(
    "words",
    [
        "# evenkeel.ops.demo",
        "Uses **NGINX**.",
        "[its site](https://example.net/)",
        "  roles: [evenkeel.ops.demo]",
        "| `demo_sites` | list of dict | `[]` | The sites, such as `a\\|b`.<br>Its keys stand under",
        "| `name` | str | **required** | Name of the site. |",
        "| `mode` | str | `http` | How it is served.<br>One of `http`, `tcp`. |",
    ],
)
def test_readme_tells_what_the_specs_say(role: Path, words: str) -> None:
    """Markup, types, defaults, choices and nested options are told."""
    assert words in role_readme.render(role)


def test_check_finds_what_write_mends(role: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stale file is named by --check, and no longer after --write."""
    assert role_readme.main(["--check"]) == 1
    assert "roles/demo/README.md: stale" in capsys.readouterr().out
    assert role_readme.main(["--write"]) == 0
    assert role_readme.main(["--check"]) == 0
    readme = (role.parent.parent / "README.md").read_text(encoding="utf-8")
    assert "| [`evenkeel.ops.demo`](roles/demo/README.md) | Serve sites |" in readme
    assert "old" not in readme
    (role / "README.md").write_text("changed by hand\n", encoding="utf-8")
    assert role_readme.main(["--check"]) == 1
