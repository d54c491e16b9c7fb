# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls as they come in: read, checked and found free of contradictions before any host is touched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .providers import needs, spec
from .providers.base import RISKS, Control
from .providers.registry import PROVIDERS

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
# What a host needs beside the state key.
COMMON: spec.Options = {
    "id": {"type": "str", "required": True, "description": "Small letters, digits and .-_; stable for ever."},
    "risk": {
        "type": "str",
        "choices": list(RISKS),
        "default": "none",
        "description": "access: may cut off the operator, goes through the dead man's switch.",
    },
    "needs": {"type": "dict", "options": needs.SPEC, "description": "What the control presupposes."},
    "one_way": {"type": "bool", "default": False, "description": "Undo needs a reboot."},
    "secret": {"type": "bool", "default": False, "description": "Digests stand in place of values in every output."},
}
# What a reader needs; it stays on the controller.
PROSE: spec.Options = {
    "title": {"type": "str", "description": "What holds when the control is met, in one sentence."},
    "why": {"type": "str", "description": "The reason, in one or two sentences."},
    "refs": {"type": "dict", "description": "Where benchmarks speak of it: a list of numbers per benchmark."},
    "profiles": {"type": "list", "elements": "str", "description": "Profiles that the control is part of; none: all."},
    "aliases": {"type": "list", "elements": "str", "description": "Ids that the control had before."},
    "allowed": {
        "type": "dict",
        "description": "What value an override may give: min with max, values, or pattern with form and example.",
        "options": {
            "min": {"type": "int", "description": "Smallest whole number."},
            "max": {"type": "int", "description": "Largest whole number."},
            "values": {"type": "list", "elements": "raw", "description": "The only values there are."},
            "pattern": {
                "type": "str",
                "description": "Regular expression of Python that the whole text fits; of a list, each text.",
            },
            "form": {"type": "str", "description": "The pattern in words, for the message that refuses a value."},
            "example": {"type": "str", "description": "A value that fits the pattern."},
        },
    },
    "on_request": {
        "type": "bool",
        "default": False,
        "description": "The control is left out unless an override gives it its value: nobody else can know it.",
    },
}


class BadInput(Exception):
    """Controls that cannot be carried out; one sentence per fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


def refusal(problems: Sequence[str]) -> str:
    """The message of a call that is refused."""
    sentences = [text if text.endswith((".", "?")) else f"{text}." for text in problems]
    return " ".join([*sentences, "Nothing was changed."])


def read(raw: Any) -> list[Control]:
    """The controls of a call; BadInput with everything that is wrong with them."""
    if not isinstance(raw, (list, tuple)):
        raise BadInput([f"controls is {type(raw).__name__}: allowed is a list of controls"])
    controls, problems = [], []
    for number, item in enumerate(raw):
        control, faults = read_one(item, number)
        problems += faults
        if control is not None:
            controls.append(control)
    problems += clashes(controls)
    if problems:
        raise BadInput(problems)
    return controls


def read_one(item: Any, number: int = 0) -> tuple[Control | None, list[str]]:
    """One control, or what is wrong with it."""
    if not isinstance(item, Mapping):
        return None, [f"controls[{number}] is {item!r}: allowed is a mapping with an id and one state key"]
    name = item.get("id")
    if not isinstance(name, str) or not ID.fullmatch(name):
        return None, [f"controls[{number}].id is {name!r}: allowed are small letters, digits and .-_"]
    where = f"control {name}"
    key, faults = state_key(item, where)
    common = {option: value for option, value in item.items() if option in COMMON}
    full, wrong = spec.check(COMMON, common, where)
    faults += [fault.replace(f"{where}.", f"{where}: ", 1) for fault in wrong]
    faults += [f"{where}: {fault}" for fault in needs.problems(full.get("needs") or {})]
    if not key:
        return None, faults
    provider = PROVIDERS[key]
    state, wrong = spec.check(provider.spec, item[key], key)
    control = Control(
        str(name), key, state, full["risk"], full["one_way"] or False, full["secret"] or False, full["needs"] or {}
    )
    if not wrong and not faults:
        wrong = provider.problems(control)
    faults += [f"{where}: {fault}" for fault in wrong]
    return (None, faults) if faults else (control, [])


def state_key(item: Mapping[str, Any], where: str) -> tuple[str, list[str]]:
    """The one key that says what the control is about."""
    keys = [key for key in item if key in PROVIDERS]
    known = [*PROVIDERS, *COMMON, *PROSE]
    unknown = [key for key in item if key not in known]
    if unknown:
        hint = spec.did_you_mean(unknown[0], known)
        return "", [f"{where}: {unknown[0]} is no state key: allowed are {', '.join(PROVIDERS)}{hint}"]
    if len(keys) != 1:
        said = " and ".join(keys) or "no state key"
        return "", [f"{where}: has {said}: allowed is exactly one of {', '.join(PROVIDERS)}"]
    return keys[0], []


def clashes(controls: Sequence[Control]) -> list[str]:
    """Ids that are given twice, and controls that want one thing in two ways."""
    faults = []
    by_id: dict[str, Control] = {}
    by_subject: dict[str, Control] = {}
    for control in controls:
        if control.id in by_id:
            faults.append(f"control {control.id}: the id is given twice: allowed is one control per id")
        by_id[control.id] = control
        subject = PROVIDERS[control.key].subject(control)
        other = by_subject.setdefault(subject, control) if subject else control
        if needs.exclude_each_other(other.needs, control.needs):
            continue
        if other is not control and other.id != control.id and dict(other.state) != dict(control.state):
            faults.append(
                f"controls {other.id} and {control.id} contradict each other about {subject}:"
                f" {wish(other)} and {wish(control)}; allowed is one of them, disable the other"
            )
    return faults


def wish(control: Control) -> str:
    """What a control wants, for a message; never a secret."""
    if control.secret:
        return "a secret"
    defaults = PROVIDERS[control.key].spec
    said = {k: v for k, v in control.state.items() if v is not None and v != defaults[k].get("default")}
    if "value" in said:
        return repr(said["value"])
    return ", ".join(f"{key} {value!r}" for key, value in said.items())
