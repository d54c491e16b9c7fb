# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit as data: scores, what is left out, what changed since, and what is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import audit_diff, audit_files, audit_inputs
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_report import About, Audited, build, is_below, tally

MADE = "2026-11-25T06:30:00Z"


def line(name: str, status: str, area: str = "ssh", **more: Any) -> dict[str, Any]:
    """A result as `controls` gives it, with its prose joined."""
    profiles = more.pop("profiles", ["baseline", "strict"])
    prose = {"title": f"About {name}", "why": "Because.", "area": area, "profiles": profiles, "remedy": f"Do {name}."}
    return {
        "id": name,
        "status": status,
        "before": None,
        "after": None,
        "reason": "",
        "assumed": False,
        **prose,
        **more,
    }


def audit(hosts: dict[str, list[dict[str, Any]] | None], threshold: float | None = None) -> dict[str, Any]:
    """A report about these hosts."""
    given = {name: Audited(None if r is None else {"results": r, "profile": "strict"}) for name, r in hosts.items()}
    return build(given, About(MADE, threshold=threshold))


def test_score_leaves_out_what_does_not_count() -> None:
    """Waived and not applicable ones; unknown ones are not met."""
    statuses = ["compliant", "compliant", "failed", "unknown", "waived", "not_applicable"]
    assert tally(statuses) == {"met": 2, "counted": 4, "score": 50.0}
    assert tally(["waived"]) == {"met": 0, "counted": 0, "score": None}


def test_score_of_a_change_counts_as_met() -> None:
    """A report of a real run tells what is now."""
    assert tally(["changed", "failed"])["score"] == 50.0


def test_scores_by_area_and_profile() -> None:
    """A strict host is measured by the baseline, too."""
    strict_only = {"profiles": ["strict"]}
    host = audit({"web1": [line("a", "compliant"), line("b", "failed", "sudo", **strict_only)]})["hosts"][0]
    assert {area: found["score"] for area, found in host["areas"].items()} == {"ssh": 100.0, "sudo": 0.0}
    assert {profile: found["score"] for profile, found in host["profiles"].items()} == {
        "baseline": 100.0,
        "strict": 50.0,
    }


def test_baseline_host_has_no_strict_score() -> None:
    """What was not compared is not claimed."""
    outcome = {"results": [line("a", "compliant")], "profile": "baseline"}
    assert list(build({"web1": Audited(outcome)}, About(MADE))["hosts"][0]["profiles"]) == ["baseline"]


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (None, "no result: it was not reached"),
        ({"failed": True, "msg": "waiver expired"}, "waiver expired"),
        ({"skipped": True}, "the comparison was skipped"),
    ],
)
def test_host_without_result_is_listed(outcome: dict[str, Any] | None, why: str) -> None:
    """It has no score, and does not vanish."""
    report = build({"web1": Audited(outcome)}, About(MADE))
    assert report["hosts"] == []
    assert report["not_compared"][0]["name"] == "web1"
    assert why in report["not_compared"][0]["reason"]


def test_prose_stands_once() -> None:
    """But for a remedy that is the host's own."""
    report = audit({"web1": [line("a", "failed")], "web2": [line("a", "failed", remedy="Do it otherwise.")]})
    assert report["controls"]["a"]["remedy"] == "Do a."
    assert "remedy" not in report["hosts"][0]["results"][0]
    assert report["hosts"][1]["results"][0]["remedy"] == "Do it otherwise."


def test_found_and_wanted_of_what_is_open_only() -> None:
    """As text, and not too long of it."""
    results = [line("a", "would_change", before={"mode": "0644"}, after="x" * 500), line("b", "compliant", before="1")]
    open_one, met = audit({"web1": results})["hosts"][0]["results"]
    assert open_one["found"] == '{"mode": "0644"}'
    assert len(open_one["wanted"]) == 200
    assert "found" not in met


@pytest.mark.parametrize(
    ("score", "threshold", "below"),
    [(89.99, 90.0, True), (90.0, 90.0, False), (None, 90.0, True), (10.0, None, False)],
)
def test_threshold(score: float | None, threshold: float | None, below: bool) -> None:
    """Reached by who reaches it; a host where nothing counts has proved nothing."""
    assert is_below(score, threshold) is below


