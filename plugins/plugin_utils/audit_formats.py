# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit for machines: JUnit XML for a pipeline, and metrics for the node exporter's textfile collector."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .audit_report import LEFT_OUT, area_of

# What XML 1.0 cannot hold, not even as an entity.
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WORDS = {
    "failed": "not met, and needs a person",
    "would_change": "not met; the role would mend it",
    "unknown": "not known",
    "waived": "waived",
    "not_applicable": "does not apply",
}
SOURCES = {
    "cis_debian12": "CIS Debian 12",
    "cis_debian13": "CIS Debian 13",
    "nist_800_53": "NIST 800-53",
    "pci_dss_4": "PCI DSS v4",
    "iso_27001": "ISO 27001",
    "anssi_bp_028": "ANSSI BP-028",
}
METRICS = {
    "evenkeel_audit_time_seconds": "When the audit was made, in seconds since 1970.",
    "evenkeel_audit_score_ratio": "Share of the host's controls that are met, of those that count.",
    "evenkeel_audit_profile_score_ratio": "The same for the controls of a profile.",
    "evenkeel_audit_area_score_ratio": "The same for the controls of an area.",
    "evenkeel_audit_control_status": "Always 1; the label status says how the control is met.",
}


def junit(report: Mapping[str, Any]) -> str:
    """A suite per host, a case per control. A host that was not compared is an error of its own."""
    suites = [line for host in report["hosts"] for line in _suite(report, host)]
    for host in report["not_compared"]:
        suites += [
            f'<testsuite name={_attr(host["name"])} tests="1" failures="0" errors="1" skipped="0">',
            f'<testcase classname="audit" name="compared"><error message={_attr(host["reason"])}/></testcase>',
            "</testsuite>",
        ]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites, "</testsuites>", ""])


def _suite(report: Mapping[str, Any], host: Mapping[str, Any]) -> list[str]:
    cases = [_case(report["controls"][result["id"]], result) for result in host["results"]]
    count = host["statuses"]
    failures = count.get("failed", 0) + count.get("would_change", 0)
    skipped = sum(count.get(status, 0) for status in LEFT_OUT)
    head = (
        f'<testsuite name={_attr(host["name"])} timestamp={_attr(report["made"])} tests="{len(cases)}"'
        f' failures="{failures}" errors="{count.get("unknown", 0)}" skipped="{skipped}">'
    )
    return [head, *cases, "</testsuite>"]


def _case(control: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    status = result["status"]
    head = f"<testcase classname={_attr(area_of(control))} name={_attr(result['id'])}"
    if status not in WORDS:
        return f"{head}/>"
    message = _attr(result["reason"] or WORDS[status])
    if status in LEFT_OUT:
        return f"{head}><skipped message={message}/></testcase>"
    kind = "error" if status == "unknown" else "failure"
    told = [
        ("", control.get("title")),
        ("Status", WORDS[status]),
        ("Why", control.get("why")),
        ("Remedy", result.get("remedy") or control.get("remedy")),
        ("Found", result.get("found")),
        ("Wanted", result.get("wanted")),
        ("References", references(control)),
    ]
    lines = [f"{word}: {text}" if word else str(text) for word, text in told if text]
    return f"{head}><{kind} type={_attr(status)} message={message}>{_text(chr(10).join(lines))}</{kind}></testcase>"


def references(control: Mapping[str, Any]) -> str:
    """Where benchmarks and standards ask for it, as in `CIS Debian 12 5.1.20; NIST 800-53 AC-6`."""
    refs = control.get("refs")
    if not isinstance(refs, Mapping):
        return ""
    return "; ".join(f"{source_name(source)} {', '.join(map(str, places))}" for source, places in refs.items())


def source_name(key: str) -> str:
    """`cis_debian12` as people write it."""
    return SOURCES.get(str(key), str(key).replace("_", " "))


def metrics(report: Mapping[str, Any], only: Iterable[str] | None = None) -> str:
    """The text format of Prometheus, in a fixed order; `only` names the hosts to tell of."""
    wanted = None if only is None else set(only)
    hosts = [host for host in report["hosts"] if wanted is None or host["name"] in wanted]
    made = datetime.fromisoformat(report["made"].replace("Z", "+00:00")).timestamp()
    samples: dict[str, list[str]] = {name: [] for name in METRICS}
    samples["evenkeel_audit_time_seconds"].append(_sample("evenkeel_audit_time_seconds", {}, int(made)))
    for host in hosts:
        name = {"host": host["name"]}
        _add(samples, "evenkeel_audit_score_ratio", {**name, "profile": host["profile"] or ""}, host["score"])
        for profile, found in host["profiles"].items():
            _add(samples, "evenkeel_audit_profile_score_ratio", {**name, "profile": profile}, found["score"])
        for area, found in host["areas"].items():
            _add(samples, "evenkeel_audit_area_score_ratio", {**name, "area": area}, found["score"])
        for result in host["results"]:
            labels = {**name, "control": result["id"], "area": area_of(report["controls"][result["id"]])}
            metric = "evenkeel_audit_control_status"
            samples[metric].append(_sample(metric, {**labels, "status": result["status"]}, 1))
    return "".join(_family(name, lines) for name, lines in samples.items() if lines)


def _add(samples: dict[str, list[str]], name: str, labels: Mapping[str, str], score: float | None) -> None:
    """A score in per cent as a ratio; nothing where nothing counts."""
    if score is not None:
        samples[name].append(_sample(name, labels, round(score / 100, 4)))


def _family(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge", *lines, ""])


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{_label(str(text))}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value:g}" if pairs else f"{name} {value}"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _attr(text: Any) -> str:
    return quoteattr(NO_XML.sub("\ufffd", str(text)))


def _text(text: str) -> str:
    return escape(NO_XML.sub("\ufffd", text))
