# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit as one HTML file for people: it needs no network, no server and, to be read, no script.

The template escapes everything that it is given. A content security policy lets only this script and this style run,
by their hashes, so that even a text which got through would stay a text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..audit_formats import references
from ..audit_report import OPEN, STATUSES, area_of

HERE = Path(__file__).resolve().parent
# The words of a status, and of its filter.
LABELS = {
    "failed": "Not met, needs a person",
    "would_change": "Not met, the role mends it",
    "unknown": "Not known",
    "waived": "Waived",
    "not_applicable": "Does not apply",
    "compliant": "Met",
    "changed": "Met now",
}
# The same for a narrow column.
SHORT = {**LABELS, "failed": "Needs a person", "would_change": "Not met"}
# A group of hosts is counted from so many on; all names stay in its title.
NAMED = 12
# Whatever the locale of the controller is: the page is in English.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# What no font shows and a text might hide behind.
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def render(report: Mapping[str, Any]) -> str:
    """The page."""
    style, script = (HERE / name for name in ("page.css", "page.js"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    environment.filters.update(per_cent=per_cent, whole=whole, step=step, moment=moment, plural=plural, spans=spans)
    texts = {name: path.read_text(encoding="utf-8") for name, path in (("style", style), ("script", script))}
    return environment.get_template("page.html.j2").render(
        report=report,
        total=report["total"],
        areas=_areas(report),
        hosts=sorted(report["hosts"], key=lambda host: (-1 if host["score"] is None else host["score"], host["name"])),
        columns=sorted(report["total"]["areas"]),
        findings=_findings(report),
        changes=_changes(report),
        profiles=sorted({str(host["profile"]) for host in report["hosts"] if host["profile"]}),
        labels=LABELS,
        short=SHORT,
        open=OPEN,
        hashes={name: _hash(text) for name, text in texts.items()},
        **{name: Markup(text) for name, text in texts.items()},  # noqa: S704 - the page's own files
    )


def per_cent(score: float | None) -> str:
    """`93.5`, `100`, or a dash where nothing counts. Never rounded up to a hundred."""
    if score is None:
        return "–"
    text = f"{min(score, 99.9) if score < 100 else score:.1f}"
    return text.removesuffix(".0")


def whole(score: float | None) -> str:
    """The same for a narrow cell, rounded down."""
    return "–" if score is None else str(int(score))


def step(score: float | None) -> str:
    """The class of a colour: one of eleven steps, or none."""
    return "none" if score is None else f"s{max(0, min(10, int(score // 10)))}"


def moment(text: str) -> str:
    """`25 November 2026, 19:40 UTC`."""
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return f"{when.day} {MONTHS[when.month - 1]} {when:%Y, %H:%M} UTC"


def plural(number: int, word: str) -> str:
    """`1 host`, `2 hosts`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def spans(text: str) -> Markup:
    """What stands between backticks as code; the text itself is escaped."""
    pieces = _visible(text).split("`")
    if len(pieces) % 2 == 0:
        return Markup.escape(_visible(text))
    shown = (Markup("<code>{}</code>") if index % 2 else Markup("{}") for index in range(len(pieces)))
    return Markup("").join(form.format(piece) for form, piece in zip(shown, pieces, strict=True))


def _visible(value: Any) -> Any:
    """A replacement character where a character is invisible, or would turn the order of others around."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else INVISIBLE.sub("\ufffd", value)


def _areas(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Worst first."""
    found = [{"name": name, **area} for name, area in report["total"]["areas"].items()]
    return sorted(found, key=lambda area: (101 if area["score"] is None else area["score"], area["name"]))


def _changes(report: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What got worse or better, one line per control and kind of change."""
    previous = report["previous"] or {"worse": [], "better": []}
    return {kind: _by_control(previous[kind], report["controls"]) for kind in ("worse", "better")}


def _by_control(lines: Sequence[Mapping[str, str]], controls: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        title = controls.get(line["id"], {}).get("title", "")
        entry = {"id": line["id"], "title": title, "now": line["now"], "hosts": []}
        found.setdefault((line["id"], line["now"]), entry)["hosts"].append(line["host"])
    return sorted(found.values(), key=lambda entry: (-len(entry["hosts"]), entry["id"]))


def _findings(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row per control and status; in it, the hosts of which the same is said."""
    rows: dict[tuple[str, str], dict[tuple[str, ...], list[int]]] = {}
    names = sorted(host["name"] for host in report["hosts"])
    number = {name: index for index, name in enumerate(names)}
    for host in report["hosts"]:
        for result in host["results"]:
            control = report["controls"][result["id"]]
            remedy = result.get("remedy") or control.get("remedy") or ""
            said = (result["reason"], result.get("found", ""), result.get("wanted", ""), remedy)
            groups = rows.setdefault((result["id"], result["status"]), {})
            groups.setdefault(said, []).append(number[host["name"]])
    found = [_finding(report["controls"][name], name, status, groups, names) for (name, status), groups in rows.items()]
    return sorted(found, key=lambda row: (STATUSES.index(row["status"]), -row["count"], row["area"], row["id"]))


def _finding(
    control: Mapping[str, Any],
    name: str,
    status: str,
    groups: Mapping[tuple[str, ...], Sequence[int]],
    names: Sequence[str],
) -> dict[str, Any]:
    remedies = {said[3] for said in groups}
    return {
        "id": name,
        "status": status,
        "area": area_of(control),
        "title": control.get("title", ""),
        "why": control.get("why", ""),
        "remedies": sorted(remedies - {""}),
        "references": references(control),
        "count": sum(map(len, groups.values())),
        "groups": [
            {
                "indices": sorted(indices),
                "hosts": _hosts(sorted(indices), names),
                "every": ", ".join(names[index] for index in sorted(indices)),
                **dict(zip(("reason", "found", "wanted", "remedy"), said, strict=True)),
            }
            for said, indices in groups.items()
        ],
    }


def _hosts(indices: Sequence[int], names: Sequence[str]) -> str:
    if len(indices) == len(names) > 1:
        return f"all {len(names)} hosts"
    if len(indices) > NAMED:
        shown = ", ".join(names[index] for index in indices[: NAMED - 2])
        return f"{shown} and {len(indices) - NAMED + 2} more"
    return ", ".join(names[index] for index in indices)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
