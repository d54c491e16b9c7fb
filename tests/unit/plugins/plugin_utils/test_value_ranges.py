# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a control takes, and those that it refuses."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import CatalogueError, Wishes, load, select
from ansible_collections.evenkeel.ops.plugins.plugin_utils.value_ranges import problems, words

CATALOGUE = load([str(Path(__file__).resolve().parents[4] / "roles/hardening/files/catalogue")])
TODAY = datetime.date(2026, 11, 24)
TRIES = {"min": 1, "max": 6}
ANSWER = {"values": ["yes", "no"]}
SIZE = {"pattern": r"\d+[KMG]?", "form": "a size", "example": "1G"}


@pytest.mark.parametrize(
    ("allowed", "value"),
    [(TRIES, 1), (TRIES, "6"), (ANSWER, "no"), (SIZE, "2M"), (SIZE, 512), (SIZE, ["1K", "2K"]), ({"values": [1]}, "1")],
)
def test_takes(allowed: dict[str, Any], value: Any) -> None:
    """Numbers may come as texts; of a list, each text has to fit."""
    assert problems({"id": "x", "allowed": allowed}, value) == []


@pytest.mark.parametrize(
    ("allowed", "value", "says"),
    [
        (TRIES, 0, "control x: value is 0: allowed is a whole number from 1 to 6"),
        (TRIES, "7", "control x: value is '7': allowed is a whole number from 1 to 6"),
        (TRIES, 2.5, "control x: value is 2.5: allowed is a whole number from 1 to 6"),
        (TRIES, [2], "control x: value is [2]: allowed is a whole number from 1 to 6"),
        (
            TRIES,
            True,
            "control x: value is True: allowed is a whole number from 1 to 6; put yes, no, on and off in quotes",
        ),
        (ANSWER, False, "control x: value is False: allowed is yes or no; put yes, no, on and off in quotes"),
        (ANSWER, "never", "control x: value is 'never': allowed is yes or no"),
        (SIZE, "1T", "control x: value is '1T': allowed is a size (such as 1G)"),
        (SIZE, "1G\n", "control x: value is '1G\\n': allowed is a size (such as 1G)"),
        (SIZE, ["1G", "much"], "control x: value is ['1G', 'much']: allowed is a size (such as 1G)"),
    ],
)
def test_refuses(allowed: dict[str, Any], value: Any, says: str) -> None:
    """The control, the value and what is allowed."""
    assert problems({"id": "x", "allowed": allowed}, value) == [says]


@pytest.mark.parametrize(
    ("allowed", "says"),
    [
        ({"min": 1}, "control x.allowed is {'min': 1}: allowed is one of min with max, values, pattern"),
        ({**TRIES, **ANSWER}, "allowed is one of min with max, values, pattern"),
        ({"pattern": "(", "form": "a", "example": "a"}, "control x.allowed.pattern is '(': "),
        ({"pattern": "a", "form": "an a", "example": "b"}, "needed is form, and an example that fits"),
        ({"pattern": "a"}, "needed is form, and an example that fits"),
        ({"most": 3}, "control x.allowed.most is no option"),
        ("1-6", "control x.allowed is '1-6'"),
    ],
)
def test_a_catalogue_that_is_wrong_itself(allowed: Any, says: str) -> None:
    """Somebody's own catalogue says so before a host is touched."""
    (problem,) = problems({"id": "x", "allowed": allowed}, 1)
    assert says in problem


def settings() -> list[tuple[str, dict[str, Any], Any]]:
    """The controls of the role hardening that say what they take, with their own values."""
    states = [
        (c, next(c[key] for key in ("setting", "sysctl", "cmdline") if key in c)) for c in CATALOGUE if "allowed" in c
    ]
    return [(control["id"], control, state["value"]) for control, state in states]


@pytest.mark.parametrize(("name", "control", "value"), settings())
def test_the_catalogue_s_own_values_are_allowed(name: str, control: dict[str, Any], value: Any) -> None:
    """And what is allowed is said in words."""
    assert name and problems(control, value) == [] and words(control["allowed"])


def test_every_number_and_every_yes_or_no_of_the_catalogue_has_its_range() -> None:
    """Lists, lines and algorithms are checked by the programs that read them."""
    states = [c.get("setting") or c.get("sysctl") or c.get("cmdline") for c in CATALOGUE if "allowed" not in c]
    open_values = [state["value"] for state in states if state and not isinstance(state.get("value", []), list)]
    assert [v for v in open_values if isinstance(v, int) or v.isdigit() or v in ("yes", "no", "true", "false")] == []


@pytest.mark.parametrize("override", [0, {"value": 0}, "99"])
@pytest.mark.parametrize("name", ["sshd-max-auth-tries", "sshd-max-auth-tries-strict"])
def test_an_override_is_refused_whatever_the_profile(name: str, override: Any) -> None:
    """A value that no sshd should get is refused also where another profile would use it."""
    with pytest.raises(CatalogueError, match=f"control {name}: value is .*: allowed is a whole number from 1 to 6"):
        select(CATALOGUE, Wishes(profile="baseline", overrides={name: override}), TODAY)
