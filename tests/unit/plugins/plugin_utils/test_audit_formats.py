# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit for machines: XML that parses, metrics that Prometheus takes, whatever the texts are."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree  # noqa: S405 - reads only what this test has written

import pytest
from ansible_collections.evenkeel.ops.plugins.filter.audit_metrics import audit_metrics
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_formats import junit, metrics, references
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_report import About, Audited, build

HOSTILE = "a\"b<c>&'d\\e\nf\x00g\x1b[31m{{ 7 * 7 }}]]>"
SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="(\\.|[^"\\\n])*"(,[a-z]+="(\\.|[^"\\\n])*")*\})? [0-9.e+]+')


def line(name: str, status: str, **more: Any) -> dict[str, Any]:
    """A result with its prose."""
    prose = {"title": "Title", "why": "Reason.", "area": "ssh", "remedy": "Mend it.", "refs": {"cis_debian12": ["5.1"]}}
    return {"id": name, "status": status, "reason": "", **prose, **more}


def report(name: str = "web1") -> dict[str, Any]:
    """One host in every status, one that was not reached."""
    statuses = ("compliant", "would_change", "failed", "unknown", "waived", "not_applicable")
    results = [line(f"c-{status}", status, reason=HOSTILE if status == "failed" else "") for status in statuses]
    hosts = {name: Audited({"results": results, "profile": "strict"}), "gone": Audited(None)}
    return build(hosts, About("2026-11-25T06:30:00Z"))


def test_junit_has_a_case_per_host_and_control() -> None:
    """Counted as a pipeline counts them."""
    root = ElementTree.fromstring(junit(report()))  # noqa: S314 - as above
    suite = root.find("testsuite[@name='web1']")
    assert suite is not None
    counted = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "6", "failures": "2", "errors": "1", "skipped": "2"}
    assert [case.get("name") for case in suite.findall("testcase[failure]")] == ["c-would_change", "c-failed"]


def test_junit_failure_tells_why_and_remedy() -> None:
    """And where it is asked for."""
    root = ElementTree.fromstring(junit(report()))  # noqa: S314 - as above
    text = root.findtext(".//testcase[@name='c-would_change']/failure") or ""
    assert text.splitlines() == [
        "Title",
        "Status: not met; the role would mend it",
        "Why: Reason.",
        "Remedy: Mend it.",
        "References: CIS Debian 12 5.1",
    ]


def test_junit_host_that_was_not_reached_is_an_error() -> None:
    """A pipeline must not take it for a good one."""
    root = ElementTree.fromstring(junit(report()))  # noqa: S314 - as above
    assert root.find("testsuite[@name='gone']/testcase/error") is not None


@pytest.mark.parametrize("name", ["web1", HOSTILE])
def test_hostile_texts_stay_texts(name: str) -> None:
    """In XML, where some characters cannot even be escaped, and in labels."""
    root = ElementTree.fromstring(junit(report(name)))  # noqa: S314 - as above
    expected = name.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    assert [suite.get("name") for suite in root] == [expected, "gone"]
    failure = root.find(".//testcase[@name='c-failed']/failure")
    assert failure is not None
    assert failure.get("message") == HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    samples = [text for text in metrics(report(name)).splitlines() if not text.startswith("#")]
    assert not [text for text in samples if not SAMPLE.fullmatch(text)]


def test_metrics() -> None:
    """A score per host, profile and area, and one sample per control."""
    text = metrics(report())
    for wanted in (
        "evenkeel_audit_time_seconds 1795588200\n",
        'evenkeel_audit_score_ratio{host="web1",profile="strict"} 0.25\n',
        'evenkeel_audit_profile_score_ratio{host="web1",profile="baseline"} 0.25\n',
        'evenkeel_audit_area_score_ratio{host="web1",area="ssh"} 0.25\n',
        'evenkeel_audit_control_status{host="web1",control="c-waived",area="ssh",status="waived"} 1\n',
    ):
        assert wanted in text
    assert text.count("evenkeel_audit_control_status{") == 6
    assert all(text.count(f"# TYPE {name} ") == 1 for name in re.findall("# TYPE (\\w+)", text))


def test_filter_is_the_same_for_one_host() -> None:
    """What is put on a host is what the controller's file says of it."""
    outcome = {"results": [line("a", "failed")], "profile": "strict"}
    whole = build({"a": Audited(outcome), "b": Audited(outcome)}, About("2026-11-25T06:30:00Z"))
    assert audit_metrics(outcome, "a", "2026-11-25T06:30:00Z") == metrics(whole, ["a"])


@pytest.mark.parametrize(
    ("refs", "said"),
    [
        ({"pci_dss_4": ["2.2.6"], "iso_27001": ["A.8.2", "A.8.5"]}, "PCI DSS v4 2.2.6; ISO 27001 A.8.2, A.8.5"),
        ({"own": [1, 2]}, "own 1, 2"),
        (None, ""),
        ([], ""),
    ],
)
def test_references(refs: Any, said: str) -> None:
    """Sources that we do not know keep their name."""
    assert references({"refs": refs}) == said
