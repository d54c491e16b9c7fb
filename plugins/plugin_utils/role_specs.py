# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles say of their inputs, and which roles a play has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

SPEC_FILES = ("meta/argument_specs.yml", "meta/argument_specs.yaml")
Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class RoleSpec:
    """One role's inputs."""

    # Without collection: the prefix of its inputs.
    name: str
    # Like `evenkeel.ops`; empty for a role outside of collections.
    collection: str
    # Entry point to options.
    entry_points: Mapping[str, Options]
    # Values that the play gives to the role itself, and the role's own variables.
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Mapping[str, Any]]:
        """The options of all entry points."""
        return {name: option for options in self.entry_points.values() for name, option in options.items()}

    @property
    def required(self) -> list[str]:
        """What the main entry point insists on; other entry points get theirs where they are included."""
        return [name for name, option in self.entry_points.get("main", {}).items() if option.get("required")]


def load_entry_points(role_path: str, cache: str | None = None) -> dict[str, Options] | None:
    """The entry points of the role in a directory, or None where it has no specification.

    `cache` is a directory that the forks of a run share: a specification is parsed once per run, not once per host.
    """
    path = next((Path(role_path, name) for name in SPEC_FILES if Path(role_path, name).is_file()), None)
    if path is None:
        return None
    kept = Path(cache, f"evenkeel-spec-{sha256(str(path.resolve()).encode()).hexdigest()[:16]}.json") if cache else None
    try:
        if kept and kept.stat().st_mtime > path.stat().st_mtime:
            loaded: dict[str, Options] = json.loads(kept.read_bytes())
            return loaded
    except (OSError, ValueError):  # not there, or another fork is about to write it
        pass
    found = _parse(path)
    if kept:
        fresh = kept.with_suffix(f".{id(found)}")
        fresh.write_text(json.dumps(found), encoding="utf-8")
        fresh.replace(kept)
    return found


def _parse(path: Path) -> dict[str, Options]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(path.read_bytes(), Loader=loader) or {}  # noqa: S506 - one of the two safe loaders
    return {name: (spec or {}).get("options") or {} for name, spec in (content.get("argument_specs") or {}).items()}


def roles_of_play(play: Any) -> Iterator[Any]:
    """The roles of a play (listed and imported), with their dependencies, each once."""
    seen: set[str] = set()
    for listed in getattr(play, "roles", None) or []:
        for role in [*listed.get_all_dependencies(), listed]:
            if role.get_name() not in seen:
                seen.add(role.get_name())
                yield role


def included_names(role: Any) -> set[str]:
    """The names of roles that a role's tasks include, as far as they are written out."""
    found: set[str] = set()
    pending = list(getattr(role, "_task_blocks", None) or [])
    while pending:
        item = pending.pop()
        for part in ("block", "rescue", "always"):
            pending += getattr(item, part, None) or []
        name = getattr(item, "_role_name", None)
        if isinstance(name, str) and "{{" not in name:
            found.add(name)
    return found


def owner_of(variable: str, roles: Iterable[str]) -> str:
    """The role to which a variable belongs by its prefix, the longest one; "" where it is nobody's."""
    return max((role for role in roles if variable.startswith(f"{role}_")), key=len, default="")
