"""Files are rendered as ansible.builtin.template would, and misunderstandings are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.evenkeel.ops.plugins.plugin_utils import tree_render

OVERRIDES = {"trim_blocks": True, "lstrip_blocks": False}


@pytest.fixture
def render(tmp_path: Path) -> Any:
    """Renders an element of `files`; sources are in templates/ and files/ of a temporary directory."""
    for kind in ("templates", "files"):
        (tmp_path / kind).mkdir()
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))
    variables = {"who": "me", "ansible_search_path": [str(tmp_path)]}

    def find(kind: str, name: str) -> str:
        return str(tmp_path / kind / name)

    def call(item: dict[str, Any], **overrides: bool) -> bytes:
        renderer = tree_render.Renderer(Templar(loader=loader, variables=variables), loader, find, variables)
        return renderer.content({"path": "/etc/x", **item}, {**OVERRIDES, **overrides})

    return call


def test_template_with_blocks_includes_and_backslashes(render: Any, tmp_path: Path) -> None:
    (tmp_path / "templates/inner.j2").write_text("inner of {{ who }}\n")
    (tmp_path / "templates/x.j2").write_text(
        "# {{ ansible_managed }}, {{ template_path }} for {{ template_destpath }}\n"
        "{% for i in [1, 2] %}\nline {{ i }} \\n\n{% endfor %}\n{% include 'inner.j2' %}\n"
    )
    assert render({"src": "x.j2"}) == (b"# Ansible managed, x.j2 for /etc/x\nline 1 \\n\nline 2 \\n\ninner of me\n")


def test_block_options(render: Any, tmp_path: Path) -> None:
    (tmp_path / "templates/x.j2").write_text("a\n  {% if true %}\nb\n  {% endif %}\n")
    assert render({"src": "x.j2"}, lstrip_blocks=True) == b"a\nb\n"
    assert render({"src": "x.j2"}, trim_blocks=False) == b"a\n  \nb\n  \n"


def test_number_stays_text(render: Any, tmp_path: Path) -> None:
    (tmp_path / "templates/x.j2").write_text("{{ 42 }}")
    (tmp_path / "templates/list.j2").write_text("{{ [1, 2] }}")
    (tmp_path / "templates/empty.j2").write_text("")
    assert render({"src": "x.j2"}) == b"42"
    assert render({"src": "list.j2"}) == b"[1, 2]"
    assert render({"src": "empty.j2"}) == b""


def test_raw_file_is_sent_as_it_is(render: Any, tmp_path: Path) -> None:
    (tmp_path / "files/rules").write_bytes(b"{{ $labels.instance }}\0\xff")
    assert render({"src": "rules", "raw": True}) == b"{{ $labels.instance }}\0\xff"


def test_content_is_taken_as_text(render: Any) -> None:
    assert render({"content": "größe\n"}) == "größe\n".encode()
    with pytest.raises(AnsibleError, match="content of /etc/x is dict; allowed is a string"):
        render({"content": {"a": 1}})


def test_undefined_variable_names_the_file(render: Any, tmp_path: Path) -> None:
    (tmp_path / "templates/x.j2").write_text("{{ nobody_set_this }}")
    with pytest.raises(AnsibleError, match="x.j2 for /etc/x cannot be rendered.*nobody_set_this"):
        render({"src": "x.j2"})


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ("/etc/x", "files is str; allowed is a list"),
        ([5], "files: an element has no path"),
        ([{"content": "x"}], "files: an element has no path"),
        ([{"path": "/etc/x"}], "files: /etc/x has neither src nor content; allowed is exactly one of them."),
        ([{"path": "/etc/x", "src": "a", "content": "b"}], "files: /etc/x has src and content"),
        ([{"path": "/etc/x", "src": "a", "mod": "0644"}], "files: /etc/x has 'mod'; allowed are path, src, "),
    ],
)
def test_wrong_files_are_named(files: Any, words: str) -> None:
    with pytest.raises(tree_render.BadFiles, match=words):
        tree_render.read_files(files)
