# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's PAM profiles: the format of /usr/share/pam-configs, and what pam-auth-update made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .host import Host
from .scoped_files import read_text

PROFILES = "/usr/share/pam-configs"
SAVED = "/var/lib/pam"
STACKS = ("auth", "account", "password", "session", "session-noninteractive")
PRIMARY = '# here are the per-package modules (the "Primary" block)'
FALLBACK = "# here's the fallback if no module succeeds"
ADDITIONAL = '# and here are more per-package modules (the "Additional" block)'
END = "# end of pam-auth-update config"
FIELDS = ("Name", "Default", "Priority", "Conflicts", "Session-Interactive-Only")
TYPES = ("Auth", "Account", "Password", "Session")
LINE = re.compile(r"(\[[^\]]+\]|\w+)\s+(\S+)(.*)")


def parse_profile(text: str) -> dict[str, list[str]]:
    """The fields of a profile: the value behind the colon, and the lines that are indented below it."""
    fields: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        match = re.fullmatch(r"(\S+):(?:\s+(.*?))?\s*", line)
        if match and not line[0].isspace():
            name = match.group(1)
            fields[name] = [match.group(2)] if match.group(2) else []
        elif line.strip() and not line.startswith("#"):
            fields.setdefault(name, []).append(line.strip())
    return fields


def profile_problems(text: str) -> list[str]:
    """What pam-auth-update would misread without a word."""
    fields, found = parse_profile(text), []
    allowed = {*FIELDS, *(f"{kind}{end}" for kind in TYPES for end in ("", "-Type", "-Initial", "-Final"))}
    for field in sorted(fields.keys() - allowed):
        found.append(f"unknown field {field!r}")
    if len(fields.get("Name", [])) != 1:
        found.append("Name is missing")
    if fields.get("Default") not in (["yes"], ["no"]):
        found.append("Default must be yes or no")
    if not re.fullmatch(r"\d+", " ".join(fields.get("Priority", []))):
        found.append("Priority must be a number")
    for kind in TYPES:
        lines = [*fields.get(kind, []), *fields.get(f"{kind}-Initial", []), *fields.get(f"{kind}-Final", [])]
        if lines and fields.get(f"{kind}-Type") not in (["Primary"], ["Additional"]):
            found.append(f"{kind}-Type must be Primary or Additional")
        found += [f"{line!r} is no line of control, module and arguments" for line in lines if not LINE.fullmatch(line)]
    if not modules_of(text):
        found.append("no module line")
    return found


def modules_of(text: str) -> set[str]:
    """The PAM modules that a profile calls."""
    fields = parse_profile(text)
    lines = [line for kind in TYPES for end in ("", "-Initial", "-Final") for line in fields.get(f"{kind}{end}", [])]
    matches = (LINE.fullmatch(line) for line in lines)
    return {match.group(2) for match in matches if match}


def enabled_profiles(host: Host) -> set[str]:
    """The profiles that the stacks were last made of."""
    found = set()
    for stack in STACKS:
        text = read_text(host, f"{SAVED}/{stack}") or ""
        found |= {line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Module: ")}
    return found


def edited_stacks(host: Host) -> list[str]:
    """The stacks that somebody edited by hand, so that pam-auth-update would ask, or leave them alone for good."""
    return [stack for stack in STACKS if _edited(host, stack)]


def _edited(host: Host, stack: str) -> bool:
    """Whether the generated blocks hold a line that no enabled profile brought; changed arguments are merged."""
    saved, current = read_text(host, f"{SAVED}/{stack}"), read_text(host, f"/etc/pam.d/common-{stack}")
    lines = _generated_lines(current or "", stack.partition("-")[0])
    if saved is None or lines is None:
        return True
    expected = [_signature(line) for line in saved.splitlines() if line and not line.startswith("Module: ")]
    for line in lines:
        signature = _signature(line)
        if signature not in expected:
            return True
        del expected[: expected.index(signature) + 1]
    return False


def _generated_lines(text: str, kind: str) -> list[str] | None:
    """The lines of the two generated blocks without their type; None where the marks are gone."""
    lines = text.splitlines()
    try:
        marks = [lines.index(mark) for mark in (PRIMARY, FALLBACK, ADDITIONAL, END)]
    except ValueError:
        return None
    if marks != sorted(marks):
        return None
    blocks: Sequence[str] = lines[marks[0] + 1 : marks[1]] + lines[marks[2] + 1 : marks[3]]
    return [re.sub(rf"^{kind}\s+", "", line) for line in blocks]


def _signature(line: str) -> tuple[str, str]:
    """Control and module of a line, without the length of its jumps."""
    match = LINE.fullmatch(line.strip())
    if match is None:
        return line.strip(), ""
    control = re.sub(r"=(\d+|end)\b", "=", match.group(1))
    return re.sub(r"\s+", " ", control), match.group(2)
