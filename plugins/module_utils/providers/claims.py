# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scope has written into a file, and what was there before: so that a control taken out can be let go.

One JSON file per (scope, file) below `<state_dir>/owned`. It changes in the same step as the file itself, so it is
journalled, undone and put back together with it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from ..changes import Change
from ..changes_basic import SetState
from ..formats.base import Entry
from ..host import Host
from ..scoped_files import slug
from .base import Planned

SCHEMA = 1


@dataclass
class Claim:
    """One key that a control of this scope has set."""

    id: str
    key: str
    section: str
    separator: str
    many: bool
    values: list[str]
    present: bool
    # The values before the scope first set the key; None: the key was not there.
    before: list[str] | None
    comment: str = ""

    @property
    def entry(self) -> Entry:
        """The setting as the control wanted it."""
        return Entry(self.key, tuple(self.values), self.section, self.separator, self.many, self.comment)

    @property
    def earlier(self) -> Entry:
        """The setting as it was before."""
        return Entry(self.key, tuple(self.before or ()), self.section, self.separator, self.many)


@dataclass
class Claims:
    """All that one scope has set in one file."""

    file: str
    format: str
    # The file was not there before.
    created: bool = False
    claims: list[Claim] = field(default_factory=list)

    def text(self) -> bytes:
        """As it is stored."""
        data = {"schema": SCHEMA, **asdict(self)}
        return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def directory(planned: Planned) -> str:
    """Where claims are kept."""
    return f"{planned.state_dir}/owned"


def place(planned: Planned, provider: str, file: str) -> str:
    """The claims file for one file of the call's scope."""
    digest = hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{directory(planned)}/{slug(planned.scope)}.{provider}.{digest}.json"


def load(host: Host, planned: Planned, provider: str, file: str, format_name: str) -> Claims:
    """The claims on a file; none yet where nothing is stored."""
    try:
        return _parse(host.fs.read(host.path(place(planned, provider, file))))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return Claims(file, format_name)


def load_all(host: Host, planned: Planned, provider: str) -> list[Claims]:
    """All claims of the call's scope that this provider has stored."""
    home, prefix = host.path(directory(planned)), f"{slug(planned.scope)}.{provider}."
    try:
        names = sorted(name for name in os.listdir(home) if name.startswith(prefix))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    return [_parse(host.fs.read(os.path.join(home, name))) for name in names]


def store(host: Host, planned: Planned, provider: str, old: Claims, new: Claims) -> list[Change]:
    """The changes that put `new` in place of `old`."""
    path = place(planned, provider, new.file)
    if not new.claims:
        return [SetState.absent(path)] if os.path.lexists(host.path(path)) else []
    if new.text() == old.text() and os.path.lexists(host.path(path)):
        return []
    owner = os.geteuid(), os.getegid()
    home = directory(planned)
    made = [] if os.path.isdir(host.path(home)) else [SetState.directory(home, 0o700, *owner)]
    return [*made, SetState.file(path, new.text(), 0o600, *owner)]


def _parse(content: bytes) -> Claims:
    data: dict[str, Any] = json.loads(content)
    claims = [Claim(**claim) for claim in data["claims"]]
    return Claims(data["file"], data["format"], data["created"], claims)
