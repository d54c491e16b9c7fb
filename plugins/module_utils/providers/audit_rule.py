# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the kernel's audit system, kept in rules.d and loaded with augenrules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from ..audit import normal, rule_problem
from ..changes import Change, Reload, Step
from ..changes_basic import RunTool, SetState
from ..scoped_blocks import ScopedBlocks
from ..scoped_files import scoped_path
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict, step_for

DIRECTORY = "/etc/audit/rules.d"
# augenrules makes one file of all, and keeps the last one beside it.
TOUCHES = [("path", "/etc/audit/audit.rules"), ("path", "/etc/audit/audit.rules.prev")]
LOAD = Reload(("augenrules", "--load"))
LOCKED = "the audit rules are immutable until the next boot"


class AuditRule(Provider):
    """The scope's rules in one file, its lock in another that comes last, and the rules of the running kernel."""

    key = "audit_rule"
    summary = "Rules of the audit system, and the lock that keeps them until the next boot."
    order = 46
    releases = True
    example: ClassVar = {"rules": ["-w /etc/shadow -p wa -k identity"]}
    spec: ClassVar = {
        "rules": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Rules in the words of auditctl(8), as in -w /etc/shadow -p wa -k identity.",
        },
        "immutable": {
            "type": "bool",
            "default": False,
            "description": "Lock the rules until the next boot (-e 2). The control must say one_way: true.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Lines that auditctl would refuse, or that would do something else."""
        rules, immutable = control.state.get("rules") or [], control.state.get("immutable")
        found = [problem for rule in rules for problem in [rule_problem(str(rule))] if problem]
        if not rules and not immutable:
            found.append("audit_rule says neither rules nor immutable")
        if immutable and rules:
            found.append(
                "audit_rule has rules and immutable: give the lock a control of its own, because it comes last"
            )
        if immutable and not control.one_way:
            found.append("audit_rule.immutable is true, which only a reboot ends: the control must say `one_way: true`")
        return found

    def plan(self, controls: Sequence[Control]) -> Plan:
        """One step for all rules, because they are loaded together."""
        files = [self._blocks(immutable) for immutable in (False, True)]
        if not controls and not any(blocks.found for blocks in files):
            return Plan()
        if not self.host.has("augenrules") and "auditd" not in self.planned.packages:
            reason = "augenrules is not installed: add a control that installs the package auditd"
            return Plan({control.id: Verdict(FAILED, reason=reason) for control in controls})
        self._live, self._enabled, self._unreachable = self._kernel()
        plan, step = Plan(), step_for("audit rules", controls)
        for immutable, blocks in enumerate(files):
            for control in controls:
                if bool(control.state["immutable"]) == bool(immutable):
                    lines = ["-e 2"] if immutable else [*control.state["rules"]]
                    plan.verdicts[control.id] = self._verdict(control, lines, blocks.want(control.id, lines), step)
            step.changes += [self._marked(change, bool(immutable)) for change in blocks.changes()]
            plan.released += blocks.released()
        self._finish(plan, step)
        return plan

    def _blocks(self, immutable: bool) -> ScopedBlocks:
        """The file of the scope's rules, or of its lock, which comes last."""
        path = scoped_path(DIRECTORY, 99 if immutable else 60, self.planned.scope, ".rules")
        return ScopedBlocks(self.host, path, self.planned.scope, self.planned.keep)

    def _kernel(self) -> tuple[set[tuple[str, ...]], int, str]:
        """The rules in force, the state of the audit system (2: locked), and why they cannot be seen."""
        if self.host.is_container:
            return set(), 0, "a container cannot reach the kernel's audit system"
        status = self.host.run(["auditctl", "-s"])
        if not status.ok:
            return set(), 0, f"the kernel's audit system cannot be reached: {status.words}"
        enabled = re.search(r"^enabled (\d)", status.out, re.MULTILINE)
        rules = self.host.run(["auditctl", "-l"]).out.splitlines()
        return {normal(rule) for rule in rules if rule.startswith("-")}, int(enabled.group(1)) if enabled else 0, ""

    def _verdict(self, control: Control, lines: Sequence[str], in_file: bool, step: Step) -> Verdict:
        loaded = all(normal(line) in self._live for line in lines)
        live = self._enabled == 2 if control.state["immutable"] else loaded
        before: dict[str, Any] = {"file": in_file, "kernel": live}
        after: dict[str, Any] = {"file": True, "kernel": True}
        if self._unreachable:
            before["kernel"] = after["kernel"] = None
        elif self._enabled == 2:
            after["kernel"] = live
        if before != after:
            verdict = Verdict(CHANGE, before, after, self._unreachable, step=step.name)
            verdict.assumed = not self.host.has("augenrules")
        elif self._unreachable:
            return Verdict(
                NOT_APPLICABLE, before, after, f"{self._unreachable}; the rules for the next boot are in place"
            )
        else:
            verdict = Verdict(COMPLIANT, before, after)
        if not live and self._enabled == 2:
            verdict.reboot = verdict.reason = LOCKED
        return verdict

    def _marked(self, change: Change, immutable: bool) -> Change:
        """The lock cannot be taken off a running kernel."""
        if immutable and isinstance(change, SetState) and not self._unreachable:
            change.one_way = True
        return change

    def _finish(self, plan: Plan, step: Step) -> None:
        """Merge the files; then, where the kernel listens, load them."""
        drifted = any(verdict.status == CHANGE for verdict in plan.verdicts.values())
        merged: list[Change] = [RunTool(["augenrules"], TOUCHES)]
        if not step.changes and not drifted:
            return
        step.changes += merged
        if not self._unreachable and self._enabled != 2:
            step.reloads.append(LOAD)
        plan.steps.append(step)
