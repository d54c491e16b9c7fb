# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of every provider: one provider serves one state key of a control.

A provider reads and plans; it never changes the host itself. What it plans are steps, which the transaction journals,
applies, validates, reloads and, where they fail, puts back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..changes import Step
from ..host import Host

COMPLIANT = "compliant"
CHANGE = "change"  # reported as `changed`, or `would_change` in check mode
NOT_APPLICABLE = "not_applicable"
UNKNOWN = "unknown"
FAILED = "failed"

RISKS = ("none", "service", "access")
# An option of several providers.
COMMENT: Mapping[str, Any] = {
    "type": "str",
    "description": "What the file says above the value where it is rendered whole: why it is so.",
}


def comment_lines(state: Mapping[str, Any]) -> list[str]:
    """The comment of a control as lines of a configuration file."""
    return [f"# {line}" for line in (state.get("comment") or "").splitlines()]


@dataclass(frozen=True)
class Control:
    """The part of a control that a host needs."""

    id: str
    key: str  # the state key: sysctl, setting, file, …
    state: Mapping[str, Any]
    risk: str = "none"  # none | service | access
    one_way: bool = False
    secret: bool = False
    needs: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Verdict:
    """What a provider says of one control before anything is changed."""

    status: str  # COMPLIANT | CHANGE | NOT_APPLICABLE | UNKNOWN | FAILED
    before: Any = None
    after: Any = None
    reason: str = ""
    # The prediction rests on a package that is only planned.
    assumed: bool = False
    # Name of the step that brings this control about; empty where nothing changes.
    step: str = ""
    # Takes effect only after a reboot, and why.
    reboot: str = ""
    # It failed because it would shut out the operator who runs this: nothing of the whole call is to be applied.
    shuts_out: bool = False


class Unfit(Exception):
    """Why a control can be neither audited nor applied here; raised while planning, it becomes the verdict."""

    def __init__(self, reason: str, status: str = FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status

    def verdict(self) -> Verdict:
        """The verdict that says so."""
        return Verdict(self.status, reason=self.reason)


class ShutOut(Unfit):
    """The control would cut off the operator who runs this."""

    def verdict(self) -> Verdict:
        """A failure that stops the whole call."""
        return Verdict(FAILED, reason=self.reason, shuts_out=True)


@dataclass
class Plan:
    """Verdicts by control id, and the steps that make them true."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    # What becomes of settings whose control has been taken out: [{file, key, action, reason}].
    released: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Planned:
    """What is known of the whole call: what earlier providers will bring, so that later ones can predict."""

    packages: set[str] = field(default_factory=set)
    absent_packages: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    # Content and mode of files that this call creates.
    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    scope: str = ""
    state_dir: str = "/var/lib/evenkeel"
    # Nothing is written, not even fresh package lists.
    check_mode: bool = False
    # Why package lists could not be refreshed; empty where they were, None where nobody tried.
    lists_trouble: str | None = None
    # Controls of this scope that are not part of this call, and whose settings stay as they are.
    keep: frozenset[str] = frozenset()


def step_for(name: str, controls: Iterable[Control]) -> Step:
    """An empty step that carries the risk and the secrecy of its controls."""
    members = list(controls)
    return Step(name, access=any(c.risk == "access" for c in members), secret=any(c.secret for c in members))


class Provider(ABC):
    """One state key.

    `spec` is an Ansible argument spec (type str, int, bool, list, dict, path or raw, with elements, options, choices,
    required, default), in which every option also has a `description` and may have `min`, `max` and `example`. A `raw`
    option takes a text, a number or a list of them. Types, the JSON Schema and the documentation come from it.
    """

    key: ClassVar[str]
    spec: ClassVar[Mapping[str, Mapping[str, Any]]]
    # One sentence for the documentation.
    summary: ClassVar[str]
    # A control of this kind as a reader would write it: the state only.
    example: ClassVar[Mapping[str, Any]] = {}
    # Place within a call: package 10, account 15, kernel_module 20, file, setting, mount 30, sysctl 40, service 50, …
    order: ClassVar[int]
    # Has something to let go when its last control is taken out: it is asked even where it has no control.
    releases: ClassVar[bool] = False
    # May find that a control would shut out the operator: it is planned once before anything of a call is applied.
    can_shut_out: ClassVar[bool] = False

    def __init__(self, host: Host, planned: Planned | None = None) -> None:
        self.host = host
        self.planned = planned or Planned()

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """What is wrong with the state beyond its types: one sentence each. Looks at nothing but the control."""
        return []

    @classmethod
    def subject(cls, control: Control) -> str:
        """What the control is about (`sysctl net.ipv4.ip_forward`): two controls must not want it differently."""
        return ""

    def culprits(self, error: str, controls: Sequence[Control]) -> set[str]:
        """Ids of the controls that a failed step's error names, so that the step can be tried again without them."""
        return set()

    @staticmethod
    def plan_each(controls: Iterable[Control], plan_one: Callable[[Plan, Control], Verdict]) -> Plan:
        """A plan in which each control is planned by itself; one that is unfit fails alone."""
        plan = Plan()
        for control in controls:
            try:
                plan.verdicts[control.id] = plan_one(plan, control)
            except Unfit as unfit:
                plan.verdicts[control.id] = unfit.verdict()
        return plan

    @abstractmethod
    def plan(self, controls: Sequence[Control]) -> Plan:
        """Read the host and say what would change. Changes nothing."""
