# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation in a private mount namespace: the program sees the new files, nobody else does, nothing is left."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import staging
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Validator
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.staging import NamespaceRefused, Staged, validate


def namespaces_work() -> str:
    """Empty where a private namespace is to be had, else why not."""
    try:
        validate(Host(), {}, [Validator(("true",))])
    except NamespaceRefused as refused:
        return str(refused)
    return ""


WHY_NOT = namespaces_work()
needs_namespace = pytest.mark.skipif(bool(WHY_NOT), reason=f"no private mount namespace here: {WHY_NOT}")


def tree(root: Path) -> dict[str, bytes]:
    """Every file below."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def seen(tmp_path: Path, files: dict[str, Staged], script: str) -> str:
    """What a program in the namespace answers; the directory outside stays as it is."""
    before = tree(tmp_path)
    (words,) = validate(Host(), files, [Validator(("sh", "-c", f"cd {tmp_path} || exit 5; ({script}) >&2; exit 1"))])
    assert tree(tmp_path) == before
    return words.partition("returned 1: ")[2]


def file(content: bytes, mode: int = 0o644) -> Staged:
    """A staged file."""
    return Staged({"type": "file", "mode": mode}, content)


@needs_namespace
def test_new_changed_and_removed_files_are_in_place(tmp_path: Path) -> None:
    """Beside those that stay, with their modes."""
    (tmp_path / "etc/sub").mkdir(parents=True)
    for name in ("changed", "stays", "gone", "sub/below"):
        (tmp_path / "etc" / name).write_text(name)
    (tmp_path / "etc/stays").chmod(0o640)
    etc = str(tmp_path / "etc")
    files = {
        f"{etc}/changed": file(b"new content", 0o600),
        f"{etc}/added": file(b"added"),
        f"{etc}/gone": Staged({"type": "absent"}),
        f"{etc}/link": Staged({"type": "symlink", "to": "changed"}),
        f"{etc}/sub/second": file(b"second"),
    }
    words = seen(tmp_path, files, "cd etc; stat -c '%n %a' *; cat changed link sub/below sub/second")
    assert words.splitlines() == [
        "added 644", "changed 600", "link 777", "stays 640", "sub 755", "new contentnew contentsub/belowsecond"
    ]  # fmt: skip


@needs_namespace
def test_directories_that_do_not_exist_yet(tmp_path: Path) -> None:
    """They are made within a copy of the nearest one that does."""
    (tmp_path / "etc").mkdir()
    files = {
        f"{tmp_path}/etc/new": Staged({"type": "directory", "mode": 0o750}),
        f"{tmp_path}/etc/new/deep/file": file(b"here"),
    }
    assert seen(tmp_path, files, "cat etc/new/deep/file; stat -c %a etc/new") == "here750"


@needs_namespace
def test_a_directory_that_goes_with_its_files(tmp_path: Path) -> None:
    """Nothing is left to cover where the directory above it was covered without it."""
    (tmp_path / "etc/maps").mkdir(parents=True)
    (tmp_path / "etc/maps/hosts").write_text("x")
    (tmp_path / "etc/file").write_text("old")
    files = {
        f"{tmp_path}/etc/file": file(b"new"),
        f"{tmp_path}/etc/maps/hosts": Staged({"type": "absent"}),
        f"{tmp_path}/etc/maps": Staged({"type": "absent"}),
    }
    assert seen(tmp_path, files, "ls etc; cat etc/file") == "file\nnew"
    assert (tmp_path / "etc/maps/hosts").read_text() == "x"


@needs_namespace
def test_a_root_that_is_a_link(tmp_path: Path) -> None:
    """The program goes through the link, and so does the stage."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/f").write_text("old")
    (tmp_path / "link").symlink_to("real")
    assert seen(tmp_path, {f"{tmp_path}/link/f": file(b"new")}, "cat link/f real/f") == "newnew"


@needs_namespace
def test_a_file_in_the_place_of_a_directory(tmp_path: Path) -> None:
    """And the other way round."""
    (tmp_path / "etc/dir").mkdir(parents=True)
    (tmp_path / "etc/dir/inside").write_text("x")
    (tmp_path / "etc/file").write_text("y")
    files = {
        f"{tmp_path}/etc/dir": file(b"file now"),
        f"{tmp_path}/etc/file": Staged({"type": "directory"}),
        f"{tmp_path}/etc/file/inner": file(b"inner"),
    }
    assert seen(tmp_path, files, "cat etc/dir etc/file/inner") == "file nowinner"


@needs_namespace
def test_big_files_are_there_without_being_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted from where they are."""
    monkeypatch.setattr(staging, "COPY_BYTES", 3)
    (tmp_path / "big").write_text("a big file")
    assert seen(tmp_path, {f"{tmp_path}/small": file(b"!")}, "cat big small") == "a big file!"


@needs_namespace
def test_a_program_that_hangs_or_is_missing_refuses(tmp_path: Path) -> None:
    """Both are errors with words, and do not hang us."""
    hung, missing = Validator(("sleep", "60"), timeout=0.2), Validator(("no-such-program",))
    words = validate(Host(), {f"{tmp_path}/f": file(b"x")}, [hung, missing, Validator(("true",))])
    assert len(words) == 2
    assert "no answer within 0.2 s" in words[0]
    assert "no such program" in words[1]


@needs_namespace
def test_nothing_is_left(tmp_path: Path) -> None:
    """No mount, no directory, no process."""
    mounts = Path("/proc/self/mountinfo").read_text()
    validate(Host(), {f"{tmp_path}/f": file(b"x")}, [Validator(("true",))])
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert not list(Path(tempfile.gettempdir()).glob(".evenkeel-stage-*"))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_refused_namespace_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller then validates in place."""

    def refuse() -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(staging, "_private_namespace", refuse)
    with pytest.raises(NamespaceRefused, match="not permitted"):
        validate(Host(), {f"{tmp_path}/f": file(b"x")}, [Validator(("true",))])


def test_nothing_to_ask_needs_no_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most steps have no validator."""
    monkeypatch.setattr(staging, "_in_child", None)
    assert validate(Host(), {f"{tmp_path}/f": file(b"x")}, []) == []


def test_both_outputs_of_a_program_are_its_words() -> None:
    """amtool tells the reason on one and that it failed on the other."""
    (words,) = staging.ask(Host(), [Validator(("sh", "-c", "echo the reason; echo it failed >&2; exit 1"))])
    assert words.endswith("returned 1: the reason\nit failed")
