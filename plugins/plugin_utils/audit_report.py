# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of one audit: what was found on every host, as plain data that the JSON file holds as it is.

Every other form (JUnit, metrics, the page) is made of this data and of nothing else, so that they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = "evenkeel.ops/audit/1"
STATUSES = ("failed", "would_change", "unknown", "waived", "not_applicable", "compliant", "changed")
# Not met; `failed` is what the role cannot mend by itself.
OPEN = ("failed", "would_change", "unknown")
MET = ("compliant", "changed")
LEFT_OUT = ("waived", "not_applicable")
# A host that is audited for a profile is also measured by those before it.
LADDER = ("baseline", "strict")
PROSE = ("title", "why", "refs", "area", "profiles", "remedy")
FACTS = ("distribution", "kernel", "architecture")
LONGEST_VALUE = 200


@dataclass(frozen=True)
class Audited:
    """What the run knows of one host: the result of its `controls` task and of its summary, where there are any."""

    outcome: Mapping[str, Any] | None
    summary: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class About:
    """What the report says of itself."""

    made: str  # UTC, ISO 8601
    run: str = ""
    by: str = ""
    version: str = ""
    title: str = "Hardening audit"
    threshold: float | None = None


def build(hosts: Mapping[str, Audited], about: About) -> dict[str, Any]:
    """The whole report, without what changed since an earlier one."""
    controls: dict[str, dict[str, Any]] = {}
    seen, unseen = [], []
    for name, audited in hosts.items():
        why = _not_compared(audited.outcome)
        if why or audited.outcome is None:
            unseen.append({"name": name, "reason": why})
        else:
            seen.append(_host(name, audited.outcome, audited.summary or {}, controls, about.threshold))
    return {
        "schema": SCHEMA,
        "made": about.made,
        "run": about.run,
        "by": about.by,
        "version": about.version,
        "title": about.title,
        "threshold": about.threshold,
        "total": total(seen, controls),
        "controls": controls,
        "hosts": seen,
        "not_compared": unseen,
        "previous": None,
    }


def tally(statuses: Iterable[str]) -> dict[str, Any]:
    """How many are met of those that count, and the score in per cent; null where none counts."""
    found = list(statuses)
    counted = sum(status not in LEFT_OUT for status in found)
    met = sum(status in MET for status in found)
    return {"met": met, "counted": counted, "score": round(100 * met / counted, 2) if counted else None}


def total(hosts: Sequence[Mapping[str, Any]], controls: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Of all hosts together."""
    results = [result for host in hosts for result in host["results"]]
    return {
        **tally(result["status"] for result in results),
        "statuses": _count(results),
        "areas": _by_area(results, controls),
        "below_threshold": [host["name"] for host in hosts if host["below_threshold"]],
    }


def is_below(score: float | None, threshold: float | None) -> bool:
    """Whether a score misses the threshold; one that nothing counts for does."""
    return threshold is not None and (score is None or score < threshold)


def _not_compared(outcome: Mapping[str, Any] | None) -> str:
    if outcome is None:
        return "no result: it was not reached, or failed before the comparison"
    if outcome.get("failed"):
        return str(outcome.get("msg") or "the comparison failed")
    if not isinstance(outcome.get("results"), Sequence):
        return "no result: the comparison was skipped"
    return ""


def _host(
    name: str,
    outcome: Mapping[str, Any],
    summary: Mapping[str, Any],
    controls: dict[str, dict[str, Any]],
    threshold: float | None,
) -> dict[str, Any]:
    results = [_result(given, controls) for given in outcome["results"]]
    about = summary.get("host") if isinstance(summary.get("host"), Mapping) else {}
    score = tally(result["status"] for result in results)
    return {
        "name": name,
        "profile": outcome.get("profile"),
        **score,
        "below_threshold": is_below(score["score"], threshold),
        **{fact: (about or {}).get(fact) for fact in FACTS},
        "statuses": _count(results),
        "areas": _by_area(results, controls),
        "profiles": _by_profile(results, controls, outcome.get("profile")),
        "results": results,
    }


def _result(given: Mapping[str, Any], controls: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One line of a host. Its prose stands once for all hosts, except for a remedy of this host's own."""
    prose = {key: given[key] for key in PROSE if given.get(key) not in (None, "", [], {})}
    known = controls.setdefault(given["id"], prose)
    for key, value in prose.items():
        known.setdefault(key, value)
    line: dict[str, Any] = {"id": given["id"], "status": given["status"], "reason": given.get("reason") or ""}
    if given.get("assumed"):
        line["assumed"] = True
    if given["status"] in OPEN:
        line["found"], line["wanted"] = _short(given.get("before")), _short(given.get("after"))
    if prose.get("remedy") and prose["remedy"] != known["remedy"]:
        line["remedy"] = prose["remedy"]
    return line


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _count(results: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = [result["status"] for result in results]
    return {status: found.count(status) for status in STATUSES if status in found}


def area_of(control: Mapping[str, Any]) -> str:
    """The area of a control; those given in the task itself have none."""
    return str(control.get("area") or "other")


def _by_area(
    results: Sequence[Mapping[str, Any]], controls: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    statuses: dict[str, list[str]] = {}
    for result in results:
        statuses.setdefault(area_of(controls[result["id"]]), []).append(result["status"])
    return {area: {**tally(found), "open": sum(s in OPEN for s in found)} for area, found in sorted(statuses.items())}


def _by_profile(
    results: Sequence[Mapping[str, Any]], controls: Mapping[str, Mapping[str, Any]], profile: str | None
) -> dict[str, dict[str, Any]]:
    """The audited profile, and those that it goes beyond."""
    below = LADDER[: LADDER.index(profile)] if profile in LADDER else ()
    found = {
        name: tally(r["status"] for r in results if name in (controls[r["id"]].get("profiles") or [name]))
        for name in below
    }
    return {**found, **({profile: tally(r["status"] for r in results)} if profile else {})}
