# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heads of receipts that a host keeps: a second place, which whoever rewrites a receipt would have to reach too."""

from __future__ import annotations

import json
import os
import re

from .host import Host

DIRECTORY = "receipts"
# A run id becomes a file name.
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
HEAD = re.compile(r"[0-9a-f]{64}")
# As many heads as a host keeps; the oldest go first.
KEPT = 1000


def problem(run: str, head: str | None) -> str:
    """What is wrong with the options; "" where nothing is."""
    if not RUN.fullmatch(run):
        return f"run is {run!r}; allowed are letters, digits, '.', '_' and '-', 100 at most."
    if head is not None and not HEAD.fullmatch(head):
        return f"head is {head!r}; allowed are 64 hexadecimal digits."
    return ""


def read(state_dir: str, run: str, host: Host) -> str:
    """The head kept for a run; "" where there is none. A file that cannot be understood is no head."""
    try:
        content = json.loads(host.fs.read(_path(state_dir, run)))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return ""
    return str(content.get("head", "")) if isinstance(content, dict) else ""


def store(state_dir: str, run: str, head: str, host: Host) -> None:
    """Keep the head of a run durably, in place of an earlier head of the same run."""
    directory = os.path.join(state_dir, DIRECTORY)
    host.fs.make_dirs(directory)
    host.fs.write_atomic(_path(state_dir, run), json.dumps({"run": run, "head": head}).encode() + b"\n")
    names = [name for name in host.fs.listdir(directory) if name.endswith(".json")]
    for name in names[: max(0, len(names) - KEPT)]:  # run ids sort by their start
        host.fs.unlink(os.path.join(directory, name))


def _path(state_dir: str, run: str) -> str:
    return os.path.join(state_dir, DIRECTORY, f"{run}.json")
