# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States of paths: captured, changed at random, put back, and equal byte for byte."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import DigestOnly, MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import ChangeFailed
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import SetState, parents, removal
from ansible_collections.evenkeel.ops.plugins.module_utils.fs import FileLayer, temporary_name
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.kernel_value import KernelValueKind
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.meta import MetaKind
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.path import NotEmpty, PathKind
from engine_world import ACL, IS_ROOT
from faulty_layers import CrashingLayer
from hypothesis import given, settings
from hypothesis import strategies as st

# Without root, what its owner may not read cannot be captured.
MODES = st.integers(0, 0o7777).map(lambda mode: mode if IS_ROOT else mode | 0o400)
OWNERS = st.sampled_from([0, 1, 4242]) if IS_ROOT else st.just(os.geteuid())
GROUPS = st.sampled_from([0, 7, 4243]) if IS_ROOT else st.just(os.getegid())
XATTRS = st.dictionaries(st.sampled_from(["user.one", "user.two", "user.\u00fc"]), st.binary(max_size=40), max_size=3)
FILES = st.fixed_dictionaries(
    {"type": st.just("file"), "content": st.binary(max_size=300), "mode": MODES, "uid": OWNERS, "gid": GROUPS,
     "xattrs": XATTRS, "acl": st.booleans()}
)  # fmt: skip
DIRECTORIES = st.fixed_dictionaries(
    {"type": st.just("directory"), "mode": MODES, "uid": OWNERS, "gid": GROUPS, "xattrs": XATTRS}
)
LINK_TARGETS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=60)
LINKS = st.fixed_dictionaries({"type": st.just("symlink"), "to": LINK_TARGETS, "uid": OWNERS})
THINGS = st.one_of(st.just({"type": "absent"}), FILES, DIRECTORIES, LINKS)


def make(path: Path, thing: dict[str, Any]) -> None:
    """Bring a thing about without the code under test."""
    if thing["type"] == "file":
        path.write_bytes(thing["content"])
    elif thing["type"] == "directory":
        path.mkdir()
    elif thing["type"] == "symlink":
        path.symlink_to(thing["to"])
        os.chown(path, thing["uid"], -1, follow_symlinks=False)
        return
    else:
        return
    for name, value in thing["xattrs"].items():
        os.setxattr(path, name, value)
    os.chown(path, thing["uid"], thing["gid"])
    path.chmod(thing["mode"])
    if thing.get("acl"):
        os.setxattr(path, "system.posix_acl_access", ACL)


def names(directory: Path) -> list[str]:
    """What a directory holds."""
    return sorted(path.name for path in directory.iterdir())


