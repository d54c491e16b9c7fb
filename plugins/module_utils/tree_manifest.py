# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files and directories a tree owns: those that config_tree put there, per scope and set of roots."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .host import Host

SCHEMA = 1
PREFIX = "tree-"


class BadManifest(Exception):
    """The manifest is there and cannot be understood; guessing could remove somebody else's file."""


@dataclass(frozen=True)
class Manifest:
    """What a tree owns."""

    files: frozenset[str] = frozenset()
    directories: frozenset[str] = frozenset()

    def encode(self, scope: str, roots: Sequence[str]) -> bytes:
        """The manifest as it is kept."""
        content = {
            "schema": SCHEMA,
            "scope": scope,
            "roots": sorted(roots),
            "files": sorted(self.files),
            "directories": sorted(self.directories),
        }
        return json.dumps(content, indent=1).encode() + b"\n"


def location(state_dir: str, scope: str, roots: Iterable[str]) -> str:
    """Where the manifest of (roots, scope) is kept."""
    name = hashlib.sha256(json.dumps([scope, sorted(roots)]).encode()).hexdigest()[:32]
    return os.path.join(state_dir, f"{PREFIX}{name}.json")


def load(host: Host, path: str) -> Manifest:
    """The manifest kept at `path`; an empty one where there is none."""
    try:
        content = json.loads(host.fs.read(host.path(path)))
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']}")
        return Manifest(frozenset(content["files"]), frozenset(content["directories"]))
    except (FileNotFoundError, NotADirectoryError):
        return Manifest()
    except (ValueError, KeyError, TypeError) as error:
        raise BadManifest(
            f"{path} says which files this tree owns, and cannot be understood ({error}); restore it, or remove it: "
            "the files are then owned anew, and none is pruned by this run."
        ) from None
