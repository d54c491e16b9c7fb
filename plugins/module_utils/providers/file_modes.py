# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permission bits as hardening asks for them: exact, symbolic, or at most."""

from __future__ import annotations

import re
import stat

CLAUSE = re.compile(r"([ugoa]*)([-+=])([rwxXst]*)")
BITS = {"r": 0o444, "w": 0o222, "x": 0o111}
WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}


def fault(mode: str) -> str:
    """Why a text is no mode; empty where it is one."""
    if re.fullmatch(r"[0-7]{3,4}", mode) or all(CLAUSE.fullmatch(part) for part in mode.split(",")):
        return ""
    return f"{mode!r}: allowed are three or four octal digits in quotes, or symbols such as 'u=rw,go-w'"


def apply(mode: str, current: int, is_directory: bool) -> int:
    """The bits that `mode` makes of the current ones."""
    if re.fullmatch(r"[0-7]{3,4}", mode):
        return int(mode, 8)
    for part in mode.split(","):
        match = CLAUSE.fullmatch(part)
        if match:
            current = _clause(match, current, is_directory)
    return current


def _clause(match: re.Match[str], current: int, is_directory: bool) -> int:
    who, sign, letters = match.groups()
    classes = "ugo" if not who or "a" in who else who
    mask = 0
    for each in classes:
        mask |= WHO[each]
    bits = 0
    for letter in letters:
        if letter in BITS:
            bits |= BITS[letter]
        elif letter == "X" and (is_directory or current & 0o111):
            bits |= 0o111
        elif letter == "s":
            bits |= 0o6000
        elif letter == "t":
            bits, mask = bits | stat.S_ISVTX, mask | stat.S_ISVTX
    bits &= mask
    if sign == "=":
        return (current & ~mask) | bits
    return current | bits if sign == "+" else current & ~bits


def at_most(limit: str, current: int, is_directory: bool) -> int:
    """The current bits without those beyond the limit; where one may read a file, one may enter the directory."""
    allowed = int(limit, 8)
    if is_directory:
        allowed |= (allowed & 0o444) >> 2
    return current & allowed


def show(mode: int) -> str:
    """Four octal digits."""
    return f"{mode:04o}"