def look(path: Path) -> tuple[Any, ...]:
    """What is there, without the code under test."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return ("absent",)
    if stat.S_ISLNK(status.st_mode):
        return ("symlink", str(path.readlink()), status.st_uid, status.st_gid)
    xattrs = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
    return (status.st_mode, status.st_uid, status.st_gid, xattrs, content)


@settings(deadline=None, max_examples=150)
@given(before=THINGS, after=THINGS)
def test_any_state_comes_back(before: dict[str, Any], after: dict[str, Any]) -> None:
    """From anything to anything and back, also where the type changes."""
    directory = Path(tempfile.mkdtemp())
    try:
        kind, host, blobs = PathKind(), Host(str(directory), CrashingLayer()), MemoryBlobs()
        (directory / "one").mkdir()
        (directory / "two").mkdir()
        make(directory / "one" / "thing", before)
        make(directory / "two" / "thing", after)
        first, second = look(directory / "one/thing"), look(directory / "two/thing")
        old, new = (kind.capture(f"/{name}/thing", host, blobs) for name in ("one", "two"))
        kind.put("/one/thing", new, host, blobs)
        assert look(directory / "one/thing") == second
        assert kind.same(kind.capture("/one/thing", host, DigestOnly()), new)
        kind.put("/one/thing", old, host, blobs)
        assert look(directory / "one/thing") == first
        calls = len(host.fs.calls)  # type: ignore[attr-defined]  # it is a CrashingLayer
        kind.put("/one/thing", old, host, blobs)
        again = [name for name in host.fs.calls[calls:] if not name.startswith("fsync")]  # type: ignore[attr-defined]  # the same
        assert not again, "a state that holds already is not written again"
        assert names(directory / "one") == ([] if before["type"] == "absent" else ["thing"])
    finally:
        shutil.rmtree(directory)


def test_keys_that_are_not_given_are_kept(tmp_path: Path) -> None:
    """New content alone leaves owner, mode, ACL and attributes as they are."""
    make(tmp_path / "f", {"type": "file", "content": b"a", "mode": 0o640, "uid": os.geteuid(), "gid": os.getegid(),
                          "xattrs": {"user.one": b"1"}, "acl": True})  # fmt: skip
    before = look(tmp_path / "f")
    SetState.file("/f", b"b").apply(Host(str(tmp_path)), DigestOnly())
    assert look(tmp_path / "f") == (*before[:4], b"b")


def test_a_mode_for_a_file_with_an_acl_is_the_mode(tmp_path: Path) -> None:
    """The kernel ties the group's bits to the ACL's mask: the wanted mode wins, the entries stay."""
    make(tmp_path / "f", {"type": "file", "content": b"a", "mode": 0o640, "uid": os.geteuid(), "gid": os.getegid(),
                          "xattrs": {}, "acl": True})  # fmt: skip
    SetState.file("/f", b"b", 0o600).apply(Host(str(tmp_path)), DigestOnly())
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600
    assert "system.posix_acl_access" in os.listxattr(tmp_path / "f")


def test_links_are_never_followed(tmp_path: Path) -> None:
    """Neither reading, nor replacing, nor changing metadata goes through a link."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"victim")
    victim.chmod(0o644)
    (tmp_path / "link").symlink_to("victim")
    host = Host(str(tmp_path))
    assert PathKind().capture("/link", host, DigestOnly()) | {"uid": 0, "gid": 0} == {
        "type": "symlink", "to": "victim", "uid": 0, "gid": 0}  # fmt: skip
    with pytest.raises(OSError, match="link"):
        host.fs.read(str(tmp_path / "link"))
    with pytest.raises(OSError, match="Operation not supported|link"):
        host.fs.chmod(str(tmp_path / "link"), 0o777)
    SetState.meta("/link", 0o777).apply(host, DigestOnly())
    SetState.file("/link", b"new", 0o600).apply(host, DigestOnly())
    assert (tmp_path / "link").read_bytes() == b"new"
    assert victim.read_bytes() == b"victim"
    assert stat.S_IMODE(victim.stat().st_mode) == 0o644


def test_a_directory_with_foreign_files_stays(tmp_path: Path) -> None:
    """It is named, with what it holds."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/foreign").touch()
    with pytest.raises(NotEmpty, match="still holds foreign"):
        SetState.absent("/d").apply(Host(str(tmp_path)), DigestOnly())


def test_special_files_are_refused_as_a_goal(tmp_path: Path) -> None:
    """A pipe is seen, and cannot be made again."""
    os.mkfifo(tmp_path / "pipe")
    host = Host(str(tmp_path))
    state = PathKind().capture("/pipe", host, DigestOnly())
    assert state["type"] == "special"
    with pytest.raises(ChangeFailed, match="device, socket or pipe"):
        PathKind().put("/other", state, host, DigestOnly())


def test_what_a_killed_write_left_is_used_up(tmp_path: Path) -> None:
    """The temporary name is the target's own: the next write takes it over."""
    Path(temporary_name(str(tmp_path / "f"))).write_bytes(b"half")
    SetState.file("/f", b"whole").apply(Host(str(tmp_path)), DigestOnly())
    assert names(tmp_path) == ["f"]


