# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of every provider: one provider serves one state key of a control.

A provider reads and plans; it never changes the host itself. What it plans are steps, which the transaction journals,
applies, validates, reloads and, where they fail, puts back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Mapping, Sequence

from ..changes import Step
from ..host import Host

COMPLIANT = "compliant"
CHANGE = "change"  # reported as `changed`, or `would_change` in check mode
NOT_APPLICABLE = "not_applicable"
UNKNOWN = "unknown"
FAILED = "failed"


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


@dataclass
class Plan:
    """Verdicts by control id, and the steps that make them true."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


@dataclass
class Planned:
    """What earlier providers of the same call will bring, so that later ones can predict: packages, units, paths."""

    packages: set[str] = field(default_factory=set)
    absent_packages: set[str] = field(default_factory=set)
    scope: str = ""
    state_dir: str = "/var/lib/evenkeel"


class Provider(ABC):
    """One state key. `spec` is an Ansible argument spec; JSON Schema and docs are generated from it."""

    key: ClassVar[str]
    spec: ClassVar[Mapping[str, Mapping[str, Any]]]
    # One sentence for the documentation.
    summary: ClassVar[str]
    # Position within a call: package 10, account 15, kernel_module 20, file/setting/mount 30, … sysctl 40, service 50, probe 90.
    order: ClassVar[int]

    def __init__(self, host: Host, planned: Planned | None = None) -> None:
        self.host = host
        self.planned = planned or Planned()

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """What is wrong with the state beyond its types: one sentence each. Looks at nothing but the control."""
        return []

    @abstractmethod
    def plan(self, controls: Sequence[Control]) -> Plan:
        """Read the host and say what would change. Changes nothing."""
