# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as data: areas of alerts with thresholds become rule files of Prometheus.

An area is a file of roles/prometheus/files/alerts. Its expressions and texts name thresholds as ${name}; all else
in them is Prometheus' own language and is not templated.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DIRECTORY = Path(__file__).resolve().parents[2] / "roles/prometheus/files/alerts"
THRESHOLD = re.compile(r"\$\{([a-z_]+)\}")
DURATION = r"([0-9]+(y|w|d|h|m|s|ms))+"
DURATION_TEXT = "a Prometheus duration like 15s, 5m or 30d"
EXPECTED_HOST = "evenkeel_expected_host"
EXPECTED_HOSTS_AREA = "inventory"
# What every alert may be given beside its thresholds.
COMMON = ("for", "severity")


@dataclass(frozen=True)
class Alert:
    """One alert, with its thresholds not yet put in."""

    name: str
    expression: str
    wait: str
    severity: str
    summary: str
    description: str
    thresholds: Mapping[str, Any]

    def rule(self, override: Mapping[str, Any], runbooks: str) -> dict[str, Any]:
        """The rule in Prometheus' own form."""
        values = {**self.thresholds, **override}

        def fill(text: str) -> str:
            return THRESHOLD.sub(lambda found: str(values[found[1]]), text)

        annotations = {"summary": fill(self.summary), "description": fill(self.description), "runbook": self.name}
        if runbooks:
            annotations["runbook_url"] = f"{runbooks.rstrip('/')}/{self.name}.md"
        return {
            "alert": self.name,
            "expr": fill(self.expression),
            "for": str(override.get("for", self.wait)),
            "labels": {"severity": str(override.get("severity", self.severity))},
            "annotations": annotations,
        }


@dataclass(frozen=True)
class Area:
    """The alerts of one file, and what has to be there so that they can fire."""

    name: str
    needs: Mapping[str, str]
    alerts: Sequence[Alert]


@functools.cache
def catalogue() -> Mapping[str, Area]:
    """All areas by name."""
    return {path.stem: _area(path) for path in sorted(DIRECTORY.glob("*.yml"))}


def _area(path: Path) -> Area:
    read = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a SafeLoader, the fast one where it is there
    alerts = [
        Alert(
            each["alert"],
            each["expr"],
            each["for"],
            each["severity"],
            each["summary"],
            each["description"],
            each.get("thresholds") or {},
        )
        for each in read["alerts"]
    ]
    return Area(path.stem, read.get("needs") or {}, alerts)


def alerts_by_name() -> dict[str, Alert]:
    """Every alert of every area."""
    return {alert.name: alert for area in catalogue().values() for alert in area.alerts}


def rule_files(
    areas: Iterable[str],
    overrides: Mapping[str, Mapping[str, Any]],
    disabled: Collection[str],
    expected_hosts: Iterable[str],
    runbooks: str,
) -> dict[str, list[dict[str, Any]]]:
    """Groups of rules by area; an area of which every alert is disabled has none."""
    files = {}
    for name in areas:
        wanted = [alert for alert in catalogue()[name].alerts if alert.name not in disabled]
        if not wanted:
            continue
        rules = [alert.rule(overrides.get(alert.name) or {}, runbooks) for alert in wanted]
        files[name] = [{"name": f"evenkeel-{name}", "rules": rules}]
        if name == EXPECTED_HOSTS_AREA:
            files[name].insert(0, _expected(expected_hosts))
    return files


def _expected(hosts: Iterable[str]) -> dict[str, Any]:
    """One series for each host of the inventory, to compare with those that are scraped."""
    rules = [{"record": EXPECTED_HOST, "expr": "vector(1)", "labels": {"instance": host}} for host in sorted(hosts)]
    return {"name": "evenkeel-expected-hosts", "rules": rules}


# What is wrong with the wishes --------------------------------------------------------------------------------------


def area_problems(where: str, areas: Iterable[Any]) -> list[str]:
    """Refuse areas that nobody knows."""
    return [f"{where} has {name!r}; {_allowed(name, catalogue())}" for name in areas if name not in catalogue()]


def alert_problems(where: str, names: Iterable[Any]) -> list[str]:
    """Refuse alerts that nobody knows."""
    known = alerts_by_name()
    return [f"{where} has {name!r}; {_allowed(name, known)}" for name in names if name not in known]


def override_problems(where: str, overrides: Mapping[str, Any]) -> list[str]:
    """Refuse overrides of what an alert does not have, or with another type."""
    found = alert_problems(where, overrides)
    for name, wishes in overrides.items():
        alert = alerts_by_name().get(name)
        if alert is not None and isinstance(wishes, Mapping):
            found += [
                problem for key, value in wishes.items() for problem in _wish(f"{where}.{name}", alert, key, value)
            ]
        elif alert is not None:
            found.append(f"{where}.{name} is {wishes!r}; allowed is a mapping with {', '.join(_keys(alert))}.")
    return found


def _wish(where: str, alert: Alert, key: str, value: Any) -> list[str]:
    if key == "for":
        good, allowed = re.fullmatch(DURATION, str(value)), DURATION_TEXT
    elif key == "severity":
        good, allowed = re.fullmatch(r"[a-z][a-z0-9_-]*", str(value)), "a lower case word like critical or warning"
    elif key not in alert.thresholds:
        return [f"{where} has {key!r}; {_allowed(key, _keys(alert))}"]
    elif isinstance(alert.thresholds[key], str):
        good, allowed = _good_text(alert.thresholds[key], value)
    else:
        # A value from the command line is a string.
        good, allowed = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", str(value)), "a number"
    return [] if good else [f"{where}.{key} is {value!r}; allowed is {allowed}."]


def _good_text(default: str, value: Any) -> tuple[Any, str]:
    if re.fullmatch(DURATION, default):
        return re.fullmatch(DURATION, str(value)), DURATION_TEXT
    return re.fullmatch(r'[^"\\\x00-\x1f]*', str(value)), "a regular expression without double quotes and backslashes"


def _keys(alert: Alert) -> list[str]:
    return [*COMMON, *alert.thresholds]


def _allowed(name: Any, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(known)}."
