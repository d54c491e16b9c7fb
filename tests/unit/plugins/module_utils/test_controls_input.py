# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad controls are refused before a host is touched, one clear sentence each."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import controls_input

SYSCTL = {"key": "net.ipv4.ip_forward", "value": 0}


def problems(*controls: Any) -> str:
    """What is said of these controls."""
    with pytest.raises(controls_input.BadInput) as bad:
        controls_input.read(list(controls))
    return "\n".join(bad.value.problems)


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        (["text"], ["controls[0] is 'text'", "a mapping with an id"]),
        ([{"sysctl": SYSCTL}], ["controls[0].id is None", "small letters"]),
        ([{"id": "A b", "sysctl": SYSCTL}], ["'A b'", "small letters"]),
        ([{"id": "a"}], ["control a: has no state key", "exactly one of package, account"]),
        ([{"id": "a", "sysctl": SYSCTL, "probe": {"command": ["true"]}}], ["has sysctl and probe", "exactly one"]),
        ([{"id": "a", "sysctI": SYSCTL}], ["sysctI is no state key", "did you mean 'sysctl'?"]),
        ([{"id": "a", "sysctl": {**SYSCTL, "vaule": 1}}], ["sysctl.vaule is no option", "did you mean 'value'?"]),
        ([{"id": "a", "sysctl": {"key": "a.b", "value": False}}], ["sysctl.value is False", "in quotes"]),
        ([{"id": "a", "sysctl": {"value": 1}}], ["sysctl.key is missing"]),
        ([{"id": "a", "sysctl": "x"}], ["sysctl is 'x'", "a mapping with key, value"]),
        ([{"id": "a", "risk": "acess", "sysctl": SYSCTL}], ["control a: risk is 'acess'", "none, service, access"]),
        ([{"id": "a", "needs": {"packge": "x"}, "sysctl": SYSCTL}], ["needs.packge", "did you mean 'package'?"]),
        ([{"id": "a", "sysctl": SYSCTL}] * 2, ["control a: the id is given twice"]),
        (
            [{"id": "a", "sysctl": SYSCTL}, {"id": "b", "sysctl": {"key": "net/ipv4/ip_forward", "value": 1}}],
            ["controls a and b contradict", "net.ipv4.ip_forward", "0 and 1"],
        ),
    ],
)
def test_each_fault_is_named(controls: list[Any], words: list[str]) -> None:
    """The place, the value and what is allowed."""
    said = problems(*controls)
    for word in words:
        assert word in said, said


def test_a_secret_is_not_in_the_message() -> None:
    """Contradicting secrets are named, not shown."""
    state = {"file": "/x", "format": "keyvalue", "key": "TOKEN"}
    one = {"id": "a", "secret": True, "setting": {**state, "value": "hunter2-first"}}
    other = {"id": "b", "secret": True, "setting": {**state, "value": "hunter2-second"}}
    said = problems(one, other)
    assert "contradict" in said and "hunter2" not in said


def test_two_controls_may_want_the_same() -> None:
    """Different benchmarks, one value."""
    controls = controls_input.read([{"id": "a", "sysctl": SYSCTL}, {"id": "b", "sysctl": dict(SYSCTL)}])
    assert [control.id for control in controls] == ["a", "b"]
