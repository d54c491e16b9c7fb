# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a control's state against its provider's argument spec, and fills in the defaults.

Stricter than Ansible's own check: a boolean is never taken for a text, because `value: no` in YAML hides a mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

Options = Mapping[str, Mapping[str, Any]]

ALLOWED = {
    "str": "a text",
    "path": "an absolute path",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
    "raw": "a text, a number or a list of them",
}

TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list, tuple),
    "dict": (dict, Mapping),
}


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where a known name is close to this one, else nothing."""
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def check(spec: Options, state: Any, where: str) -> tuple[dict[str, Any], list[str]]:
    """The state with its defaults, and what is wrong with it: sentences that name the place, the value, the allowed."""
    if not isinstance(state, Mapping):
        return {}, [f"{where} is {state!r}: allowed is a mapping with {', '.join(spec)}"]
    faults = [
        f"{where}.{name} is no option: allowed are {', '.join(spec)}{did_you_mean(name, spec)}"
        for name in state
        if name not in spec
    ]
    full: dict[str, Any] = {}
    for name, option in spec.items():
        place = f"{where}.{name}"
        if state.get(name) is None:
            if option.get("required"):
                faults.append(f"{place} is missing: required is {allowed(option)}")
            full[name] = option.get("default")
            continue
        full[name], wrong = check_value(option, state[name], place)
        faults.extend(wrong)
    return full, faults


def check_value(option: Mapping[str, Any], value: Any, where: str) -> tuple[Any, list[str]]:
    """The value as its type wants it, and what is wrong with it."""
    kind = option.get("type", "str")
    if kind == "dict" and isinstance(value, Mapping) and "options" in option:
        return check(option["options"], value, where)
    if kind == "list" and isinstance(value, (list, tuple)):
        return _check_elements(option, value, where)
    value = _natural(value)
    if not _is(kind, value) or ("choices" in option and value not in option["choices"]) or _out_of_range(option, value):
        return value, [f"{where} is {value!r}: allowed is {allowed(option)}{_hint(kind, value, option)}"]
    return value, []


def _check_elements(option: Mapping[str, Any], values: Iterable[Any], where: str) -> tuple[list[Any], list[str]]:
    element = {"type": option.get("elements", "raw"), **{k: option[k] for k in ("options", "choices") if k in option}}
    checked = [check_value(element, value, f"{where}[{number}]") for number, value in enumerate(values)]
    return [value for value, _wrong in checked], [fault for _value, wrong in checked for fault in wrong]


def allowed(option: Mapping[str, Any]) -> str:
    """What an option may hold, in words."""
    if "choices" in option:
        return "one of " + ", ".join(str(choice) for choice in option["choices"])
    words = ALLOWED[option.get("type", "str")]
    if "elements" in option:
        words = f"a list of {ALLOWED[option['elements']].split(' ', 1)[1]} values"
    if "min" in option and "max" in option:
        return f"{words} from {option['min']} to {option['max']}"
    if "min" in option:
        return f"{words} of at least {option['min']}"
    return words


def _natural(value: Any) -> Any:
    """The plain type behind a subclass that a YAML or template engine made."""
    for plain in (str, int, float):
        if isinstance(value, plain) and not isinstance(value, bool):
            return plain(value)
    return value


def _is(kind: str, value: Any) -> bool:
    if kind == "raw":
        items = value if isinstance(value, (list, tuple)) else [value]
        return all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in items)
    if kind == "path":
        return isinstance(value, str) and value.startswith("/") and "\0" not in value and ".." not in value.split("/")
    if isinstance(value, bool):
        return kind == "bool"
    return isinstance(value, TYPES[kind])


def _out_of_range(option: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return value < option.get("min", value) or value > option.get("max", value)


def _hint(kind: str, value: Any, option: Mapping[str, Any]) -> str:
    if isinstance(value, bool) and kind in ("raw", "str"):
        return "; put words such as yes, no, on and off in quotes"
    if kind == "str" and isinstance(value, (int, float)):
        return "; put it in quotes"
    if "choices" in option:
        return did_you_mean(value, [str(choice) for choice in option["choices"]])
    return ""
