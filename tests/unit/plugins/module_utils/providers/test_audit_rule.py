# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit rules: files for every boot, and the kernel where it can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.audit_rule import AuditRule
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
)
from fakes import install
from support import Workbench, assert_round_trip, control, faults_of

WATCH = "-w /etc/shadow -p wa -k identity"
CALLS = "-a always,exit -F arch=b64 -S adjtimex -S settimeofday -k time"
RULES_D = "etc/audit/rules.d"


class Audit:
    """augenrules and auditctl over a directory; the kernel keeps what is loaded, until it is locked."""

    def __init__(self, root: Path) -> None:
        self.root, self.rules, self.enabled = root, [], 1  # type: tuple[Path, list[str], int]
        self.bench = Workbench(root, {("augenrules",): self.augenrules, ("auditctl",): self.auditctl})
        self.bench.write(f"/{RULES_D}/audit.rules", "-D\n-b 8192\n")
        self.augenrules(["augenrules"], None)

    def augenrules(self, argv: Sequence[str], _stdin: str | None) -> str | tuple[int, str, str]:
        lines = [line for path in sorted((self.root / RULES_D).iterdir()) for line in path.read_text().splitlines()]
        # augenrules puts what clears and sizes first, and the lock last, whatever their files are called.
        merged = sorted((line for line in lines if line.startswith("-")), key=lambda line: "Db".find(line[1]) < 0)
        merged.sort(key=lambda line: line.startswith("-e"))
        self.bench.write("/etc/audit/audit.rules", "\n".join(merged) + "\n")
        if "--load" in argv:
            if self.enabled == 2:
                return 1, "", "The audit system is in immutable mode, no rule changes allowed"
            self.rules = [line for line in merged if line[1] in "wa"]
            self.enabled = 2 if "-e 2" in merged else 1
        return ""

    def auditctl(self, argv: Sequence[str], _stdin: str | None) -> str:
        return f"enabled {self.enabled}\n" if "-s" in argv else "\n".join(self.rules) or "No rules\n"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    install(monkeypatch, "augenrules", "auditctl")
    return Audit(tmp_path)


def wishes() -> list[Any]:
    return [control(AuditRule, "a", rules=[WATCH]), control(AuditRule, "b", rules=[CALLS])]


def test_applied_once_and_undone(audit: Audit) -> None:
    assert_round_trip(audit.bench, AuditRule, wishes())


def test_the_kernel_has_the_rules_and_a_removed_one_goes(audit: Audit) -> None:
    audit.bench.run(AuditRule, wishes())
    assert audit.rules == [WATCH, CALLS]
    audit.bench.run(AuditRule, wishes()[:1])
    assert audit.rules == [WATCH]


def test_a_rule_that_somebody_deleted_from_the_kernel_comes_back(audit: Audit) -> None:
    audit.bench.run(AuditRule, wishes())
    audit.rules = [CALLS]
    assert audit.bench.plan(AuditRule, wishes()).verdicts["a"].status == CHANGE
    audit.bench.run(AuditRule, wishes())
    assert audit.rules == [WATCH, CALLS]


def test_the_lock_comes_last_and_only_a_reboot_opens_it(audit: Audit) -> None:
    lock = control(AuditRule, "lock", immutable=True, one_way=True)
    audit.bench.run(AuditRule, [lock, *wishes()])
    assert audit.enabled == 2
    assert (audit.bench.read("/etc/audit/audit.rules") or b"").endswith(b"-e 2\n")
    assert audit.bench.plan(AuditRule, [lock, *wishes()]).steps == []
    later = [lock, *wishes(), control(AuditRule, "c", rules=["-w /etc/group -p wa -k identity"])]
    plan, outcome = audit.bench.run(AuditRule, later)
    assert not outcome.failed
    assert "next boot" in plan.verdicts["c"].reboot
    again = audit.bench.plan(AuditRule, later).verdicts["c"]
    assert (again.status, bool(again.reboot)) == (COMPLIANT, True)


def test_undoing_the_lock_says_that_a_reboot_is_needed(audit: Audit) -> None:
    audit.bench.run(AuditRule, [control(AuditRule, "lock", immutable=True, one_way=True)])
    restored = audit.bench.journal.records()[0].restore(force=True)
    assert restored.reboot_required
    assert b"-e 2" not in (audit.bench.read("/etc/audit/audit.rules") or b"")


def test_in_a_container_only_the_files_are_ours(audit: Audit) -> None:
    audit.bench.write("/.dockerenv")
    plan, _rest = audit.bench.run(AuditRule, wishes())
    assert plan.verdicts["a"].status == CHANGE
    assert audit.rules == []
    again = audit.bench.plan(AuditRule, wishes()).verdicts["a"]
    assert again.status == NOT_APPLICABLE
    assert "container" in again.reason


def test_without_auditd(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert audit.bench.plan(AuditRule, wishes()).verdicts["a"].status == FAILED
    planned = audit.bench.plan(AuditRule, wishes(), packages={"auditd"}).verdicts["a"]
    assert (planned.status, planned.assumed) == (CHANGE, True)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({}, "neither"),
        ({"immutable": True}, "one_way"),
        ({"immutable": True, "rules": [WATCH]}, "of its own"),
        ({"rules": ["-D"]}, "watches"),
    ],
)
def test_bad_wishes(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(AuditRule, **wish))
