"""The repository as the contract tests see it: the files that git would commit."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


class AnyTagLoader(yaml.SafeLoader):
    """Reads YAML with tags that only Ansible knows (!vault, !unsafe) as plain values."""


def _plain(loader: AnyTagLoader, _suffix: str, node: yaml.MappingNode | yaml.SequenceNode | yaml.ScalarNode) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


AnyTagLoader.add_multi_constructor("!", _plain)


@cache
def files() -> tuple[Path, ...]:
    """Every file that is committed or would be by `git add`, relative to the repository."""
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = sorted(set(listing.split("\0")) - {""})
    return tuple(Path(name) for name in names if (ROOT / name).is_file())


def matching(*patterns: str) -> list[Path]:
    """The files whose path matches one of these glob patterns (`*` stays within a directory)."""
    return [path for path in files() if any(_matches(path, pattern) for pattern in patterns)]


def _matches(path: Path, pattern: str) -> bool:
    parts = pattern.split("/")
    if parts[0] == "**":
        return path.match(parts[-1])
    if "**" in parts:
        at = parts.index("**")
        return path.parts[:at] == tuple(parts[:at]) and path.match(parts[-1])
    return len(path.parts) == len(parts) and path.match(pattern)


def text(path: Path) -> str:
    """The text of a file, with undecodable bytes replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def load_all(path: Path) -> list[Any]:
    """The YAML documents of a file."""
    return list(yaml.load_all(text(path), Loader=AnyTagLoader))  # noqa: S506 - a SafeLoader that takes unknown tags as plain values


def load(path: Path) -> Any:
    """The first YAML document of a file; None when it is empty."""
    return next(iter(load_all(path)), None)


def roles() -> list[str]:
    """The names of the roles."""
    return sorted({path.parts[1] for path in files() if path.parts[0] == "roles" and len(path.parts) > 2})


def modules() -> list[str]:
    """The names of the modules."""
    return sorted(path.stem for path in matching("plugins/modules/*.py"))
