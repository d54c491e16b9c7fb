# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks values against a role's argument specification. A problem is one sentence: variable, value, allowed values."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS

Option = Mapping[str, Any]
LONGEST_VALUE = 200
SHORTEST_SECRET = 4
HIDDEN = "(secret)"
WORDS = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "an integer",
    "list": "a list",
    "path": "a path",
    "str": "a string",
}


def problems(options: Mapping[str, Option], values: Mapping[str, Any]) -> list[str]:
    """What is wrong with `values`; secrets do not show. Names that are no option are not looked at."""
    known = {name: value for name, value in values.items() if name in options}
    found = [problem for name, value in known.items() for problem in _value(name, options[name], value)]
    return found or [sentence for name in known for sentence in _remaining(name, options[name], known[name])]


def _remaining(name: str, option: Option, value: Any) -> list[str]:
    """What only the core's own validator knows, like required_if inside of suboptions."""
    checked = ArgumentSpecValidator({name: {**option, "required": False}}).validate({name: value})
    if not checked.error_messages:
        return []
    words = ["it holds a secret, so no more can be shown"] if _secrets(option, value) else checked.error_messages
    return [f"{name} is refused: {each}." for each in words]


def missing(name: str, option: Option) -> str:
    """The sentence for an input that has to be given."""
    return f"{name} is not set; it is required, {_allowed(option)}."


def unknown(name: str, role: str, options: Collection[str]) -> str:
    """The sentence for a name with a role's prefix that is no input of the role."""
    return f"{name} is no input of the role {role}; {_did_you_mean(name, options)}"


def _did_you_mean(name: str, options: Collection[str]) -> str:
    close = difflib.get_close_matches(name, list(options), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"allowed are {', '.join(sorted(options)) or 'none'}."


def _value(where: str, option: Option, value: Any) -> Iterator[str]:
    if value is None:
        if option.get("required"):
            yield f"{where} is null; it is required, {_allowed(option)}."
        return
    kind = option.get("type") or "str"
    converted, good = _convert(kind, option.get("elements"), value)
    if not good:
        yield f"{where} is {_shown(option, value)}; allowed is {_allowed(option)}."
    elif kind == "list":
        yield from _list(where, option, value, converted)
    elif kind == "dict" and option.get("options"):
        yield from _mapping(where, option["options"], converted)
    elif option.get("choices") and converted not in option["choices"]:
        yield f"{where} is {_shown(option, value)}; allowed is {_allowed(option)}."


def _convert(kind: str, elements: str | None, value: Any) -> tuple[Any, bool]:
    """The value as the core would read it, and whether it can."""
    if kind in ("str", "path") and isinstance(value, (Mapping, list, tuple)):
        return None, False  # the core would silently write it out as a string
    if kind == "int" and isinstance(value, bool):
        return None, False
    if kind == "list" and (isinstance(value, Mapping) or (elements == "dict" and not isinstance(value, (list, tuple)))):
        return None, False
    check = DEFAULT_TYPE_VALIDATORS.get(kind)
    try:
        return (check(value) if check else value), True
    except (TypeError, ValueError):
        return None, False


def _list(where: str, option: Option, value: Any, items: Sequence[Any]) -> Iterator[str]:
    element = {
        "type": option.get("elements") or "raw",
        "options": option.get("options"),
        "choices": option.get("choices"),
        "no_log": option.get("no_log"),
        "required": True,
    }
    for index, item in enumerate(items):
        # A single value is read as a list of one: then it has no position.
        yield from _value(where if not isinstance(value, (list, tuple)) else f"{where}[{index}]", element, item)


def _mapping(where: str, options: Mapping[str, Option], value: Mapping[str, Any]) -> Iterator[str]:
    names = {*options, *(alias for option in options.values() for alias in option.get("aliases") or [])}
    for name in value:
        if name not in names:
            yield f"{where} has {name!r}; {_did_you_mean(str(name), options)}"
    for name, option in options.items():
        given = [each for each in (name, *(option.get("aliases") or [])) if each in value]
        if given:
            yield from _value(f"{where}.{given[0]}", option, value[given[0]])
        elif option.get("required"):
            yield missing(f"{where}.{name}", option)


def _allowed(option: Option) -> str:
    kind = option.get("type") or "str"
    if option.get("choices"):
        one = f"one of {', '.join(map(str, option['choices']))}"
        return f"a list of {one}" if kind == "list" else one
    if kind == "list" and option.get("elements"):
        return f"a list, each element {WORDS.get(option['elements'], option['elements'])}"
    return WORDS.get(kind, f"a value of type {kind}")


def _shown(option: Option, value: Any) -> str:
    if option.get("no_log") or _secrets(option, value):
        return HIDDEN
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def secrets(options: Mapping[str, Option], values: Mapping[str, Any]) -> set[str]:
    """Every text that a `no_log` option holds."""
    return {text for name, value in values.items() for text in _secrets(options.get(name) or {}, value)}


def _secrets(option: Option, value: Any) -> set[str]:
    if option.get("no_log"):
        return set(_texts(value))
    inner = option.get("options") or {}
    if isinstance(value, Mapping):
        return {text for name, item in value.items() for text in _secrets(inner.get(name) or {}, item)}
    if isinstance(value, (list, tuple)):
        return {text for item in value for text in _secrets({"options": inner}, item)}
    return set()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def mask(sentences: Sequence[str], hidden: Collection[str]) -> list[str]:
    """The sentences without the secrets; shorter ones than four characters would hide half of every sentence."""
    for text in sorted((text for text in hidden if len(text) >= SHORTEST_SECRET), key=len, reverse=True):
        sentences = [sentence.replace(text, HIDDEN) for sentence in sentences]
    return list(sentences)
