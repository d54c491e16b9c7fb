# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers, severities and the order of findings."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint import registry
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.judge import WAIVER_RULES, BadWaivers
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.programs import lint
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.rule import SEVERITIES

TODAY = datetime.date(2026, 11, 26)
INPUTS = {
    "nginx_status_address": "*",
    "nginx_sites": [{"name": "a", "root": "/etc"}, {"name": "b", "server_names": ["b"], "root": "/etc/b"}],
}
WAIVER = {"id": "NG007", "owner": "ops", "reason": "a lab", "until": "2026-11-26"}


def found(*waivers: Any) -> list[tuple[str, str, str]]:
    """Id, place and waiver of each finding."""
    return [(each["id"], each["where"], each["waived"]) for each in lint("nginx", INPUTS, waivers, TODAY)]


def test_the_gravest_come_first() -> None:
    """Then by id and place."""
    assert [(one, where) for one, where, _waived in found()] == [
        *(("NG007", "site a"), ("NG007", "site b"), ("NG052", "nginx_status_address")),
        *(("NG009", "site a"), ("NG009", "site b")),
    ]


def test_a_finding_tells_everything() -> None:
    assert lint("nginx", {"nginx_status_address": "*"}, [], TODAY) == [
        {
            "id": "NG052",
            "where": "nginx_status_address",
            "severity": "warning",
            "reason": "it is '*': it tells everybody how busy the host is, and when it restarted.",
            "remedy": "Set nginx_status_address to 127.0.0.1.",
            "waived": "",
        }
    ]


@pytest.mark.parametrize(
    ("where", "covered"),
    [
        ("", ["site a", "site b"]),
        ("site a", ["site a"]),
        ("site *", ["site a", "site b"]),
        ("site ?", ["site a", "site b"]),
    ],
)
def test_a_waiver_covers_its_places(where: str, covered: list[str]) -> None:
    """The last day counts."""
    answers = found({**WAIVER, "where": where})
    assert [place for name, place, waived in answers if waived == "a lab (ops, until 2026-11-26)"] == covered
    assert not [name for name, _place, _waived in answers if name.startswith("LW")]


def test_an_expired_waiver_counts_no_more() -> None:
    answers = lint("nginx", INPUTS, [{**WAIVER, "until": datetime.date(2026, 11, 25)}], TODAY)
    assert not [each for each in answers if each["waived"]]
    (expired,) = [each for each in answers if each["id"] == "LW001"]
    assert (expired["severity"], expired["where"]) == ("error", "waivers[0]")
    assert "the waiver of NG007, owner ops, expired on 2026-11-25" in expired["reason"]


def test_a_waiver_renewed_beside_the_expired_one_counts() -> None:
    answers = found({**WAIVER, "until": "2026-01-01"}, WAIVER)
    assert {waived for name, _where, waived in answers if name == "NG007"} == {"a lab (ops, until 2026-11-26)"}


def test_a_waiver_of_nothing_is_found() -> None:
    answers = lint("nginx", INPUTS, [{**WAIVER, "where": "site z"}], TODAY)
    (unused,) = [each for each in answers if each["id"] == "LW002"]
    assert (unused["severity"], unused["where"]) == ("warning", "waivers[0]")
    assert "nothing is found for NG007 at site z" in unused["reason"]


def test_a_place_is_also_taken_as_it_is() -> None:
    """A regular expression holds characters of a pattern."""
    inputs = {"nginx_sites": [{"name": "a", "locations": [{"path": "~ ^/[a]", "root": "/etc"}]}]}
    waiver = {**WAIVER, "where": "site a: location ~ ^/[a]"}
    assert {each["waived"] for each in lint("nginx", inputs, [waiver], TODAY) if each["id"] == "NG007"} != {""}


def test_waivers_of_the_other_linter_are_left_alone() -> None:
    assert found({**WAIVER, "id": "HA001"}) == found()


@pytest.mark.parametrize(
    ("waivers", "sentence"),
    [
        ("NG007", "waivers is 'NG007': allowed is a list of waivers"),
        (["NG007"], r"waivers\[0\] is 'NG007': allowed is a mapping with id, reason, owner, until, where"),
        ([{**WAIVER, "owner": ""}], r"waivers\[0\] \(NG007\) has no owner: needed are id, reason, owner, until"),
        ([{**WAIVER, "reason": " "}], "has no reason"),
        ([WAIVER, {**WAIVER, "until": "soon"}], r"waivers\[1\].until is 'soon': allowed is a date such as 2027-03-31"),
        ([{**WAIVER, "id": "NG070"}], r"waivers\[0\].id is 'NG070': allowed are ids of rules"),
        ([{**WAIVER, "expires": "2027-01-01"}], "allowed is a mapping"),
    ],
)
def test_bad_waivers_are_refused(waivers: Any, sentence: str) -> None:
    with pytest.raises(BadWaivers, match=sentence):
        lint("nginx", INPUTS, waivers, TODAY)


def test_rules_are_well_made() -> None:
    """Ids once and in order, severities known, reasons without and remedies with a full stop."""
    for program, letters in (("haproxy", "HA"), ("nginx", "NG")):
        names = [rule.id for rule in registry.rules(program)]
        assert names == sorted(set(names)) and len(names) >= 20
        assert all(name.startswith(letters) and len(name) == 5 for name in names)
    rules = [rule for program in registry.TOPICS for rule in registry.rules(program)]
    for rule in [*rules, *WAIVER_RULES]:
        assert rule.severity in SEVERITIES
        assert rule.remedy.endswith(".") and not rule.why.endswith(".") and not rule.title.endswith("."), rule.id