def test_a_failing_write_leaves_nothing(tmp_path: Path) -> None:
    """Neither half a file nor a temporary one."""

    class Full(FileLayer):
        def write(self, fd: int, content: Any) -> int:
            raise OSError(28, "No space left on device")

    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(OSError, match="space"):
        SetState.file("/f", b"new").apply(Host(str(tmp_path), Full()), DigestOnly())
    assert names(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_meta_leaves_content_and_what_is_gone(tmp_path: Path) -> None:
    """Metadata never makes a thing, nor touches one of another type."""
    host = Host(str(tmp_path))
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "f").chmod(0o600)
    before = MetaKind().capture("/f", host, DigestOnly())
    assert "digest" not in before
    SetState.meta("/f", 0o4755).apply(host, DigestOnly())
    MetaKind().put("/f", before, host, DigestOnly())
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600
    (tmp_path / "f").unlink()
    MetaKind().put("/f", before, host, DigestOnly())
    assert not (tmp_path / "f").exists()
    (tmp_path / "f").mkdir()
    with pytest.raises(ChangeFailed, match="now a directory"):
        MetaKind().put("/f", before, host, DigestOnly())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1\n", "1", True),
        ("4096\t87380", "4096 87380", True),
        ("always [madvise] never", "madvise", True),
        ("1", "2", False),
    ],
)
def test_kernel_values_are_compared_as_the_kernel_means_them(one: str, other: str, same: bool) -> None:
    """Blanks and the choices not taken do not count."""
    assert KernelValueKind().same({"value": one}, {"value": other}) is same


def test_kernel_values_are_written_once_and_never_made(tmp_path: Path) -> None:
    """A value goes in with one write; a file that is not there is no error to restore."""
    host = Host(str(tmp_path))
    (tmp_path / "v").write_bytes(b"always [madvise] never\n")
    before = KernelValueKind().capture("/v", host, DigestOnly())
    SetState.value("/v", "never").apply(host, DigestOnly())
    assert (tmp_path / "v").read_bytes() == b"never\n"
    KernelValueKind().put("/v", before, host, DigestOnly())
    assert (tmp_path / "v").read_bytes() == b"madvise\n"
    assert KernelValueKind().capture("/gone", host, DigestOnly()) == {"absent": True}
    KernelValueKind().put("/gone", {"absent": True}, host, DigestOnly())
    with pytest.raises(FileNotFoundError):
        SetState.value("/gone", "1").apply(host, DigestOnly())


@pytest.mark.parametrize(("one", "other"), [("dirty_bytes", "dirty_ratio"), ("dirty_ratio", "dirty_bytes")])
def test_one_of_a_pair_is_put_back_by_the_other(tmp_path: Path, one: str, other: str) -> None:
    """The kernel sets the other of a pair to 0, and takes no 0: what was before is the other's value."""
    host, vm = Host(str(tmp_path)), tmp_path / "proc/sys/vm"
    vm.mkdir(parents=True)
    (vm / one).write_text("0\n")
    (vm / other).write_text("20\n")
    before = KernelValueKind().capture(f"/proc/sys/vm/{one}", host, DigestOnly())
    assert before == {"value": "0", "counterpart": "20"}
    (vm / one).write_text("7\n")
    (vm / other).write_text("0\n")
    after = KernelValueKind().capture(f"/proc/sys/vm/{one}", host, DigestOnly())
    assert after == {"value": "7"} and not KernelValueKind().same(before, after)
    KernelValueKind().put(f"/proc/sys/vm/{one}", before, host, DigestOnly())
    assert (vm / other).read_text() == "20\n" and (vm / one).read_text() == "7\n"
    assert not KernelValueKind().same(before, {"value": "0", "counterpart": "30"})


def test_parents_and_removal_are_planned(tmp_path: Path) -> None:
    """Outermost first to make, innermost first to remove."""
    host = Host(str(tmp_path))
    assert [change.target for change in parents(host, "/a/b/c.conf")] == ["/a", "/a/b"]
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").touch()
    (tmp_path / "a/link").symlink_to("/")
    assert [change.target for change in removal(host, "/a")] == ["/a/b/c", "/a/b", "/a/link", "/a"]
    assert parents(host, "/a/b/c.conf") == []
