# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end `controls` on the host: options in, one or two transactions, results out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import controls_input, module_args
from .changes import Step
from .controls_engine import Controls, Report
from .host import Host
from .providers.base import FAILED, Control, Planned
from .transaction import Outcome, Refused

MODULE = "controls"
# What guards changes with risk access where the task does not say.
CONFIRM = {"deadline": 120, "units": []}
# How many failed controls the message names; all are in the results.
NAMED = 5
IMPACT_IS_FOR_CHECK_MODE = "impact is true: allowed in check mode only, where nothing has been changed yet"
NO_SWITCH = (
    "Controls with risk access are applied without the dead man's switch, which needs root and systemd on the host;"
    " with option confirm they are refused instead."
)


@dataclass
class Answer:
    """What the module returns; `error` is the message of a failed task."""

    values: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    diff: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    warnings: list[str] = field(default_factory=list)


def serve(params: Mapping[str, Any], check_mode: bool, host: Host | None = None) -> Answer:
    """Check, plan, apply, report. `params` are the module's options; what is wrong with them is said before."""
    try:
        problems = module_args.problems(params)
        if problems:
            raise controls_input.BadInput(problems)
        controls = controls_input.read(with_secrets(params["controls"] or [], params.get("secrets") or ""))
        if params.get("impact") and not check_mode:
            raise controls_input.BadInput([IMPACT_IS_FOR_CHECK_MODE])
        call = Call(params, controls, host or Host(), check_mode)
        answer = call.answer(call.engine.run(call.transact, params.get("waived") or {}))
        if params.get("impact"):
            answer.values["unseen"] = call.engine.tell_impact()
        return answer
    except controls_input.BadInput as bad:
        return Answer(error=controls_input.refusal(bad.problems))
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

    def __init__(self, params: Mapping[str, Any], controls: Sequence[Control], host: Host, check_mode: bool) -> None:
        self.host = host
        self.check_mode = check_mode
        self.wish = params.get("confirm")
        confirm = self.wish or (CONFIRM if self._can_arm else None)
        # One id for all transactions of a call.
        run = params.get("run") or module_args.own_run()
        self.params = {**params, "confirm": confirm, "run": run}
        planned = Planned(
            scope=params.get("scope") or module_args.NO_SCOPE,
            state_dir=params["state_dir"],
            keep=frozenset(params.get("keep") or ()),
            check_mode=check_mode,
        )
        self.engine = Controls(host, planned, controls, check_mode)
        self.fails = params.get("on_failed", "fail") == "fail"

    def transact(self, steps: Callable[[], Sequence[Step]]) -> Outcome:
        """One transaction; under the switch where a step may cut off the operator."""
        return module_args.transaction(self.params, MODULE, self.check_mode, self.host).run(steps)

    @property
    def _can_arm(self) -> bool:
        return os.geteuid() == 0 and self.host.has_systemd

    def answer(self, report: Report) -> Answer:
        """The report as the module returns it."""
        outcomes = report.outcomes
        changed = any(outcome.changed for outcome in outcomes)
        access = any(o.changed and step.changed and step.step.access for o in outcomes for step in o.steps)
        values: dict[str, Any] = {
            "results": report.results,
            "summary": report.summary,
            "score": report.score,
            "released": report.released,
            "reloaded": list(dict.fromkeys(name for outcome in outcomes for name in outcome.reloaded)),
            "reboot_required": [*report.reboot, *(name for o in outcomes for name in o.reboot_required)],
            "recovered": [name for outcome in outcomes for name in outcome.recovered],
            "run": self.params["run"],
            "records": [outcome.record for outcome in outcomes if outcome.record],
        }
        armed = [outcome.armed for outcome in outcomes if outcome.armed]
        if armed:
            values["armed"] = armed[-1]
        warnings = [text for outcome in outcomes for text in outcome.warnings]
        warnings += [NO_SWITCH] if access and not self.params["confirm"] else []
        return Answer(values, changed, self.engine.diff(), self._error(report), list(dict.fromkeys(warnings)))

    def _error(self, report: Report) -> str:
        """The message where controls failed and that is to fail the task."""
        failed = [result for result in report.results if result["status"] == FAILED]
        if not failed or not self.fails:
            return ""
        named = "; ".join(f"{result['id']}: {result['reason']}" for result in failed[:NAMED])
        more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
        return f"{len(failed)} of {len(report.results)} controls failed: {named}{more}. The others stand as reported."
