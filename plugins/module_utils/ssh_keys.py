# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys as authorized_keys has them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Sequence

NO_BITS = -1


def rsa_bits(words: Sequence[str]) -> int:
    """The length of the RSA key in a line of authorized_keys; -1 where it has none."""
    try:
        blob = _blob(words)
        parts, place = [], 0
        while place < len(blob):
            (length,) = struct.unpack_from(">I", blob, place)
            parts.append(blob[place + 4 : place + 4 + length])
            place += 4 + length
        return int.from_bytes(parts[2], "big").bit_length()
    except (ValueError, IndexError, struct.error, binascii.Error):
        return NO_BITS


def rsa_fingerprint(words: Sequence[str]) -> str:
    """What sshd calls that key, as in SHA256:abc; empty where the line has no RSA key."""
    try:
        digest = hashlib.sha256(_blob(words)).digest()
    except (ValueError, IndexError, binascii.Error):
        return ""
    return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"


def _blob(words: Sequence[str]) -> bytes:
    return base64.b64decode(words[list(words).index("ssh-rsa") + 1], validate=True)
