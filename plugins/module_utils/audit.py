# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit rules: what makes one legal, and when two that are written differently are the same."""

from __future__ import annotations

import re
import shlex

LISTS = ("task", "exit", "user", "exclude", "filesystem", "io_uring")
ACTIONS = ("always", "never")
PERMISSIONS = "rwxa"


def rule_problem(rule: str) -> str:
    """Why a line is no audit rule that may stand in a catalogue; empty where it is."""
    where = f"audit_rule.rules has {rule!r}"
    try:
        words = shlex.split(rule)
    except ValueError:
        words = []
    if "\n" in rule or not words:
        return f"{where}: allowed is one rule in one line"
    if words[0] not in ("-w", "-a", "-A"):
        return f"{where}: allowed are watches (-w) and rules (-a, -A); files and flags are evenkeel's business"
    options, values = words[0::2], words[1::2]
    if len(options) != len(values):
        return f"{where}: every option needs a value"
    known = {"-w": ("-w", "-p", "-k")}.get(words[0], ("-a", "-A", "-F", "-C", "-S", "-k"))
    unknown = sorted(set(options) - set(known))
    if unknown:
        return f"{where}: {unknown[0]} does not belong to such a rule"
    return _value_problem(where, words[0], dict(zip(options, values)))


def _value_problem(where: str, kind: str, values: dict[str, str]) -> str:
    if kind == "-w":
        if not values["-w"].startswith("/"):
            return f"{where}: a watch needs an absolute path"
        if set(values.get("-p", PERMISSIONS)) - set(PERMISSIONS):
            return f"{where}: permissions are some of r, w, x and a"
        return ""
    pair = set(values[kind].split(","))
    if len(pair) != 2 or not pair & set(LISTS) or not pair & set(ACTIONS):
        return f"{where}: {kind} needs a list and an action, as in always,exit"
    return ""


def normal(rule: str) -> tuple[str, ...]:
    """A form that is equal for all ways to write one rule; `auditctl -l` has ways of its own."""
    words = shlex.split(rule)
    fields: set[str] = set()
    calls: set[str] = set()
    place = ""
    for option, value in zip(words[0::2], words[1::2]):
        if option == "-w":
            place = "always,exit"
            fields.add(f"watch={value.rstrip('/') or '/'}")
        elif option in ("-a", "-A"):
            place = ",".join(sorted(value.split(",")))
        elif option == "-S":
            calls |= set(value.split(","))
        elif option == "-p":
            fields.add(f"perm={_sorted(value)}")
        elif option == "-k":
            fields.add(f"key={value}")
        else:
            fields.add(_field(option, value))
    if words[:1] == ["-w"] and not any(field.startswith("perm=") for field in fields):
        fields.add(f"perm={_sorted(PERMISSIONS)}")
    calls.discard("all")
    return (place, *sorted(fields), *sorted(f"call={call}" for call in calls))


def _field(option: str, value: str) -> str:
    """One -F or -C comparison."""
    match = re.fullmatch(r"([a-z0-9_]+)(!=|>=|<=|&=|=|>|<|&)(.*)", value)
    if match is None:
        return f"{option} {value}"
    name, operator, right = match.groups()
    if name in ("path", "dir") and operator == "=":
        return f"watch={right.rstrip('/') or '/'}"
    if name == "perm":
        right = _sorted(right)
    if right in ("4294967295", "unset"):
        right = "-1"
    return f"{name}{operator}{right}"


def _sorted(letters: str) -> str:
    return "".join(sorted(set(letters)))
