# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of the role haproxy as one model, and what its checks have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

Section = Mapping[str, Any]

# Without a unit HAProxy takes milliseconds, which nobody means.
DURATION = r"0|[0-9]+(us|ms|s|m|h|d)"
DURATION_TEXT = "a number with the unit us, ms, s, m, h or d, like 30s"
WORD = r"[!-~]+"
WORD_TEXT = "a word without blanks"
PATH = r"/[!-~]*"
PATH_TEXT = "a path that starts with '/' and has no blank"
RESERVED = "evenkeel-"
# What HAProxy can answer by itself.
STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504)
STATUSES_TEXT = ", ".join(str(status) for status in STATUSES)


@dataclass(frozen=True)
class Model:
    """All sections."""

    frontends: list[Section]
    backends: list[Section]
    listens: list[Section]
    peers: list[Section]
    userlists: list[Section]
    resolvers: list[Section]
    maps: list[Section]

    @classmethod
    def read(cls, inputs: Mapping[str, Any]) -> Model:
        """From the role's inputs; wrong types are left to the argument specs."""
        names = ("frontends", "backends", "listens", "peers", "userlists", "resolvers", "maps")
        return cls(*(checks.entries(inputs.get(f"haproxy_{name}")) for name in names))

    def entries(self) -> Iterator[tuple[str, Section]]:
        """What clients reach, each with its place in the inputs."""
        yield from place("haproxy_frontends", "frontend", self.frontends)
        yield from place("haproxy_listens", "listen", self.listens)

    def pools(self) -> Iterator[tuple[str, Section]]:
        """What has servers, each with its place in the inputs."""
        yield from place("haproxy_backends", "backend", self.backends)
        yield from place("haproxy_listens", "listen", self.listens)

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Frontends, backends and listens."""
        yield from place("haproxy_frontends", "frontend", self.frontends)
        yield from self.pools()

    @property
    def targets(self) -> dict[str, Section]:
        """Where requests can be sent, by name."""
        return {str(section.get("name")): section for section in (*self.backends, *self.listens)}


def place(variable: str, kind: str, sections: Iterable[Section]) -> Iterator[tuple[str, Section]]:
    """Each section with what names it in a sentence."""
    for section in sections:
        yield f"{variable}: {kind} {section.get('name')!r}", section


def mode(section: Section) -> str:
    """The protocol that a section speaks."""
    return str(section.get("mode", "http"))


def known_names(names: Iterable[Any], variable: str) -> str:
    """The names that are allowed, for a sentence."""
    return ", ".join(repr(name) for name in sorted({str(name) for name in names})) or f"none ({variable} is empty)"


def unknown_problems(where: str, value: Any, sections: list[Section], variable: str) -> list[str]:
    """Refuse a name that `variable` does not have; nothing given is fine."""
    names = [str(section.get("name")) for section in sections]
    if value in (None, "") or str(value) in names:
        return []
    return [f"{where} is {value!r}; allowed are the names in {variable}: {known_names(names, variable)}."]


def duration_problems(where: str, value: Any) -> list[str]:
    """Refuse what is no time."""
    return checks.pattern_problems(where, value, DURATION, DURATION_TEXT)


def given(where: str, section: Section, key: str, pattern: str, allowed: str) -> list[str]:
    """Refuse the value of a key, where it is given, that does not match."""
    return checks.pattern_problems(f"{where}.{key}", section[key], pattern, allowed) if key in section else []
