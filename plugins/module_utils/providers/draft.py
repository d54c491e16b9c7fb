# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file and all that the controls of a call want in it: what would be written, and what that means for each."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..changes import Change
from ..formats.base import Entry, Format, Values
from ..formats.document import Document
from ..host import Host
from ..scoped_files import scoped_text
from . import claims as owned
from .base import CHANGE, COMPLIANT, FAILED, Planned, Unfit, Verdict
from .files import Found, look, write

WHOLE_NAMES = ("*-evenkeel-*", "10-evenkeel.*")
HEAD = re.compile(rb"# Written by evenkeel\.ops for (.*); changes made here are overwritten\.\r?\n")


@dataclass(frozen=True)
class Wanted:
    """What one control wants in the file."""

    id: str
    entry: Entry
    present: bool = True


class Draft:
    """The next content of one file.

    A file with one of our names is rendered whole; any other is edited a key at a time, and gives a key back when its
    control is gone.
    """

    def __init__(self, host: Host, planned: Planned, provider: str, path: str, format_: Format, mode: int) -> None:
        self.host, self.planned, self.provider = host, planned, provider
        self.path, self.format = path, format_
        self.found: Found = look(host, path)
        if self.found.content is None:
            self.found = replace(self.found, mode=mode)
        self.old = owned.load(host, planned, provider, path, format_.name)
        self.new = owned.Claims(path, format_.name, self.old.created or self.found.content is None)
        self.content = self.found.content
        self.verdicts: dict[str, Verdict] = {}
        self.released: list[dict[str, Any]] = []

    @property
    def whole(self) -> bool:
        """Whether the scope owns the file whole."""
        return any(fnmatch.fnmatchcase(os.path.basename(self.path), name) for name in WHOLE_NAMES)

    def compute(self, wanted: Sequence[Wanted], keep: frozenset[str]) -> None:
        """Work out content, claims and verdicts; controls in `keep` leave their keys as they are."""
        self.verdicts, self.released, self.new.claims = {}, [], []
        if self.whole:
            self._must_be_ours()
            self._render(wanted, keep)
        else:
            self._edit(wanted, keep)
        self.new.claims.sort(key=lambda claim: claim.id)

    def changes(self) -> list[Change]:
        """What has to be done to the host. Unfit where the file cannot be written."""
        file = write(self.host, self.path, self.found, self.content)
        return [*file, *owned.store(self.host, self.planned, self.provider, self.old, self.new)]

    def _must_be_ours(self) -> None:
        head = HEAD.match(self.found.content or b"")
        scope = self.planned.scope or "local"
        if head and head.group(1).decode("utf-8", "replace") != scope:
            other = head.group(1).decode("utf-8", "replace")
            raise Unfit(f"{self.path} is rendered whole by scope {other!r}: scope {scope!r} needs a file of its own")

    def _render(self, wanted: Sequence[Wanted], keep: frozenset[str]) -> None:
        before = Document(self.found.content or b"")
        lines: dict[tuple[Any, ...], tuple[str, Entry]] = {}
        for want in wanted:
            values = self.format.get(before, want.entry)
            done = self.format.same(values, want.entry) if want.present else values is None
            self._judge(want, values, done)
            if want.present:
                lines.setdefault((want.entry.section, want.entry.key, want.entry.values), (want.id, want.entry))
                self._claim(want, None)
        for claim in self._unasked(wanted):
            if claim.id in keep:
                self.new.claims.append(claim)
                lines.setdefault((claim.section, claim.key, tuple(claim.values)), (claim.id, claim.entry))
            elif claim.present:
                self._release(claim, "removed")
        # By id, so that a call for some areas renders the same file as one for all.
        ordered = [entry for _id, entry in sorted(lines.values(), key=lambda each: each[0])]
        text = scoped_text(self.planned.scope, self.format.render(ordered))
        self.content = None if text is None else text.encode("utf-8", "surrogateescape")
        self._must_read_back([want for want in wanted if want.present])

    def _edit(self, wanted: Sequence[Wanted], keep: frozenset[str]) -> None:
        document = Document(self.found.content or b"")
        for claim in self._unasked(wanted):
            if claim.id in keep:
                self.new.claims.append(claim)
            else:
                self._give_back(document, claim)
        earlier = {_subject(claim.entry): claim for claim in self.old.claims}
        for want in wanted:
            values = self.format.get(document, want.entry)
            done = self.format.same(values, want.entry) if want.present else values is None
            self._judge(want, values, done)
            if not done:
                (self.format.set if want.present else self.format.remove)(document, want.entry)
            known = earlier.get(_subject(want.entry))
            if known is not None or not done:
                self._claim(want, list(values) if values else None, known)
        empty = not len(document) and self.new.created
        self.content = None if empty else document.content()
        self._must_read_back([want for want in wanted if want.present])

    def _give_back(self, document: Document, claim: owned.Claim) -> None:
        """A key without a control gets the value that it had, unless somebody has changed it since."""
        now = self.format.get(document, claim.entry)
        ours = self.format.same(now, claim.entry) if claim.present else now is None
        if not ours:
            self._release(claim, "left", "somebody has changed it since")
        elif claim.before is None:
            self.format.remove(document, claim.entry)
            self._release(claim, "removed")
        else:
            added = replace(claim.entry, values=tuple(v for v in claim.values if v not in claim.before))
            if self.format.name == "lines" and added.values:
                self.format.remove(document, added)
            self.format.set(document, claim.earlier)
            self._release(claim, "restored")

    def _unasked(self, wanted: Sequence[Wanted]) -> list[owned.Claim]:
        asked = {_subject(want.entry) for want in wanted}
        return [claim for claim in self.old.claims if _subject(claim.entry) not in asked]

    def _claim(self, want: Wanted, before: list[str] | None, claim: owned.Claim | None = None) -> None:
        entry = want.entry
        kept = claim.before if claim is not None else before
        new = owned.Claim(
            want.id,
            entry.key,
            entry.section,
            entry.separator,
            entry.many,
            list(entry.values),
            want.present,
            kept,
            entry.comment,
        )
        self.new.claims.append(new)

    def _judge(self, want: Wanted, values: Values, done: bool) -> None:
        after = _plain(want.entry.values, want.entry) if want.present else None
        before = _plain(values, want.entry)
        self.verdicts[want.id] = Verdict(COMPLIANT if done else CHANGE, before, before if done else after)

    def _release(self, claim: owned.Claim, action: str, reason: str = "") -> None:
        where = f"[{claim.section}] {claim.key}" if claim.section else claim.key or " ".join(claim.values)
        said = {"id": claim.id, "file": self.path, "key": where, "action": action, "reason": reason}
        self.released.append(said)

    def _must_read_back(self, wanted: Sequence[Wanted]) -> None:
        """A value that the format cannot hold would be written again in every run: refuse it."""
        document = Document(self.content or b"")
        for want in wanted:
            if not self.format.same(self.format.get(document, want.entry), want.entry):
                reason = (
                    f"format {self.format.name} cannot hold this value, or another control sets {want.entry.key} too"
                )
                self.verdicts[want.id] = Verdict(FAILED, self.verdicts[want.id].before, reason=reason)


def _subject(entry: Entry) -> tuple[str, str, tuple[str, ...]]:
    return entry.section, entry.key.lower(), () if entry.key else entry.values


def _plain(values: Values, entry: Entry) -> Any:
    if values is None:
        return None
    return list(values) if entry.many or len(values) != 1 else values[0]
