# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: everything that a call installs and removes is one transaction of the package manager."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..changes import Step
from ..changes_basic import RunTool
from ..kinds.package import target_of
from ..packages.detect import NoPackageManager, package_manager
from ..packages.manager import TRANSACTION_TIMEOUT, PackageManager, Request, Simulation
from .base import CHANGE, COMPLIANT, FAILED, NOT_APPLICABLE, Control, Plan, Provider, Verdict

STEP = "packages"
# Predicted only: packages that the lists do not have, which a real run would refresh first.
UNLISTED = "packages of newer lists"
# Who removes one of these may lock himself out.
LOGIN_PACKAGES = {"openssh-server", "sudo", "libpam-runtime", "libpam-modules", "nftables", "authselect"}
PROXY_VARIABLES = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy"}


class Package(Provider):
    """One simulated, then executed transaction for all package controls of a call."""

    key = "package"
    summary = "A package that is installed or absent; one transaction for all of a call."
    order = 10
    example: ClassVar = {"name": "auditd", "state": "present"}
    spec: ClassVar = {
        "name": {
            "type": "str",
            "required": True,
            "description": "Name of the package, without version or architecture.",
        },
        "state": {
            "type": "str",
            "choices": ["present", "absent"],
            "default": "present",
            "description": "Whether it is installed. A transaction that would remove a package which no control "
            "names is refused.",
        },
        "purge": {
            "type": "bool",
            "default": False,
            "description": "With state absent remove its configuration too; undo brings the configuration files back.",
        },
        "recommends": {
            "type": "bool",
            "default": False,
            "description": "Install also what the package recommends. One control that asks for it decides for the "
            "transaction.",
        },
        "remove_on_undo": {
            "type": "bool",
            "default": False,
            "description": "Remove it again when the run that installed it is undone. Otherwise undo leaves it, "
            "since others may need it.",
        },
        "lists_max_age": {
            "type": "int",
            "default": -1,
            "min": -1,
            "max": 31536000,
            "description": "Age in seconds from which on the package lists are refreshed before something that is "
            "missing is installed; -1 never. The lowest of a call counts. Check mode refreshes nothing.",
        },
        "offline": {
            "type": "bool",
            "default": False,
            "description": "Ask no mirror: install only what the package manager's cache on the host has. One control "
            "that asks for it decides for the transaction.",
        },
        "lock_timeout": {
            "type": "int",
            "default": 300,
            "min": 0,
            "max": 3600,
            "description": "Seconds to wait for another package manager. The longest of a call counts.",
        },
        "environment": {
            "type": "dict",
            "default": {},
            "description": "Proxies for the download: http_proxy, https_proxy, ftp_proxy, no_proxy.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Names that would be read as an option, a version or a command of apt."""
        state, found = control.state, []
        name = str(state.get("name", ""))
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+._-]*[A-Za-z0-9+]", name):
            found.append(f"package.name is {name!r}: allowed is the name of a package, without version or architecture")
        if state.get("purge") and state.get("state", "present") != "absent":
            found.append("package.purge is true, but state is present: only what goes can be purged")
        for variable in sorted(set(state.get("environment") or {}) - PROXY_VARIABLES):
            found.append(f"package.environment has {variable!r}: allowed are {', '.join(sorted(PROXY_VARIABLES))}")
        return found

    @classmethod
    def subject(cls, control: Control) -> str:
        """One package; the options of the transaction may differ."""
        return ""

    def plan(self, controls: Sequence[Control]) -> Plan:
        """Sort out what is there already or cannot be done, simulate the rest, and make one step of it."""
        try:
            self._manager: PackageManager = package_manager(self.host)
        except NoPackageManager as no_manager:
            return Plan({control.id: Verdict(NOT_APPLICABLE, reason=str(no_manager)) for control in controls})
        self._wanted = {c.state["name"] for c in controls if c.state["state"] == "present"}
        self._refresh_lists(controls)
        self._read([control.state["name"] for control in controls])
        plan = Plan()
        open_controls = []
        for control in controls:
            verdict = self._settled(control)
            if verdict is None:
                open_controls.append(control)
            else:
                plan.verdicts[control.id] = verdict
        feasible, simulation = self._feasible(open_controls, plan)
        if feasible:
            self._plan_transaction(plan, feasible, simulation)
        self._plan_unlisted(plan, [c for c in controls if plan.verdicts[c.id].step == UNLISTED])
        return plan

    def _refresh_lists(self, controls: Sequence[Control]) -> None:
        """Once in a call, where something is missing, the lists are old, and a mirror may be asked."""
        present = self._manager.installed(sorted(self._wanted))
        states = [control.state for control in controls if control.state["name"] in self._wanted - present.keys()]
        ages = [state["lists_max_age"] for state in states if state["lists_max_age"] >= 0]
        idle = self.planned.check_mode or self.planned.lists_trouble is not None
        if idle or not ages or any(state["offline"] for state in states) or self._manager.lists_age() < min(ages):
            return
        self.planned.lists_trouble = self._manager.refresh(_environment(states))

    def _read(self, names: Sequence[str]) -> None:
        self._installed = self._manager.installed(names)
        self._left_over = self._manager.configured(names)
        missing = [name for name in names if name not in self._installed]
        self._candidates = self._manager.candidates(missing)
        # Asking for holds costs as much as the rest, so only where something may change.
        wrong = missing or self._installed.keys() - self._wanted or self._left_over
        self._held = self._manager.held() if wrong else set()

    def _settled(self, control: Control) -> Verdict | None:
        """The verdict where nothing needs to be simulated."""
        state, name = control.state, control.state["name"]
        version = self._installed.get(name)
        before = {"installed": version}
        if state["state"] == "present":
            if version is not None:
                return Verdict(COMPLIANT, before, before)
            if name not in self._candidates:
                return self._without_candidate(control)
        elif version is None and not (state["purge"] and name in self._left_over):
            return Verdict(COMPLIANT, before, before)
        if name in self._held:
            return Verdict(FAILED, before, reason=f"{name} is on hold: `apt-mark unhold {name}` releases it")
        return None

    def _without_candidate(self, control: Control) -> Verdict:
        """Check mode cannot know what the lists will say that a real run would fetch first."""
        name, state = control.state["name"], control.state
        if (
            self.planned.check_mode
            and not state["offline"]
            and self._manager.lists_age() >= state["lists_max_age"] >= 0
        ):
            return Verdict(CHANGE, {"installed": None}, {"installed": ""}, assumed=True, step=UNLISTED)
        reason = f"no package {name} in the configured sources; if their lists are old, refresh them"
        if self.planned.lists_trouble:
            reason = f"no package {name} in the package lists, which cannot be refreshed: {self.planned.lists_trouble}"
        return Verdict(FAILED, {"installed": None}, reason=reason)

    def _feasible(self, controls: list[Control], plan: Plan) -> tuple[list[Control], Simulation]:
        """The controls that can be carried out together. The others get their verdict here."""
        if not controls:
            return [], Simulation()
        simulation, problem = self._simulate(controls)
        if not problem:
            return controls, simulation
        rest = []
        for control in controls:
            _rest, own_problem = self._simulate([control])
            if own_problem:
                plan.verdicts[control.id] = Verdict(FAILED, self._before(control), reason=own_problem)
            else:
                rest.append(control)
        if len(rest) < len(controls):
            return self._feasible(rest, plan)
        for control in controls:
            plan.verdicts[control.id] = Verdict(
                FAILED, self._before(control), reason=f"all packages together: {problem}"
            )
        return [], Simulation()

    def _simulate(self, controls: list[Control]) -> tuple[Simulation, str]:
        request = self._request(controls)
        simulation = self._manager.simulate(request)
        unnamed = simulation.removed - set(request.remove) - set(request.purge)
        if simulation.error:
            return simulation, simulation.error
        if unnamed:
            return (
                simulation,
                f"it would also remove {', '.join(sorted(unnamed))}: name them with state absent, if that is wanted",
            )
        return simulation, ""

    def _request(self, controls: list[Control]) -> Request:
        going = [control.state for control in controls if control.state["state"] == "absent"]
        return Request(
            install=tuple(sorted({c.state["name"] for c in controls if c.state["state"] == "present"})),
            remove=tuple(sorted({state["name"] for state in going if state["name"] in self._installed})),
            purge=tuple(sorted({state["name"] for state in going if state["purge"]})),
            recommends=any(control.state["recommends"] for control in controls),
            offline=any(control.state["offline"] for control in controls),
            lock_timeout=max(control.state["lock_timeout"] for control in controls),
            environment=_environment([control.state for control in controls]),
        )

    def _plan_transaction(self, plan: Plan, controls: list[Control], simulation: Simulation) -> None:
        request = self._request(controls)
        touches = self._touches(controls, request, simulation)
        access = bool(simulation.removed & LOGIN_PACKAGES) or any(control.risk == "access" for control in controls)
        changes = [
            RunTool(command.argv, touches, env=dict(command.env), timeout=TRANSACTION_TIMEOUT)
            for command in self._manager.commands(request)
        ]
        plan.steps.append(Step(STEP, [*changes], access=access))
        for control in controls:
            name, present = control.state["name"], control.state["state"] == "present"
            after = {"installed": simulation.installed.get(name, "") if present else None}
            if control.state["purge"]:
                after["configuration"] = None
            plan.verdicts[control.id] = Verdict(CHANGE, self._before(control), after, step=STEP)
        self.planned.packages |= simulation.installed.keys()
        self.planned.absent_packages |= simulation.removed

    def _plan_unlisted(self, plan: Plan, controls: list[Control]) -> None:
        """What cannot be simulated, as a step that check mode counts."""
        if controls:
            touches = [("package", control.state["name"]) for control in controls]
            (command,) = self._manager.commands(self._request(controls))
            plan.steps.append(Step(UNLISTED, [RunTool(command.argv, touches)]))
            self.planned.packages |= {name for _kind, name in touches}

    def _touches(self, controls: list[Control], request: Request, simulation: Simulation) -> list[tuple[str, str]]:
        """Named packages, the dependencies that come new with them, and what purging takes away."""
        goes_again = {c.state["name"] for c in controls if c.state["remove_on_undo"] and c.state["state"] == "present"}
        # A dependency goes again only where everything that this transaction installs does.
        all_go = bool(goes_again) and goes_again == set(request.install)
        present = self._manager.installed(sorted(simulation.installed))
        new = [name for name in simulation.installed if name not in present]
        touches = [("package", target_of(name, name in goes_again or all_go)) for name in sorted(new)]
        touches += [("package", name) for name in request.remove]
        files = [path for name in request.purge for path in self._manager.configuration_files(name)]
        return touches + [("path", path) for path in [*files, *_directories(files)]]

    def _before(self, control: Control) -> dict[str, Any]:
        name = control.state["name"]
        before: dict[str, Any] = {"installed": self._installed.get(name)}
        if control.state["purge"]:
            before["configuration"] = (
                "left" if name in self._left_over else "in use" if name in self._installed else None
            )
        return before


def _environment(states: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The proxies of all of them."""
    return {key: str(value) for state in states for key, value in (state["environment"] or {}).items()}


def _directories(files: Sequence[str]) -> list[str]:
    """The directories above `files` that purging may take along, deepest first: putting back goes from the end."""
    found = set()
    for path in files:
        directory = os.path.dirname(path)
        while directory.count("/") > 1:
            found.add(directory)
            directory = os.path.dirname(directory)
    return sorted(found, key=lambda directory: (-directory.count("/"), directory))
