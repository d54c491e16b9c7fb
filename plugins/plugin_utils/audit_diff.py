# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed between two audits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .audit_report import MET, OPEN, SCHEMA

Line = dict[str, str]


class NoReport(Exception):
    """A file is not the JSON of an audit."""


def load(path: Path) -> dict[str, Any]:
    """An earlier report. NoReport says in a few words what the file is instead."""
    try:
        report = json.loads(path.read_bytes())
    except OSError as error:
        raise NoReport(f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NoReport("it is no JSON") from error
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise NoReport(f"it has not the schema {SCHEMA}")
    hosts = report.get("hosts")
    if not isinstance(hosts, list) or not all(_is_host(host) for host in hosts):
        raise NoReport("its hosts are incomplete")
    if not isinstance(report.get("total"), dict) or not _is_score(report["total"].get("score")):
        raise NoReport("its total is incomplete")
    return report


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Scores before and now, and each control of a host that got worse, got better or was not compared before."""
    old = {host["name"]: host for host in before["hosts"]}
    new = {host["name"]: host for host in now["hosts"]}
    lines = [line for name in new if name in old for line in _host(name, old[name], new[name])]
    return {
        "made": str(before.get("made") or ""),
        "run": str(before.get("run") or ""),
        "score": before["total"].get("score"),
        "hosts": {name: {"before": old[name].get("score"), "now": new[name]["score"]} for name in new if name in old},
        "new_hosts": [name for name in new if name not in old],
        "gone_hosts": [name for name in old if name not in new],
        "worse": [line for line in lines if line["now"] in OPEN],
        "better": [line for line in lines if line["now"] not in OPEN],
    }


def _host(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Line]:
    """Controls that are open now and were not, or the other way round. A waiver ends an open one without meeting it."""
    was = {result["id"]: result["status"] for result in before["results"]}
    for result in now["results"]:
        old, new = was.get(result["id"], ""), result["status"]
        begins = new in OPEN and old not in OPEN
        ends = old in OPEN and (new in MET or new == "waived")
        if begins or ends:
            yield {"host": name, "id": result["id"], "before": old, "now": new}


def _is_host(host: Any) -> bool:
    if not isinstance(host, dict) or not isinstance(host.get("name"), str) or not isinstance(host.get("results"), list):
        return False
    return all(_is_line(line) for line in host["results"]) and _is_score(host.get("score"))


def _is_line(line: Any) -> bool:
    return isinstance(line, dict) and isinstance(line.get("id"), str) and isinstance(line.get("status"), str)


def _is_score(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
