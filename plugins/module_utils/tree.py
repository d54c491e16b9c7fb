# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the files that shall be there to the changes that bring them about, which stand or fall as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import tree_manifest
from .blobs import DigestOnly
from .changes import Change, Reload, Step, Validator
from .changes_basic import SetState, parents
from .host import Host
from .kinds.path import PathKind, capture_meta, same_where_both_speak
from .tree_manifest import Manifest
from .tree_rules import Ids

PATH = PathKind()
SECRET_MODE = 0o600


@dataclass(frozen=True)
class TreeFile:
    """One file that shall be there. What is None is kept where the file exists."""

    path: str
    content: bytes
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    secret: bool = False
    # The words that messages hide; none given, every word of a secret file.
    secret_words: tuple[str, ...] = ()
    # A file that is there is left as it is: it holds a state that others set.
    once: bool = False


@dataclass(frozen=True)
class Tree:
    """What somebody wants: files below roots, names that shall not be there, and who wants it (scope)."""

    roots: Sequence[str]
    files: Sequence[TreeFile]
    scope: str
    state_dir: str
    absent: Sequence[str] = ()
    prune: bool = False
    directory_mode: int = 0o755


@dataclass
class TreePlan:
    """The changes, and what to tell of them."""

    public: list[Change] = field(default_factory=list)
    secret: list[Change] = field(default_factory=list)
    # The words to hide of each secret file; none where it is every word of it.
    secret_words: list[Sequence[str]] = field(default_factory=list)
    removals: list[Change] = field(default_factory=list)
    manifest: Change | None = None
    changed_files: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    # Roots that are not there (yet).
    missing_roots: list[str] = field(default_factory=list)

    def steps(self, validators: Sequence[Validator], reloads: Sequence[Reload], access: bool) -> list[Step]:
        """The tree, which is validated and reloaded, and the note of what it owns, which is not."""
        parts = (("files", self.public), ("secret files", self.secret), ("removals", self.removals))
        steps = [
            Step(name, changes, list(validators), list(reloads), access=access, secret=changes is self.secret)
            for name, changes in parts
            if changes
        ]
        for step in steps:
            if step.secret and all(self.secret_words):
                step.secret_words = [word for words in self.secret_words for word in words]
        return [*steps, Step("manifest", [self.manifest], access=access)] if self.manifest else steps


class Planner:
    """Plans one tree on one host. Reads only."""

    def __init__(self, tree: Tree, host: Host, ids: Ids) -> None:
        self.tree = tree
        self.host = host
        self.ids = ids
        self.kept_at = tree_manifest.location(tree.state_dir, tree.scope, tree.roots)
        self.owned = tree_manifest.load(host, self.kept_at)
        self.directories = set(self.owned.directories)
        self.made: set[str] = set()
        self.gone: set[str] = set()
        self.result = TreePlan()

    def plan(self) -> TreePlan:
        """Directories, files, removals, manifest: in the order in which they are applied."""
        self._note_missing_roots()
        for file in self.tree.files:
            self._file(file)
        for path in sorted(set(self.tree.absent)):
            if self._remove(path):
                self.result.removed.append(path)
        wanted = {file.path for file in self.tree.files}
        if self.tree.prune:
            self._prune(sorted(self.owned.files - wanted))
        kept = set() if self.tree.prune else self.owned.files - wanted - set(self.tree.absent)
        self._manifest(Manifest(frozenset(wanted | kept), frozenset(self.directories)))
        changed = set(self.result.changed_files)
        if self.result.manifest:
            self.result.adopted = sorted(wanted - self.owned.files - changed)
        return self.result

    def _note_missing_roots(self) -> None:
        for root in self.tree.roots:
            if not self.host.fs.exists(self.host.path(root)):
                self.result.missing_roots.append(root)

    def _file(self, file: TreeFile) -> None:
        now = PATH.capture(file.path, self.host, DigestOnly())
        if file.once and now["type"] == "file":
            return
        mode = SECRET_MODE if file.mode is None and file.secret and now["type"] == "absent" else file.mode
        uid, gid = self.ids.user(file.owner), self.ids.group(file.group)
        change = SetState.file(file.path, file.content, mode, uid, gid)
        if now["type"] == "file" and same_where_both_speak(now, change.state):
            return
        self._parents(file.path)
        (self.result.secret if file.secret else self.result.public).append(change)
        if file.secret:
            self.result.secret_words.append(file.secret_words)
        self.result.changed_files.append(file.path)

    def _parents(self, path: str) -> None:
        for change in parents(self.host, path, self.tree.directory_mode):
            if change.target in self.made:
                continue
            self.made.add(change.target)
            self.result.public.append(change)
            if any(change.target == root or is_below(change.target, root) for root in self.tree.roots):
                self.directories.add(change.target)

    def _remove(self, path: str) -> bool:
        if capture_meta(self.host.path(path), self.host.fs)["type"] == "absent":
            return False
        self.gone.add(path)
        self.result.removals.append(SetState.absent(path))
        return True

    def _prune(self, unwanted: Sequence[str]) -> None:
        self.result.pruned = [path for path in unwanted if path in self.gone or self._remove(path)]
        needed = {parent for file in self.tree.files for parent in ancestors(file.path)}
        for directory in sorted(self.directories - needed, key=len, reverse=True):
            place = self.host.path(directory)
            if not os.path.isdir(place) or os.path.islink(place):
                self.directories.discard(directory)
            elif all(os.path.join(directory, name) in self.gone for name in self.host.fs.listdir(place)):
                self.directories.discard(directory)
                self.gone.add(directory)
                self.result.removals.append(SetState.absent(directory))

    def _manifest(self, manifest: Manifest) -> None:
        if manifest == self.owned:
            return
        if manifest == Manifest():
            self.result.manifest = SetState.absent(self.kept_at)
            return
        content = manifest.encode(self.tree.scope, self.tree.roots)
        self.result.manifest = SetState.file(self.kept_at, content, 0o600)


def is_below(path: str, root: str) -> bool:
    """Whether `path` is inside the directory `root`."""
    return path.startswith(root.rstrip("/") + "/")


def ancestors(path: str) -> list[str]:
    """Every directory above `path`, the nearest first."""
    found = []
    while path not in ("", "/"):
        path = os.path.dirname(path)
        found.append(path)
    return found


class Masker:
    """Takes the words of secret files out of messages: a validator quotes the line that it does not like."""

    SHORTEST = 4

    def __init__(self, files: Sequence[TreeFile]) -> None:
        words = {word for file in files if file.secret for word in self._words(file) if len(word) >= self.SHORTEST}
        self.words = sorted(words, key=len, reverse=True)

    @staticmethod
    def _words(file: TreeFile) -> Sequence[str]:
        return file.secret_words or re.split(r"[\s\"'=;,{}()\[\]]+", file.content.decode("utf-8", "replace"))

    def mask(self, text: str) -> str:
        """The text with every such word replaced."""
        for word in self.words:
            text = text.replace(word, "********")
        return text
