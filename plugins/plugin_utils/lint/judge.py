# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply rules to a model, and waivers to what they find."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.providers.spec import did_you_mean
from ansible_collections.evenkeel.ops.plugins.plugin_utils import waivers as waiver_data

from .rule import SEVERITIES, Rule

Finding = dict[str, Any]
EXPIRED, UNUSED = "LW001", "LW002"
# Of the waivers themselves; these are not waived.
WAIVER_RULES = (
    Rule(
        EXPIRED,
        "error",
        "A waiver has expired",
        "it counts no more, and nobody has decided again",
        "Mend what it waived and take it out, or renew it.",
        lambda _model: (),
    ),
    Rule(
        UNUSED,
        "warning",
        "A waiver waives nothing",
        "it would hide the same fault when it comes back",
        "Take it out, or mend its where.",
        lambda _model: (),
    ),
)


class BadWaivers(Exception):
    """Waivers that cannot be used: one sentence per fault."""


def judge(rules: Sequence[Rule], known: Iterable[str], model: Any, waivers: Any, today: datetime.date) -> list[Finding]:
    """All findings, the gravest first; a waived one says by which reason.

    `known` are the ids of all linters: a waiver of another linter is none of ours, one of no linter is refused.
    """
    ours = {rule.id for rule in rules}
    read = [waiver for waiver in read_waivers(waivers, set(known) | ours) if waiver.id in ours]
    found = [finding for rule in rules for finding in _findings(rule, model)]
    used: set[str] = set()
    for finding in found:
        for waiver in read:
            if _covers(waiver, finding):
                used.add(waiver.name)
                finding["waived"] = finding["waived"] or ("" if waiver.expired(today) else str(waiver))
    found += [_of_waiver(waiver, today, waiver.name in used) for waiver in read if _stale(waiver, today, used)]
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding["severity"]), finding["id"], finding["where"]))


def read_waivers(waivers: Any, known: set[str]) -> list[waiver_data.Waiver]:
    """The waivers, or BadWaivers with a sentence for each that is not complete."""
    if not isinstance(waivers, (list, tuple)):
        raise BadWaivers(f"waivers is {waivers!r}: allowed is a list of waivers")
    found, problems = [], []
    for number, given in enumerate(waivers):
        name = f"waivers[{number}]"
        waiver, wrong = waiver_data.read(name, given, "until", ("where",))
        if waiver and waiver.id not in known:
            wrong = [f"{name}.id is {waiver.id!r}: allowed are ids of rules{did_you_mean(waiver.id, known)}"]
        problems += wrong
        found += [waiver] if waiver else []
    if problems:
        raise BadWaivers(". ".join(problems))
    return found


def as_bad(findings: Iterable[Mapping[str, Any]], fail_from: str) -> list[Mapping[str, Any]]:
    """The findings that are not waived and at least as grave as `fail_from`; `never` is beyond all."""
    grave = SEVERITIES[: SEVERITIES.index(fail_from) + 1] if fail_from in SEVERITIES else ()
    return [finding for finding in findings if finding["severity"] in grave and not finding["waived"]]


def _findings(rule: Rule, model: Any) -> list[Finding]:
    return [_finding(rule, hit.where, hit.seen) for hit in dict.fromkeys(rule.find(model))]


def _finding(rule: Rule, where: str, seen: str) -> Finding:
    return {
        "id": rule.id,
        "where": where,
        "severity": rule.severity,
        "reason": f"{seen}: {rule.why}.",
        "remedy": rule.remedy,
        "waived": "",
    }


def _covers(waiver: waiver_data.Waiver, finding: Finding) -> bool:
    if waiver.id != finding["id"]:
        return False
    # A place may hold the characters of a pattern itself, as a regular expression does.
    return waiver.where in ("", finding["where"]) or fnmatchcase(finding["where"], waiver.where)


def _stale(waiver: waiver_data.Waiver, today: datetime.date, used: set[str]) -> bool:
    return waiver.expired(today) or waiver.name not in used


def _of_waiver(waiver: waiver_data.Waiver, today: datetime.date, used: bool) -> Finding:
    expired, unused = WAIVER_RULES
    place = f" at {waiver.where}" if waiver.where else ""
    if waiver.expired(today):
        seen = f"the waiver of {waiver.id}{place}, owner {waiver.owner}, expired on {waiver.until}"
        return _finding(expired, waiver.name, seen)
    return _finding(unused, waiver.name, f"nothing is found for {waiver.id}{place}, owner {waiver.owner}")
