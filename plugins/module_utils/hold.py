# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hold file: while it is there, every changing module leaves the host as it is (incident freeze of one host)."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from .fs import FileLayer

NAME = "hold"


@dataclass(frozen=True)
class Hold:
    """Why nothing may change, who said so, since when (ISO 8601, UTC)."""

    reason: str
    who: str
    since: str

    @property
    def words(self) -> str:
        """One sentence for a refusal, with the remedy."""
        since = f" since {self.since}" if self.since else ""
        return (
            f"This host is on hold{since} ({self.who}: {self.reason}): nothing is changed. "
            "Release it with `evenkeel release`."
        )


def read(state_dir: str, fs: FileLayer | None = None) -> Hold | None:
    """The hold of this host, or None. A file that cannot be understood holds too: somebody made it by hand."""
    fs = fs or FileLayer()
    path = os.path.join(state_dir, NAME)
    if not fs.exists(path):
        return None
    text = fs.read(path).decode("utf-8", "replace").strip()
    try:
        data = json.loads(text)
        return Hold(str(data["reason"]), str(data["who"]), str(data["since"]))
    except (ValueError, KeyError, TypeError):
        return Hold(text[:200] or "no reason given", "by hand", "")


def put(state_dir: str, hold: Hold, fs: FileLayer | None = None) -> None:
    """Put the host on hold; another hold is replaced."""
    content = json.dumps(asdict(hold), ensure_ascii=False).encode() + b"\n"
    (fs or FileLayer()).write_atomic(os.path.join(state_dir, NAME), content, 0o600)


def release(state_dir: str, fs: FileLayer | None = None) -> bool:
    """Let changes through again; False where there was no hold."""
    fs = fs or FileLayer()
    path = os.path.join(state_dir, NAME)
    if not fs.exists(path):
        return False
    fs.unlink(path)
    fs.fsync_dir(state_dir)
    return True
