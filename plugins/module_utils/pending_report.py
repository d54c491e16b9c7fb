# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has to catch up with: updates, what dpkg was interrupted in, services that run replaced code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from . import outdated_services
from .changes import ChangeFailed
from .host import CommandFailed, Host
from .package_upgrade import apt_of, selection_of
from .packages.apt_upgrade import AptUpgrade, Forecast
from .pending_updates import host_reboot_reasons

YEAR = 31_536_000


@dataclass
class PendingReport:
    """One call of the module pending_updates_info."""

    options: Mapping[str, Any]
    check_mode: bool
    host: Host = field(default_factory=Host)
    values: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str = ""

    def serve(self) -> None:
        """Fill `values`, or say why not."""
        age = self.options["lists_max_age"]
        if not -1 <= age <= YEAR:
            self.error = f"lists_max_age is {age}; allowed are -1 to {YEAR} seconds."
            return
        try:
            self._ask(apt_of(self.host))
        except (ChangeFailed, CommandFailed, outdated_services.OutdatedUnknown) as unknown:
            self.error = str(unknown)

    def _ask(self, apt: AptUpgrade) -> None:
        refreshed = self._refresh(apt)
        if self.error:
            return
        interrupted = sorted(apt.interrupted())
        forecast = self._forecast(apt, interrupted)
        found = outdated_services.look(self.host)
        restarts, kept = outdated_services.split(found.services if found else [], self.options["never"])
        reasons = [*host_reboot_reasons(self.host.root, os.uname().release), *(found.reboot if found else [])]
        self.values = {
            "updates": [asdict(update) for update in forecast.updates],
            "left": [{"name": name, "reason": reason} for name, reason in forecast.left.items()],
            "interrupted": interrupted,
            "known": found is not None,
            "restarts": restarts,
            "kept": kept,
            "reboot_reasons": list(dict.fromkeys(reasons)),
            "refreshed": refreshed,
            "due": bool(forecast.updates or interrupted or restarts),
        }

    def _refresh(self, apt: AptUpgrade) -> bool:
        age = self.options["lists_max_age"]
        if age < 0 or apt.apt.lists_age() < age:
            return False
        if self.check_mode:
            self.warnings.append("A real run would refresh the package lists first; more may be pending than is shown.")
            return False
        trouble = apt.apt.refresh(self.options["environment"])
        if trouble:
            self.error = f"The package lists cannot be refreshed: {trouble}"
        return not trouble

    def _forecast(self, apt: AptUpgrade, interrupted: list[str]) -> Forecast:
        try:
            return apt.forecast(selection_of(self.options))
        except ChangeFailed as unknown:
            if not interrupted:
                raise
            # apt does not plan on half-configured packages; the upgrade finishes these first and plans again.
            self.warnings.append(str(unknown))
            return Forecast()
