# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the values of secret controls out of everything that leaves the host."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

# Shorter values would be found in every other word; the digest of the whole stands for them anyway.
SHORTEST = 4


def digest(value: Any) -> str | None:
    """What stands in place of a secret value: enough to see whether it changed."""
    if value is None:
        return None
    return "sha256:" + hashlib.sha256(repr(value).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def texts(value: Any) -> list[str]:
    """Every text in a structure."""
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in texts(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


class Redactor:
    """Replaces known secrets in texts, the longest first."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({text for text in secrets if len(text) >= SHORTEST}, key=len, reverse=True)

    def __call__(self, value: Any) -> Any:
        """The same structure without the secrets."""
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, str(digest(secret)))
            return value
        if isinstance(value, Mapping):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(item) for item in value]
        return value
