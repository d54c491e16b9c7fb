# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/pam.d: one line per module of a stack."""

from __future__ import annotations

import re

from .base import Entry, KeyedFormat, Parsed
from .document import Document

TYPES = ("auth", "account", "password", "session")
LINE = re.compile(r"(\s*)(-?(?:auth|account|password|session))(\s+)(\[[^\]]*\]|[^\s\[#]\S*)(\s+)(\S+)(.*)$")


class Pam(KeyedFormat):
    """The key is `type module [argument …]`; the value is `control [argument …]`.

    A line is meant when it has the key's type, module and arguments: `auth pam_faillock.so preauth` and
    `auth pam_faillock.so authfail` are two keys.
    """

    name = "pam"
    summary = "/etc/pam.d/*: the key is type and module (`auth pam_wheel.so`), the value is control and arguments"
    first_wins = True

    def parse(self, line: str, entry: Entry) -> Parsed | None:
        """A line whose value is its control and all its arguments."""
        match = LINE.match(line)
        if not match:
            return None
        lead, kind, _blank, control, _gap, module, rest = match.groups()
        arguments, mark, comment = rest.partition("#")
        tail = arguments[len(arguments.rstrip()) :] + mark + comment
        value = " ".join([control, *arguments.split()])
        return Parsed(f"{kind.lstrip('-')} {module.rsplit('/', 1)[-1]}", f"{lead}{kind}\t", value, tail)

    def matches(self, parsed: Parsed, entry: Entry) -> bool:
        """Type and module are the key's, and its arguments are among the line's."""
        kind, module, *arguments = entry.key.split()
        return parsed.key == f"{kind} {module}" and set(arguments) <= set(_arguments(parsed.value))

    def compose(self, entry: Entry, value: str) -> str:
        """Type, control, module, arguments."""
        kind, module, *_arguments_ = entry.key.split()
        control = _control(value)
        return " ".join([f"{kind}\t{control}\t{module}", *_arguments(value)])

    def replaced(self, parsed: Parsed, entry: Entry, value: str) -> str:
        """A line composed anew; indent, `-` and comment stay."""
        lead = parsed.head.split("\t", 1)[0]
        return lead + self.compose(entry, value)[len(entry.key.split()[0]) :] + parsed.tail

    def normal(self, value: str) -> str:
        """Blanks between the words do not count."""
        return " ".join([_control(value), *_arguments(value)])

    def place(self, document: Document, entry: Entry) -> int:
        """Before the first include of the type's common stack, else behind the type's last line, else at the end."""
        kind, last = entry.key.split()[0], -1
        for index in range(len(document)):
            line = document.line(index)
            if re.match(rf"\s*(?:@include\s+\S*{kind}|{kind}\s+(?:include|substack)\s)", line):
                return index
            if re.match(rf"\s*-?{kind}\s", line):
                last = index
        return last + 1 if last >= 0 else self.end(document, range(len(document)))

    def faults(self, entry: Entry) -> list[str]:
        """A type and a module; a control."""
        faults = super().faults(entry)
        words = entry.key.split()
        if len(words) < 2 or words[0] not in TYPES:
            faults.append(f"key {entry.key!r}: format pam needs `type module`, with type one of {', '.join(TYPES)}")
        if any(not value.strip() for value in entry.values):
            faults.append("value is empty: format pam needs a control, such as required, and perhaps arguments")
        missing = [word for word in words[2:] for value in entry.values if word not in _arguments(value)]
        if missing:
            faults.append(f"value lacks the argument {missing[0]!r} that the key {entry.key!r} asks for")
        return faults


def _control(value: str) -> str:
    match = re.match(r"\s*(\[[^\]]*\]|\S+)", value)
    return " ".join(match.group(1).split()) if match else ""


def _arguments(value: str) -> list[str]:
    match = re.match(r"\s*(?:\[[^\]]*\]|\S+)(.*)$", value)
    return match.group(1).split() if match else []
