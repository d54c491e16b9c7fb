# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end `controls` on the host: options in, one or two transactions, results out."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import controls_input
from .changes import Step
from .controls_engine import Controls, Report
from .host import Host
from .journal import Journal
from .lock import HostLock
from .providers.base import FAILED, Control, Planned
from .transaction import Confirm, Outcome, Refused, Transaction

MODULE = "controls"
# Seconds until an unconfirmed change with risk access is put back.
DEADLINE = 120
# How many failed controls the message names; all are in the results.
NAMED = 5
NO_SWITCH = (
    "Controls with risk access change without the dead man's switch: it needs root and systemd on the host,"
    " and neither is asked for by option confirm."
)


@dataclass(frozen=True)
class Request:
    """The module's options that matter here."""

    controls: Any
    scope: str = ""
    run: str = ""
    run_by: str = ""
    state_dir: str = "/var/lib/evenkeel"
    confirm: Mapping[str, Any] | None = None
    keep: Sequence[str] = ()
    waived: Mapping[str, str] = field(default_factory=dict)
    # JSON: {id: {option: value}}, the values of secret controls.
    secrets: str = ""
    on_failed: str = "fail"
    check_mode: bool = False


@dataclass
class Answer:
    """What the module returns; `error` is the message of a failed task."""

    values: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    diff: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


def serve(request: Request, host: Host | None = None) -> Answer:
    """Check, plan, apply, report."""
    try:
        controls = controls_input.read(with_secrets(request.controls, request.secrets))
        call = Call(request, controls, host or Host())
        return call.answer(call.engine.run(call.transact, request.waived or {}))
    except controls_input.BadInput as bad:
        return Answer(error=f"{'. '.join(bad.problems)}. Nothing was changed.")
    except Refused as refused:
        return Answer(error=str(refused))


def with_secrets(controls: Any, packed: str) -> Any:
    """The controls with the values that travelled apart from them."""
    values = json.loads(packed) if packed else {}
    if not values:
        return controls
    return [_with_secret(control, values) for control in controls]


def _with_secret(control: Mapping[str, Any], values: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    for key, state in values.get(str(control.get("id")), {}).items():
        control = {**control, key: {**control.get(key, {}), **state}}
    return control


class Call:
    """One call of the module."""

    def __init__(self, request: Request, controls: Sequence[Control], host: Host) -> None:
        self.request = request
        self.host = host
        self.run = request.run or f"host-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}"
        planned = Planned(scope=request.scope, state_dir=request.state_dir, keep=frozenset(request.keep or ()))
        self.engine = Controls(host, planned, controls, request.check_mode)
        self.warnings: list[str] = []

    def transact(self, steps: Callable[[], Sequence[Step]]) -> Outcome:
        """One transaction; with the switch where a step may cut off the operator."""
        transaction = Transaction(
            journal=Journal(self.request.state_dir, self.host),
            lock=HostLock(self.request.state_dir, self.host.fs),
            run=self.run,
            scope=self.request.scope,
            who=self.request.run_by,
            module=MODULE,
            host=self.host,
            confirm=self._confirm(),
            check_mode=self.request.check_mode,
        )
        return transaction.run(steps)

    def _confirm(self) -> Confirm | None:
        """What was asked for; unasked the switch guards wherever it can. A deadline of 0 turns it off."""
        wish = self.request.confirm
        if wish is not None:
            deadline = wish.get("deadline")
            deadline = DEADLINE if deadline is None else deadline
            return Confirm(deadline=deadline, units=list(wish.get("units") or [])) if deadline else None
        return Confirm(deadline=DEADLINE) if self._can_arm else None

    @property
    def _can_arm(self) -> bool:
        return os.geteuid() == 0 and self.host.has_systemd

    def answer(self, report: Report) -> Answer:
        """The report as the module returns it."""
        outcomes = report.outcomes
        changed = any(outcome.changed for outcome in outcomes)
        access = any(o.changed and step.changed and step.step.access for o in outcomes for step in o.steps)
        if access and self.request.confirm is None and not self._can_arm:
            self.warnings.append(NO_SWITCH)
        values: dict[str, Any] = {
            "results": report.results,
            "summary": report.summary,
            "score": report.score,
            "released": report.released,
            "reloaded": list(dict.fromkeys(name for outcome in outcomes for name in outcome.reloaded)),
            "reboot_required": [*report.reboot, *(name for o in outcomes for name in o.reboot_required)],
            "recovered": [name for outcome in outcomes for name in outcome.recovered],
            "run": self.run,
            "records": [outcome.record for outcome in outcomes if outcome.record],
        }
        armed = [outcome.armed for outcome in outcomes if outcome.armed]
        if armed:
            values["armed"] = armed[-1]
        warnings = [*self.warnings, *(text for outcome in outcomes for text in outcome.warnings)]
        if warnings:
            values["warnings"] = list(dict.fromkeys(warnings))
        return Answer(values, changed, self.engine.diff(), self._error(report))

    def _error(self, report: Report) -> str:
        """The message where controls failed and that is to fail the task."""
        failed = [result for result in report.results if result["status"] == FAILED]
        if not failed or self.request.on_failed != "fail":
            return ""
        named = "; ".join(f"{result['id']}: {result['reason']}" for result in failed[:NAMED])
        more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
        return f"{len(failed)} of {len(report.results)} controls failed: {named}{more}. The others stand as reported."
