"""A tree is planned exactly: what changes, what is owned, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import tree, tree_archive, tree_manifest, tree_rules
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from hypothesis import given, settings
from hypothesis import strategies as st


class Place:
    """A root to configure and a state directory, in a temporary directory."""

    def __init__(self, base: Path) -> None:
        self.root = base / "etc"
        self.state = base / "state"
        self.root.mkdir()
        self.state.mkdir()

    def tree(self, contents: dict[str, str], prune: bool = False, absent: tuple[str, ...] = ()) -> tree.Tree:
        files = [tree.TreeFile(str(self.root / name), text.encode()) for name, text in contents.items()]
        gone = [str(self.root / name) for name in absent]
        return tree.Tree([str(self.root)], files, "web", str(self.state), absent=gone, prune=prune)

    def plan(self, wanted: tree.Tree) -> tree.TreePlan:
        return tree.Planner(wanted, Host(), tree_rules.Ids()).plan()

    def apply(self, wanted: tree.Tree) -> tree.TreePlan:
        plan = self.plan(wanted)
        for step in plan.steps([], [], access=False):
            for change in step.changes:
                change.apply(Host(), MemoryBlobs())
        return plan

    def found(self) -> dict[str, str]:
        return {str(path.relative_to(self.root)): path.read_text() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


names = st.text("abc", min_size=1, max_size=2)
trees = st.dictionaries(st.tuples(names, names).map("/x".join), st.text(max_size=20), max_size=5)


@settings(deadline=None, max_examples=30)
@given(first=trees, second=trees)
def test_applying_reaches_the_tree_and_planning_again_is_empty(
    first: dict[str, str], second: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Place(tmp_path_factory.mktemp("tree"))
    (place.root / "foreign").write_bytes(b"mine")
    for contents in (first, second, {}):
        place.apply(place.tree(contents, prune=True))
        expected = {name: text.encode() for name, text in contents.items()} | {"foreign": b"mine"}
        found = {str(p.relative_to(place.root)): p.read_bytes() for p in place.root.rglob("*") if p.is_file()}
        assert found == expected
        assert not place.plan(place.tree(contents, prune=True)).steps([], [], access=False)
    assert [path.name for path in place.root.iterdir()] == ["foreign"], "directories that the tree made are left"
    assert list(place.state.iterdir()) == [], "an empty tree leaves no manifest"


def test_only_what_differs_is_changed(place: Place) -> None:
    place.apply(place.tree({"a": "1", "b": "1"}))
    plan = place.apply(place.tree({"a": "1", "b": "2"}))
    assert plan.changed_files == [str(place.root / "b")]
    assert plan.manifest is None


def test_foreign_files_stay_and_owned_ones_go_only_when_asked(place: Place) -> None:
    (place.root / "conf.d").mkdir()
    (place.root / "conf.d/foreign").write_text("mine")
    place.apply(place.tree({"conf.d/a": "1", "conf.d/b": "1"}))
    assert place.apply(place.tree({"conf.d/a": "1"})).pruned == []
    assert "conf.d/b" in place.found()
    assert place.apply(place.tree({"conf.d/a": "1"}, prune=True)).pruned == [str(place.root / "conf.d/b")]
    assert place.found() == {"conf.d/a": "1", "conf.d/foreign": "mine"}


def test_another_scope_owns_its_own(place: Place) -> None:
    place.apply(place.tree({"a": "1"}))
    other = place.tree({"b": "1"}, prune=True)
    other = tree.Tree(other.roots, other.files, "other", other.state_dir, prune=True)
    assert place.apply(other).pruned == []
    assert place.found() == {"a": "1", "b": "1"}


def test_file_that_was_there_is_adopted_without_a_reload(place: Place) -> None:
    (place.root / "a").write_text("1")
    plan = place.plan(place.tree({"a": "1"}))
    assert (plan.changed_files, plan.adopted) == ([], [str(place.root / "a")])
    assert [step.name for step in plan.steps([], [], access=False)] == ["manifest"]


def test_absent_removes_a_link_but_not_what_it_leads_to(place: Place) -> None:
    (place.root / "target").write_text("1")
    (place.root / "default").symlink_to(place.root / "target")
    plan = place.apply(place.tree({}, absent=("default", "never-there")))
    assert plan.removed == [str(place.root / "default")]
    assert place.found() == {"target": "1"}


def test_missing_root_is_made_and_named_as_assumed(place: Place) -> None:
    wanted = place.tree({"a": "1"})
    place.root.rmdir()
    plan = place.apply(wanted)
    assert plan.missing_roots == [str(place.root)]
    assert place.found() == {"a": "1"}


def test_a_file_that_is_put_there_once_is_then_left_alone(place: Place) -> None:
    path = place.root / "state"
    once = tree.TreeFile(str(path), b"first", mode=0o644, once=True)
    wanted = tree.Tree([str(place.root)], [once], "web", str(place.state), prune=True)
    assert place.apply(wanted).changed_files == [str(path)]
    path.write_text("set by others", encoding="utf-8")
    assert place.plan(wanted).steps([], [], access=False) == []
    place.apply(place.tree({}, prune=True))
    assert not path.exists()


def test_mode_alone_is_a_change(place: Place) -> None:
    path = place.root / "a"
    path.write_text("1")
    path.chmod(0o644)
    wanted = tree.Tree([str(place.root)], [tree.TreeFile(str(path), b"1", mode=0o600)], "web", str(place.state))
    assert place.apply(wanted).changed_files == [str(path)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_secret_is_a_secret_step_and_private(place: Place) -> None:
    path = place.root / "key"
    secret = tree.TreeFile(str(path), b"hunter2hunter2", secret=True)
    plan = place.apply(tree.Tree([str(place.root)], [secret], "web", str(place.state)))
    assert [step.secret for step in plan.steps([], [], access=False)] == [True, False]
    assert path.stat().st_mode & 0o777 == 0o600


def test_words_of_secret_files_are_masked() -> None:
    files = [
        tree.TreeFile("/a", b'password="hunter2hunter2"\n', secret=True),
        tree.TreeFile("/b", b"listen", secret=False),
    ]
    masked = tree.Masker(files).mask("line 3: unknown 'hunter2hunter2' after listen")
    assert masked == "line 3: unknown '********' after listen"


def test_only_the_given_words_of_a_secret_file_are_masked() -> None:
    file = tree.TreeFile("/a", b"user ann password hunter2hunter2", secret=True, secret_words=("hunter2hunter2",))
    assert tree.Masker([file]).mask("password hunter2hunter2: unknown") == "password ********: unknown"


def test_damaged_manifest_is_refused(place: Place) -> None:
    wanted = place.tree({"a": "1"})
    place.apply(wanted)
    (kept,) = place.state.iterdir()
    kept.write_text("{")
    with pytest.raises(tree_manifest.BadManifest, match="cannot be understood"):
        place.plan(wanted)


def refused(wanted: tree.Tree) -> str:
    return "\n".join([*tree_rules.problems(wanted), *tree_rules.host_problems(wanted, Host())])


def some_tree(roots: list[str], paths: list[str], state_dir: str = "/var/lib/evenkeel") -> tree.Tree:
    return tree.Tree(roots, [tree.TreeFile(path, b"") for path in paths], "web", state_dir)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (some_tree([], []), "roots is empty; allowed is"),
        (some_tree(["etc"], []), "roots: 'etc' is no plain absolute path; allowed is"),
        (some_tree(["/etc/../x"], []), "roots: '/etc/../x' is no plain absolute path"),
        (some_tree(["/"], []), "roots: '/' is refused; allowed is"),
        (some_tree(["/proc/sys"], []), "roots: '/proc/sys' is refused; allowed is"),
        (some_tree(["/var/lib"], []), "roots: '/var/lib' and state_dir '/var/lib/evenkeel' overlap"),
        (some_tree(["/var/lib/evenkeel/x"], []), "overlap"),
        (some_tree(["/srv/x", "/srv/x"], []), "roots: '/srv/x' is given more than once"),
        (some_tree(["/srv/x"], ["a"]), "files: path is 'a'; allowed is an absolute path"),
        (some_tree(["/srv/x"], ["/srv/x/../y"]), "files: path is '/srv/x/../y'; allowed is"),
        (some_tree(["/srv/x"], ["/srv/x/"]), "files: path is '/srv/x/'; allowed is"),
        (some_tree(["/srv/x"], ["/srv/xy"]), "files: path is '/srv/xy'; allowed is a path below one of roots: /srv/x."),
        (some_tree(["/srv/x"], ["/srv/x"]), "allowed is a path below one of roots"),
        (some_tree(["/srv/x"], ["/srv/x/a\nb"]), "allowed is a path without control characters"),
        (some_tree(["/srv/x"], ["/srv/x/a", "/srv/x/a"]), "files: path '/srv/x/a' is given 2 times; allowed is once."),
        (some_tree(["/srv/x"], ["/srv/x/a", "/srv/x/a/b"]), "'/srv/x/a/b' is below '/srv/x/a', which is a file too"),
    ],
)
def test_bad_tree_is_refused_in_words(wanted: tree.Tree, words: str) -> None:
    assert words in refused(wanted)


def test_links_and_directories_in_the_way_are_refused(place: Place) -> None:
    (place.root / "link").symlink_to("/etc/passwd")
    (place.root / "dir").mkdir()
    (place.root / "dirlink").symlink_to(place.root / "dir")
    (place.root / "file").write_text("")
    words = refused(place.tree({"link": "", "dir": "", "dirlink/a": "", "file/a": "", "good": ""}))
    assert f"files: path {str(place.root / 'link')!r} is a symlink on this host; allowed is" in words
    assert f"files: path {str(place.root / 'dir')!r} is a directory on this host" in words
    assert f"its directory {str(place.root / 'dirlink')!r} is a symlink" in words
    assert f"its directory {str(place.root / 'file')!r} is a file" in words
    assert "good" not in words


@pytest.mark.parametrize(
    ("mode", "number"),
    [("0644", 0o644), ("644", 0o644), ("0o640", 0o640), (0o600, 0o600), (None, None), ("2750", 0o2750)],
)
def test_mode_is_octal(mode: object, number: int | None) -> None:
    assert tree_rules.parse_mode("files: mode", mode) == number


@pytest.mark.parametrize("mode", ["u=rw", "0888", "99999", -1, 0o10000, True, 1.5])
def test_other_modes_are_refused(mode: object) -> None:
    with pytest.raises(tree_rules.BadTree, match="files: mode is .*; allowed is an octal mode"):
        tree_rules.parse_mode("files: mode", mode)


def test_unknown_owner_is_noted() -> None:
    ids = tree_rules.Ids()
    assert (ids.user("root"), ids.user("17"), ids.group(None), ids.user("nobody-has-this")) == (0, 17, None, None)
    assert ids.unknown == ["owner 'nobody-has-this'"]


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_archive_round_trip(contents: list[bytes]) -> None:
    assert tree_archive.unpack(tree_archive.pack(contents), len(contents)) == contents


@pytest.mark.parametrize("count", [0, 2])
def test_archive_holds_what_was_announced(count: int) -> None:
    with pytest.raises(tree_archive.BadArchive, match="1 contents for"):
        tree_archive.unpack(tree_archive.pack([b"a"]), count)


@pytest.mark.parametrize("text", ["", "%%%", "aGVsbG8=", tree_archive.pack([b"a"])[:40]])
def test_damaged_archive_is_refused(text: str) -> None:
    with pytest.raises(tree_archive.BadArchive):
        tree_archive.unpack(text, 1)
