# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of one scope: a block for each control, kept or let go by its id."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.scoped_blocks import ScopedBlocks
from ansible_collections.evenkeel.ops.plugins.module_utils.scoped_files import scoped_path, slug
from hypothesis import given
from hypothesis import strategies as st

PATH = "/60-evenkeel-x.conf"
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
bodies = st.lists(st.from_regex(r"[a-z ]{1,10}[a-z]", fullmatch=True), min_size=1, max_size=3)


def put(host: Host, wanted: dict[str, list[str]], keep: frozenset[str] = frozenset()) -> ScopedBlocks:
    blocks = ScopedBlocks(host, PATH, "kernel/net", keep)
    for control, lines in wanted.items():
        blocks.want(control, lines)
    for change in blocks.changes():
        change.apply(host, MemoryBlobs())
    return blocks


@given(wanted=st.dictionaries(names, bodies, max_size=5))
def test_what_was_written_is_read_again_and_nothing_is_left_of_nothing(tmp_path_factory, wanted) -> None:  # type: ignore[no-untyped-def]  # hypothesis
    root = tmp_path_factory.mktemp("host")
    host = Host(str(root))
    put(host, wanted)
    blocks = ScopedBlocks(host, PATH, "kernel/net", frozenset())
    assert blocks.found == wanted
    assert all(blocks.want(control, lines) for control, lines in wanted.items())
    assert blocks.changes() == []
    put(host, {})
    assert list(root.iterdir()) == []


def test_a_control_of_another_call_keeps_its_lines_and_one_taken_out_loses_them(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    put(host, {"a": ["1"], "b": ["2"], "c": ["3"]})
    blocks = put(host, {"a": ["1"]}, keep=frozenset({"b"}))
    assert ScopedBlocks(host, PATH, "kernel/net", frozenset()).found == {"a": ["1"], "b": ["2"]}
    assert [(gone["id"], gone["key"]) for gone in blocks.released()] == [("c", "3")]


def test_names() -> None:
    assert slug("Hardening/SSH login") == "hardening-ssh-login"
    assert slug("") == "local"
    assert scoped_path("/etc/modprobe.d", 5, "a/b", ".conf") == "/etc/modprobe.d/05-evenkeel-a-b.conf"