def test_hosts_below_the_threshold_are_named() -> None:
    """In the total."""
    report = audit({"web1": [line("a", "failed")], "web2": [line("a", "compliant")]}, threshold=90)
    assert report["total"]["below_threshold"] == ["web1"]


def test_changes_since_an_earlier_audit() -> None:
    """Worse, better, waived, new and gone ones; what stays is not listed."""
    before = audit(
        {"web1": [line(n, s) for n, s in zip("abcd", ["compliant", "failed", "failed", "failed"])], "old": []}
    )
    now = audit(
        {
            "web1": [line(n, s) for n, s in zip("abcde", ["would_change", "compliant", "waived", "unknown", "failed"])],
            "new": [],
        }
    )
    changes = audit_diff.compare(before, now)
    assert [(change["id"], change["before"], change["now"]) for change in changes["worse"]] == [
        ("a", "compliant", "would_change"),
        ("e", "", "failed"),
    ]
    assert [(change["id"], change["now"]) for change in changes["better"]] == [("b", "compliant"), ("c", "waived")]
    assert (changes["new_hosts"], changes["gone_hosts"]) == (["new"], ["old"])
    assert changes["hosts"]["web1"] == {"before": 25.0, "now": 25.0}


def test_control_that_no_longer_applies_is_not_better() -> None:
    """Nobody has mended it."""
    changes = audit_diff.compare(audit({"h": [line("a", "failed")]}), audit({"h": [line("a", "not_applicable")]}))
    assert changes["better"] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "it cannot be read: No such file or directory"),
        ("{", "it is no JSON"),
        ("[]", "it has not the schema"),
        ('{"schema": "evenkeel.ops/audit/2"}', "it has not the schema"),
        ('{"schema": "evenkeel.ops/audit/1", "hosts": [{"name": "a"}]}', "its hosts are incomplete"),
        ('{"schema": "evenkeel.ops/audit/1", "hosts": [{"name": "a", "results": [1]}]}', "its hosts are incomplete"),
        ('{"schema": "evenkeel.ops/audit/1", "hosts": [], "total": {"score": "x"}}', "its total is incomplete"),
    ],
)
def test_earlier_report_that_is_none(tmp_path: Path, text: str | None, why: str) -> None:
    """Said in words, whatever the file is."""
    path = tmp_path / "audit.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert why in audit_inputs.previous(str(path))


def test_report_is_read_back(tmp_path: Path) -> None:
    """What was written can be compared with."""
    report = audit({"web1": [line("a", "failed")]})
    written = audit_files.write(report, tmp_path / "new" / "reports")
    assert audit_diff.load(Path(written["json"])) == report
    assert json.loads(Path(written["json"]).read_bytes())["schema"] == "evenkeel.ops/audit/1"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new" / "reports").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "new" / "reports").stat().st_mode) == 0o700
    assert len(list((tmp_path / "new" / "reports").iterdir())) == 4


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("threshold", 0.9, "evenkeel_audit_threshold is 0.9: allowed is a score in per cent, from 1 to 100"),
        ("threshold", "high", "from 1 to 100"),
        ("threshold", True, "from 1 to 100"),
        ("report", "", "allowed is a directory on the controller"),
        ("report", __file__, "it is a file"),
        ("previous", "/nowhere.json", "it cannot be read"),
        ("textfile", "relative", "allowed is an absolute directory on the hosts"),
        ("textfile", "/a/../b", "allowed is an absolute directory on the hosts"),
        ("hardening", "perhaps", "allowed is true or false"),
        ("hosts", "", "allowed is a pattern of hosts"),
        ("treshold", 90, "did you mean 'evenkeel_audit_threshold'?"),
    ],
)
def test_wrong_inputs(name: str, value: Any, said: str) -> None:
    """Named with their value and what is allowed."""
    problems = audit_inputs.problems({f"evenkeel_audit_{name}": value})
    assert len(problems) == 1
    assert said in problems[0]


def test_right_inputs(tmp_path: Path) -> None:
    """None is refused."""
    values = {
        "threshold": "90",
        "report": str(tmp_path / "x"),
        "textfile": "/var/lib/x",
        "hardening": True,
        "hosts": "all",
    }
    assert not audit_inputs.problems({f"evenkeel_audit_{name}": value for name, value in values.items()})
