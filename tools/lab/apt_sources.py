"""Reads the Debian mirror from the machine's own apt sources, in both of their formats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One archive: where, and which of its suites."""

    uri: str
    suite: str
    components: tuple[str, ...]


def parse_one_line(text: str) -> list[Source]:
    """Parse the format of sources.list: `deb [options] uri suite component...`."""
    sources = []
    for line in text.splitlines():
        words = re.sub(r"\[[^\]]*\]", " ", line.split("#", 1)[0]).split()
        if len(words) >= 4 and words[0] == "deb":
            sources.append(Source(words[1].rstrip("/"), words[2], tuple(words[3:])))
    return sources


def parse_deb822(text: str) -> list[Source]:
    """Parse the format of *.sources: paragraphs of `Field: values`."""
    sources = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in paragraph.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            if not line[0].isspace():
                name, _, line = line.partition(":")
            fields.setdefault(name.strip().lower(), []).extend(line.split())
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        components = tuple(fields.get("components", []))
        sources += [
            Source(uri.rstrip("/"), suite, components)
            for uri in fields.get("uris", [])
            for suite in fields.get("suites", [])
        ]
    return sources


def read_sources(etc_apt: Path = Path("/etc/apt")) -> list[Source]:
    """All sources that the machine uses."""
    parts = etc_apt / "sources.list.d"
    lists = [path for path in (etc_apt / "sources.list", *sorted(parts.glob("*.list"))) if path.is_file()]
    found = [source for path in lists for source in parse_one_line(path.read_text(encoding="utf-8"))]
    for path in sorted(parts.glob("*.sources")):
        found += parse_deb822(path.read_text(encoding="utf-8"))
    return found


def for_suite(sources: Iterable[Source], codename: str, suite: str) -> list[Source]:
    """The same mirrors for another Debian suite: its main archive first, then updates and security."""
    found: dict[str, Source] = {}
    for source in sources:
        for extra in ("", "-updates", "-security"):
            if source.suite == codename + extra and "main" in source.components:
                found.setdefault(extra, Source(source.uri, suite + extra, ("main",)))
    return [found[extra] for extra in ("", "-updates", "-security") if extra in found] if "" in found else []
