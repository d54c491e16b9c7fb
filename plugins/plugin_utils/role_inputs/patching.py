# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role patching, beyond their types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import waves
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows import clock, gate, model

PACKAGE = r"[a-z0-9*?\[][a-z0-9+.*?\[\]!:-]*"
PACKAGE_TEXT = "a package name of lower case letters, digits, '+', '.' and '-', with the wildcards '*', '?' and '[...]'"
UNIT = r"[A-Za-z0-9*?\[][A-Za-z0-9:_.@\\*?\[\]!-]*"
UNIT_TEXT = "the name of a systemd unit, with the wildcards '*', '?' and '[...]'"
PATH = r"/[^\x00-\x1f]+"
EVERYTHING = ("*", "**")


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    return [*_gate(inputs), *_selection(inputs), *_numbers(inputs), *_waves(inputs)]


def _said(name: str, read: Callable[[], Any]) -> list[str]:
    """The words of a refusal of the window engine, under the name of the input."""
    try:
        read()
    except clock.WindowError as error:
        return [f"{name}: {error}."]
    return []


def _gate(inputs: Mapping[str, Any]) -> Iterator[str]:
    windows, override = inputs.get("patching_windows"), inputs.get("patching_override")
    if "patching_windows" in inputs:
        yield from _said("patching_windows", lambda: model.windows(windows))
        if not windows and not override:
            yield "patching_windows is []; allowed is at least one window, or patching_override with reason and owner."
    if inputs.get("patching_freezes"):
        yield from _said("patching_freezes", lambda: model.freezes(inputs["patching_freezes"]))
    if override:
        yield from _said("patching_override", lambda: gate.read_override(override))
    if inputs.get("patching_at"):
        yield from _said("patching_at", lambda: clock.moment(inputs["patching_at"], "the moment"))
    if "patching_expected_duration" in inputs:
        given = inputs["patching_expected_duration"]
        yield from _said("patching_expected_duration", lambda: model.duration(given, "the expected duration"))


def _selection(inputs: Mapping[str, Any]) -> Iterator[str]:
    for pattern in inputs.get("patching_exclude") or ():
        yield from checks.pattern_problems("patching_exclude", pattern, PACKAGE, PACKAGE_TEXT)
        if pattern in EVERYTHING:
            yield f"patching_exclude is {pattern!r}, which leaves nothing; allowed are patterns of some packages."
    for pattern in inputs.get("patching_restart_never") or ():
        yield from checks.pattern_problems("patching_restart_never", pattern, UNIT, UNIT_TEXT)
    for path in inputs.get("patching_paths") or ():
        yield from checks.pattern_problems("patching_paths", path, PATH, "an absolute path below /")


def _numbers(inputs: Mapping[str, Any]) -> Iterator[str]:
    for name, low, high in (("patching_lock_timeout", 0, 3600), ("patching_reboot_timeout", 30, 3600)):
        if name in inputs:
            yield from checks.range_problems(name, inputs[name], low, high)


def _waves(inputs: Mapping[str, Any]) -> Iterator[str]:
    yield from _planned(inputs, "patching_canary", _canary)
    yield from _planned(inputs, "patching_waves", _sizes)
    yield from _planned(inputs, "patching_floor", lambda given: waves.read_size("the floor", given))


def _planned(inputs: Mapping[str, Any], name: str, read: Callable[[Any], Any]) -> Iterator[str]:
    if name not in inputs:
        return
    try:
        read(inputs[name])
    except waves.WaveError as error:
        yield f"{name}: {error}"


def _canary(given: Any) -> None:
    if waves.read_size("the canary", given).percent:
        raise waves.WaveError(f"the canary is {given!r}; allowed is a number of hosts, 0 for none.")


def _sizes(given: Sequence[Any]) -> None:
    """As for a fleet that is large enough for every size that is given."""
    read = [waves.read_size(f"waves[{number}]", size) for number, size in enumerate(given)]
    numbers = [size.amount for size in read if not size.percent]
    waves.read_steps([str(number) for number in range(max([*numbers, 1]))], 0, given)
