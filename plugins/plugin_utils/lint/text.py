# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verbatim lines and values say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
OLD_PROTOCOL = re.compile(r"^(?:SSLv[23]|TLSv1(?:\.[01])?)$", re.IGNORECASE)
WEAK_CIPHER = re.compile(r"RC4|3DES|DES-CBC|\bDES\b|NULL|\bEXP|MD5|\bLOW\b|\bADH\b|\bAECDH\b|\bSSLv2\b", re.IGNORECASE)


def texts(value: Any) -> list[str]:
    """The lines of a list, or of a single text, without those that are comments."""
    given = [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []
    return [line for line in (str(item).strip() for item in given) if line and not line.startswith("#")]


def words(line: str) -> list[str]:
    """The words of a line, without the end of a directive."""
    return line.rstrip(";{ ").split()


def argument(line: str, *names: str) -> str | None:
    """What follows these words at the start of a line."""
    found = words(line)
    return " ".join(found[len(names) :]) if found[: len(names)] == list(names) else None


def arguments(lines: Iterable[str], *names: str) -> list[str]:
    """The same of all lines that start with them."""
    return [found for found in (argument(line, *names) for line in lines) if found is not None]


def following(tokens: Iterable[str], name: str) -> list[str]:
    """The words that come right after this one."""
    listed = list(tokens)
    return [listed[at + 1] for at, word in enumerate(listed[:-1]) if word == name]


def seconds(value: Any, bare: float = 1.0) -> float | None:
    """A duration such as 30s; a bare number counts in units of `bare` seconds."""
    parts = re.fullmatch(r"\s*([0-9]+)\s*(us|ms|s|m|h|d|w)?\s*", str(value))
    return int(parts[1]) * (SECONDS[parts[2]] if parts[2] else bare) if parts else None


def old_protocols(names: Iterable[str]) -> list[str]:
    """Those of these protocols that are broken or withdrawn."""
    return [name for name in names if OLD_PROTOCOL.match(name)]


def weak_ciphers(value: Any) -> list[str]:
    """The parts of a list of ciphers that let weak ones in; what begins with ! or - takes out."""
    parts = re.split(r"[:, ]+", str(value).strip("\"'"))
    return [part for part in parts if part and part[0] not in "!-" and WEAK_CIPHER.search(part)]


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def has_header(headers: Any, name: str) -> bool:
    """Whether a mapping of headers has one, whatever its case."""
    return name.lower() in (str(key).lower() for key in mapping(headers))
