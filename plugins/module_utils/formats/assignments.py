# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and values of files whose programs take the last value that they read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .base import split_tail, unquoted

Assignments = Iterator["tuple[str, str]"]

APT_PART = re.compile(r'//[^\n]*|#(?!clear\b)[^\n]*|/\*.*?\*/|"[^"\n]*"|[{};]|[^\s{};"]+', re.DOTALL)
# systemd.exec(5), systemd.service(5): another line adds to the ones before, and only an empty one takes them back.
ADDS_UP = re.compile(
    r"Exec\w+|Environment\w*|PassEnvironment|UnsetEnvironment|SystemCall\w+|RestrictAddressFamilies|RestrictNamespaces"
    r"|CapabilityBoundingSet|AmbientCapabilities|SupplementaryGroups|\w+Paths|\w+Directory|Load\w*Credential\w*|SetCredential"
    r"|DeviceAllow|IPAddress\w+|SocketBind\w+|(Fallback)?(NTP|DNS)|Domains|After|Before|Wants|Requires|Conflicts|Part\w+|Binds\w+"
    r"|Condition\w+|Assert\w+|Listen\w+|On\w+|Documentation|WantedBy|RequiredBy|Also|Alias"
)
SUDO_OPTION = re.compile(r'\s*(!*)\s*([a-z_]+)\s*(?:([+-]?=)\s*("(?:\\.|[^"\\])*"|(?:\\.|[^,\\])*))?\s*(?:,|$)')


def systemd(text: str) -> Assignments:
    """`Section Key`."""
    section = ""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, sign, value = (part.strip() for part in line.partition("="))
        if sign and not line.startswith(("#", ";")):
            yield f"{section} {key}", value


def apt(text: str) -> Assignments:
    """Names in full and in lower case; members of lists add up and are left out."""
    scopes: list[str] = []
    words: list[str] = []
    for part in APT_PART.findall(text):
        if part.startswith(("//", "/*")) or part.startswith("#") and part != "#clear":
            continue
        if part == "{":
            scopes.append("::".join([*scopes[-1:], words[0].lower()]) if words else "".join(scopes[-1:]))
            words = []
        elif part in ("}", ";"):
            yield from _apt_statement(scopes, words)
            words = []
            if part == "}" and scopes:
                scopes.pop()
        else:
            words.append(part)


def _apt_statement(scopes: list[str], words: list[str]) -> Assignments:
    if words[:1] == ["#clear"]:
        yield from (("::".join([*scopes[-1:], word.lower()]), "") for word in words[1:])
    elif len(words) == 2 and not words[0].startswith('"') and not words[0].endswith("::"):
        yield "::".join([*scopes[-1:], words[0].lower()]), unquoted(words[1])


def sudo(text: str) -> Assignments:
    """Options of `Defaults` without a user, host, command or run-as; a flag's value is `on` or nothing."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        match = re.match(r"\s*Defaults\s+([^#].*)$", line)
        for negation, option, sign, value in SUDO_OPTION.findall(match.group(1)) if match else ():
            if len(negation) % 2:
                yield option, ""
            elif sign in ("", "="):
                yield option, unquoted(value) if sign else "on"


def pwquality(text: str) -> Assignments:
    """`key = value`."""
    for line in text.splitlines():
        key, sign, value = (part.strip() for part in line.partition("#")[0].partition("="))
        if sign:
            yield key, value


def limits(text: str) -> Assignments:
    """`domain type item`; the type - is hard and soft."""
    for line in text.splitlines():
        words = split_tail(line.strip())[0].split()
        if len(words) == 4 and not words[0].startswith("#"):
            for kind in ("hard", "soft") if words[1] == "-" else (words[1],):
                yield f"{words[0]} {kind} {words[2]}", words[3]
