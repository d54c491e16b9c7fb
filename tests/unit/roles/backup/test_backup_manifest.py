# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are hashed, and that restic's rules for excludes are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from evenkeel_backup import manifest
from evenkeel_backup.words import Trouble


@pytest.mark.parametrize(
    ("path", "patterns", "out"),
    [
        ("/srv/shop/a.tmp", ["*.tmp"], True),
        ("/srv/shop/a.tmpl", ["*.tmp"], False),
        ("/srv/shop/cache", ["/srv/shop/cache"], True),
        ("/srv/shop/cached", ["/srv/shop/cache"], False),
        ("/srv/shop/cache", ["/srv/*/cache"], True),
        ("/srv/shop/deep/cache", ["/srv/*/cache"], False),
        ("/srv/shop/node_modules", ["node_modules"], True),
        ("/srv/shop/A", ["a"], False),
    ],
)
def test_excludes(path: str, patterns: list[str], out: bool) -> None:
    assert manifest.excluded(path, patterns) is out


def tree(root: Path) -> None:
    (root / "keep/empty").mkdir(parents=True)
    (root / "cache").mkdir()
    (root / "keep/file").write_text("one")
    (root / "keep/junk.tmp").write_text("x")
    (root / "cache/page").write_text("x")
    (root / "link").symlink_to("keep/file")
    os.mkfifo(root / "pipe")
    (root / os.fsdecode(b"no-text-\xff")).write_text("two")


def test_walk_finds_files_and_links_that_are_not_excluded(tmp_path: Path) -> None:
    tree(tmp_path)
    found = [path for path, _stat in manifest.walk([str(tmp_path)], ["*.tmp", f"{tmp_path}/cache"])]
    names = ["keep/file", "link", os.fsdecode(b"no-text-\xff")]
    assert found == [f"{tmp_path}/{name}" for name in names]


def test_manifest_survives_the_disk_with_every_name(tmp_path: Path) -> None:
    tree(tmp_path)
    place = tmp_path / "manifest.jsonl"
    entries = [manifest.entry(path, found, {}) for path, found in manifest.walk([str(tmp_path)], [])]
    manifest.write_manifest(place, {"schema": 1}, entries)
    head, read = manifest.read_manifest(place)
    assert head["entries"] == len(entries) == len(read)
    assert list(read.values()) == entries
    assert place.stat().st_mode & 0o777 == 0o600


def test_a_manifest_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    tree(tmp_path)
    place = tmp_path / "manifest.jsonl"
    manifest.write_manifest(place, {"schema": 1}, [{"path": "/a", "target": "b"}, {"path": "/b", "target": "c"}])
    place.write_text("".join(place.read_text().splitlines(True)[:-1]))
    with pytest.raises(Trouble, match="has 1 entries, not 2"):
        manifest.read_manifest(place)


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    first = manifest.entry(str(path), path.lstat(), {})
    with monkeypatch.context() as patched:
        patched.setattr(manifest, "file_hash", lambda _path: pytest.fail("read again"))
        assert manifest.entry(str(path), path.lstat(), first) == first
    before = path.lstat()
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # only the ctime tells
    assert manifest.entry(str(path), path.lstat(), first)["sha256"] != first["sha256"]
