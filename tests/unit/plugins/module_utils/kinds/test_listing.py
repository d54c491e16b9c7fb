"""The names of a directory."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.listing import ListingKind

KIND = ListingKind()


def test_what_came_since_goes_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    state = KIND.capture(str(tmp_path), Host(), MemoryBlobs())
    (tmp_path / "new").write_text("new")
    (tmp_path / "tree" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    KIND.put(str(tmp_path), state, Host(), MemoryBlobs())
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert KIND.capture(str(tmp_path), Host(), MemoryBlobs()) == state


def test_a_directory_that_was_not_there_is_emptied(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    state = KIND.capture(str(directory), Host(), MemoryBlobs())
    KIND.put(str(directory), state, Host(), MemoryBlobs())
    assert not directory.exists()
    directory.mkdir()
    (directory / "file").write_text("x")
    KIND.put(str(directory), state, Host(), MemoryBlobs())
    assert list(directory.iterdir()) == []


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("x")
    link = tmp_path / "link"
    state = KIND.capture(str(link), Host(), MemoryBlobs())
    link.symlink_to(other)
    KIND.put(str(link), state, Host(), MemoryBlobs())
    assert (other / "file").exists()
