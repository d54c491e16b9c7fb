# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and other systemd units: enabled, masked, running, and what starts them behind one's back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from ..changes import Change, Step
from ..changes_basic import SetState
from ..kinds.unit import UNIT_DIRECTORY, UnitInfo, read_units
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict

UNIT_TYPES = (".service", ".socket", ".timer", ".path", ".mount", ".target", ".automount", ".swap", ".slice")
# systemd's words for a unit that has no [Install] section of its own.
NOT_INSTALLABLE = ("static", "generated", "transient", "indirect", "alias")
ENABLED = ("enabled", "enabled-runtime", "alias", "linked")


class Service(Provider):
    """One systemd unit per control; all units are read with one command."""

    key = "service"
    summary = "A systemd unit that is enabled or not, masked or not, running or not."
    order = 50
    example: ClassVar = {"name": "rpcbind", "enabled": False, "state": "stopped"}
    spec: ClassVar = {
        "name": {
            "type": "str",
            "required": True,
            "description": "Name of the unit, as in ssh or ssh.socket. Without a suffix it is a service.",
        },
        "enabled": {"type": "bool", "description": "Whether it starts at boot."},
        "masked": {"type": "bool", "description": "Whether nothing can start it at all. true also stops it."},
        "state": {"type": "str", "choices": ["started", "stopped"], "description": "Whether it runs now."},
        "with_triggers": {
            "type": "bool",
            "default": True,
            "description": "Stop and disable also the sockets, timers and paths that would start a unit which shall "
            "not run.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Names that systemd would refuse, and wishes that contradict one another."""
        state, found = control.state, []
        name = str(state.get("name", ""))
        if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", name) or re.search(r"@(\.|$)", name) or name.startswith("-"):
            found.append(f"service.name is {name!r}: allowed is a unit; a template needs an instance (`name@instance`)")
        if all(state.get(option) is None for option in ("enabled", "masked", "state")):
            found.append("service says neither enabled nor masked nor state: one of them is needed")
        if state.get("masked") and (state.get("enabled") or state.get("state") == "started"):
            found.append("service.masked is true together with enabled or started: a masked unit can be neither")
        return found

    @classmethod
    def subject(cls, control: Control) -> str:
        """One unit."""
        return f"service {full_name(control.state['name'])}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step per unit, with its triggers."""
        if not self.host.has_systemd:
            reason = "systemd is not the running init of this host"
            return Plan({control.id: Verdict(NOT_APPLICABLE, reason=reason) for control in controls})
        names = {control.id: full_name(control.state["name"]) for control in controls}
        units = read_units(self.host, sorted(set(names.values())))
        triggers = {trigger for unit in units.values() for trigger in unit.triggers}
        units.update(read_units(self.host, sorted(triggers - units.keys())))
        self._leaving = self._packages_leaving(units)
        plan = Plan()
        for control in controls:
            self._plan_one(plan, control, names[control.id], units)
        return plan

    def _plan_one(self, plan: Plan, control: Control, name: str, units: dict[str, UnitInfo]) -> None:
        unit, wanted = units[name], wanted_state(control)
        name = unit.name  # systemd refuses to enable an alias
        verdict = self._refusal(control, unit, wanted) if unit.exists else self._absent(control, name, wanted)
        if verdict is None:
            verdict = Verdict(COMPLIANT, _seen(unit, wanted), dict(wanted))
            verdict.assumed = unit.name in self._leaving
        changes: list[Change] = []
        if verdict.assumed or verdict.status == COMPLIANT:
            changes = [*self._trigger_changes(control, unit, units, verdict), *_difference(name, unit, wanted)]
        if changes:
            verdict.status, verdict.step = CHANGE, name
            plan.steps.append(Step(name, changes, access=control.risk == "access"))
        plan.verdicts[control.id] = verdict

    def _absent(self, control: Control, name: str, wanted: dict[str, Any]) -> Verdict:
        """A unit that is not there is neither enabled nor running; a planned package may bring it."""
        needed = control.needs.get("package")
        stem = name.rpartition(".")[0]
        brought = needed in self.planned.packages if needed else stem in self.planned.packages
        wants_it = wanted.get("enabled") == "enabled" or wanted.get("active")
        if brought or (wants_it and self.planned.packages and not needed):
            return Verdict(
                CHANGE, {"exists": False}, dict(wanted), "a planned package may bring this unit", assumed=True
            )
        if wants_it:
            return Verdict(
                FAILED, {"exists": False}, dict(wanted), f"there is no unit {name}: install the package that brings it"
            )
        return Verdict(COMPLIANT, {"exists": False}, {"exists": False}, f"there is no unit {name}")

    def _refusal(self, control: Control, unit: UnitInfo, wanted: dict[str, Any]) -> Verdict | None:
        """What systemd could not do."""
        before = _seen(unit, wanted)
        if (
            unit.masked
            and wanted.get("masked") is None
            and (wanted.get("enabled") == "enabled" or wanted.get("active"))
        ):
            return Verdict(
                FAILED, before, dict(wanted), f"{unit.name} is masked: say `masked: false` to take the mask off"
            )
        if wanted.get("masked") and not unit.masked and unit.fragment.startswith(f"{UNIT_DIRECTORY}/"):
            return Verdict(
                FAILED, before, dict(wanted), f"{unit.name} cannot be masked: {unit.fragment} is in the mask's place"
            )
        if wanted.get("enabled") == "enabled" and unit.file_state in NOT_INSTALLABLE and unit.file_state != "alias":
            reason = f"{unit.name} is {unit.file_state}: another unit starts it, and it cannot be enabled by itself"
            return Verdict(FAILED, before, dict(wanted), reason)
        return None

    def _trigger_changes(
        self, control: Control, unit: UnitInfo, units: dict[str, UnitInfo], verdict: Verdict
    ) -> list[Change]:
        """The sockets, timers and paths that would start a unit which shall not run."""
        wanted = wanted_state(control)
        if not wanted.get("masked") and wanted.get("enabled") != "disabled" and wanted.get("active") is not False:
            return []
        changes: list[Change] = []
        awake = {}
        for name in unit.triggers:
            trigger, state = units[name], _trigger_state(wanted)
            difference = _difference(name, trigger, state)
            if difference:
                awake[name] = _seen(trigger, state)
                changes += difference
        if not awake:
            return []
        if not control.state.get("with_triggers", True):
            verdict.reason = f"{', '.join(awake)} will start {unit.name} again"
            return []
        verdict.before["triggers"], verdict.after["triggers"] = awake, {name: _trigger_state(wanted) for name in awake}
        return changes

    def _packages_leaving(self, units: dict[str, UnitInfo]) -> set[str]:
        """Units whose package this call removes."""
        fragments = {
            unit.fragment: unit.name for unit in units.values() if unit.fragment.startswith(("/usr/", "/lib/"))
        }
        if not self.planned.absent_packages or not fragments:
            return set()
        answer = self.host.run(["dpkg-query", "--search", "--", *fragments])
        owners = (line.partition(": ") for line in answer.out.splitlines())
        return {
            fragments[path]
            for owner, _rest, path in owners
            if path in fragments and owner.partition(":")[0] in self.planned.absent_packages
        }


def full_name(name: str) -> str:
    """`ssh` is `ssh.service`."""
    return name if name.endswith(UNIT_TYPES) else f"{name}.service"


def wanted_state(control: Control) -> dict[str, Any]:
    """The wish in the words of the `unit` kind."""
    state, wanted = control.state, {}
    if state.get("masked") is not None:
        wanted["masked"] = state["masked"]
    if state.get("enabled") is not None:
        wanted["enabled"] = "enabled" if state["enabled"] else "disabled"
    if state.get("state") is not None:
        wanted["active"] = state["state"] == "started"
    elif state.get("masked"):
        wanted["active"] = False
    return wanted


def _trigger_state(wanted: dict[str, Any]) -> dict[str, Any]:
    """What a trigger must be so that its unit stays as wanted."""
    state: dict[str, Any] = {}
    if wanted.get("enabled") == "disabled" or wanted.get("masked"):
        state["enabled"] = "disabled"
    if wanted.get("active") is False:
        state["active"] = False
    return state


def _difference(name: str, unit: UnitInfo, wanted: dict[str, Any]) -> list[Change]:
    """One change that brings the unit to what it is not yet."""
    unmasks = unit.masked and wanted.get("masked") is False
    # What is enabled below a mask shows only when the mask is off.
    missing = {key: value for key, value in wanted.items() if unmasks or not _holds(unit, key, value)}
    return [SetState("unit", name, missing)] if missing else []


def _holds(unit: UnitInfo, key: str, value: Any) -> bool:
    if key == "masked":
        return unit.masked == value
    if key == "active":
        return unit.active == value
    if value == "enabled":
        return unit.file_state in ENABLED
    # Without an [Install] section a unit is not enabled by itself, and a masked one starts never.
    return unit.file_state not in ENABLED or unit.file_state == "alias"


def _seen(unit: UnitInfo, wanted: dict[str, Any]) -> dict[str, Any]:
    """The present state in the words of the wish, so that before and after differ only in what changes."""
    present = {"masked": unit.masked, "active": unit.active, "enabled": unit.file_state}
    return {key: value if _holds(unit, key, value) else present[key] for key, value in wanted.items()}
