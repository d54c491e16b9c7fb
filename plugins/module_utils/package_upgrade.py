# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The upgrade of a host's packages as journalled transactions: what was interrupted is finished, then one upgrade.

It goes forward only. Nothing changed where apt refuses before dpkg begins. Where dpkg began and did not come through,
what is unpacked is configured; what was upgraded stands and is in the journal, so that a person may undo it. A call
that was killed is found by the next one, which finishes it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from . import snapshot
from .changes import BlobStore, Change, ChangeFailed, State, Step
from .host import CommandFailed, Host, Result
from .kinds.package_versions import target_of
from .module_args import problems, transaction
from .packages.apt_upgrade import AptUpgrade, Forecast, Selection
from .packages.detect import NoPackageManager
from .transaction import Outcome, Refused

MODULE = "upgrade_packages"
KIND = "package_versions"
LOCK_TIMEOUTS = (0, 3600)


@dataclass
class Answer:
    """What the module returns."""

    values: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    error: str = ""
    warnings: list[str] = field(default_factory=list)


class Forward(Change):
    """Something that dpkg does. Where it stops half-way it is not put back: `trouble` says what happened."""

    def __init__(self, names: Sequence[str], touching: Sequence[tuple[str, str]] = ()) -> None:
        self.target = target_of(names)
        self.touching = [*touching, (KIND, self.target)]
        self.trouble = ""

    def touches(self) -> Sequence[tuple[str, str]]:
        """The declared paths, and the packages last: they are the first to go back."""
        return self.touching

    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """Only dpkg knows."""
        return None


class Finish(Forward):
    """Finishes what dpkg was interrupted in."""

    def __init__(self, apt: AptUpgrade, names: Sequence[str], options: Mapping[str, Any]) -> None:
        super().__init__(names)
        self.apt, self.options = apt, options

    def apply(self, host: Host, blobs: BlobStore) -> None:
        """Configure, and fetch what is missing."""
        result = self.apt.finish(self.options["environment"], self.options["lock_timeout"])
        left = self.apt.interrupted()
        if left or not result.ok:
            names = ", ".join(sorted(left)) or "nothing that dpkg names"
            self.trouble = (
                f"dpkg was interrupted before, and it cannot be finished ({names} is not configured): "
                f"{words_of(result)}"
            )


class Upgrade(Forward):
    """Upgrades what was forecast."""

    def __init__(
        self, apt: AptUpgrade, forecast: Forecast, paths: Sequence[tuple[str, str]], options: Mapping[str, Any]
    ) -> None:
        super().__init__(list(forecast.upgraded), paths)
        self.apt, self.forecast, self.options = apt, forecast, options

    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """The versions are known before; what maintainer scripts make of files is not."""
        if kind != KIND:
            return None
        return {"versions": {u.name: u.candidate for u in self.forecast.updates if u.installed is not None}}

    def apply(self, host: Host, blobs: BlobStore) -> None:
        """One apt-get. CommandFailed only where nothing was upgraded and nothing is half-way."""
        given = self.options
        result = self.apt.upgrade(self.forecast, given["environment"], given["lock_timeout"], given["offline"])
        if result.ok:
            return
        begun = bool(self.apt.interrupted())
        if begun:
            self.apt.finish(given["environment"], given["lock_timeout"])
        done = self._done()
        if not begun and not done:
            raise CommandFailed(result)
        left = sorted(self.apt.interrupted())
        self.trouble = (
            f"apt-get stopped after it had upgraded {len(done)} of {len(self.forecast.upgraded)} packages, which stay: "
            f"{words_of(result)}. "
            + (f"Not configured: {', '.join(left)}. " if left else "What was unpacked is configured. ")
            + "Mend the cause and run again, or undo this run."
        )

    def _done(self) -> list[str]:
        now = self.apt.versions(list(self.forecast.upgraded))
        return [name for name, version in self.forecast.upgraded.items() if now.get(name) != version]


def words_of(result: Result) -> str:
    """apt's errors where it names some, else all that it said last."""
    errors = [line[3:] for line in (result.err + result.out).splitlines() if line.startswith("E: ")]
    return " ".join(errors) or result.words or f"{result.argv[0]} returned {result.rc}"


class PackageUpgrade:
    """One call of the module."""

    def __init__(self, options: Mapping[str, Any], check_mode: bool, host: Host | None = None) -> None:
        self.options = options
        self.check_mode = check_mode
        self.host = host or Host()
        self.answer = Answer()
        self.forecast = Forecast()
        self.before: dict[str, str] = {}

    def serve(self) -> Answer:
        """Upgrade, or predict. Refusals come before anything is touched."""
        found = self._problems()
        if found:
            return Answer(error=" ".join(found))
        try:
            self.apt = apt_of(self.host)
            interrupted = self.apt.interrupted()
            if interrupted and not self._finish(interrupted):
                return self.answer
            self._upgrade()
        except ChangeFailed as unknown:
            if self.check_mode and self.answer.changed:
                self.answer.warnings.append(f"What is pending is known when that is finished: {unknown}")
                self.answer.values.update(upgraded=[], left=[], recovered=[])
            else:
                self.answer.error = str(unknown)
        except (Refused, CommandFailed, ValueError) as refusal:
            self.answer.error = str(refusal)
        return self.answer

    def _problems(self) -> list[str]:
        given, (low, high) = self.options, LOCK_TIMEOUTS
        found = problems(given)
        if not low <= given["lock_timeout"] <= high:
            found.append(f"lock_timeout is {given['lock_timeout']}; allowed are {low} to {high} seconds.")
        if given["paths"]:
            found += [f"{words}." for words in snapshot.problems(given["paths"], [], given["state_dir"])]
        return found

    # --- what was interrupted ---

    def _finish(self, interrupted: Mapping[str, str]) -> bool:
        """Whether the upgrade can follow."""
        change = Finish(self.apt, list(interrupted), self.options)
        step = Step(self._named(f"Finish {len(interrupted)} packages that dpkg was interrupted in"), [change])
        outcome = self._run([step])
        self.answer.values["configured"] = sorted(interrupted)
        # Half-configured and configured are one version: that it is finished is the change.
        self.answer.changed = True
        if change.trouble:
            self.answer.error = change.trouble
        return not outcome.failed and not change.trouble

    def _named(self, what: str) -> str:
        note = self.options.get("note")
        return f"{what} ({note})" if note else what

    # --- the upgrade ---

    def _upgrade(self) -> None:
        changes: list[Upgrade] = []

        def steps() -> list[Step]:
            """Ask apt; the transaction does this again where the host changed meanwhile."""
            self.forecast = self.apt.forecast(selection_of(self.options))
            if not self.forecast.updates:
                return []
            paths = snapshot.targets(self.host, self.options["paths"], [])
            changes.append(Upgrade(self.apt, self.forecast, paths, self.options))
            return [Step(self._named(f"Upgrade {len(self.forecast.updates)} packages"), [changes[-1]])]

        outcome = self._run(steps)
        trouble = changes[-1].trouble if changes else ""
        self._tell(outcome, trouble)

    def _run(self, steps: Any) -> Outcome:
        return transaction(self.options, MODULE, self.check_mode, self.host).run(steps, atomic=True)

    def _tell(self, outcome: Outcome, trouble: str) -> None:
        answer, updates = self.answer, self.forecast.updates
        if not self.check_mode and updates:
            now = self.apt.versions([update.name for update in updates])
            updates = [update for update in updates if now.get(update.name, update.installed) != update.installed]
        failed = next((step.error for step in outcome.steps if not step.ok), "")
        answer.error = answer.error or trouble or (f"Nothing was upgraded: {failed}" if failed else "")
        answer.changed = answer.changed or outcome.changed or bool(outcome.recovered)
        answer.warnings += outcome.warnings
        answer.values.update(
            run=outcome.run,
            upgraded=[asdict(update) for update in updates],
            left=[{"name": name, "reason": reason} for name, reason in self.forecast.left.items()],
            recovered=outcome.recovered,
            diff=[*self._diff(updates), *(each for each in outcome.diff if not each["after_header"].startswith(KIND))],
        )
        if outcome.record:
            answer.values["record"] = outcome.record

    @staticmethod
    def _diff(updates: Sequence[Any]) -> list[dict[str, str]]:
        if not updates:
            return []
        return [
            {
                "before_header": "packages",
                "after_header": "packages",
                "before": "".join(f"{each.name} {each.installed}\n" for each in updates if each.installed is not None),
                "after": "".join(f"{each.name} {each.candidate}\n" for each in updates),
            }
        ]


def selection_of(options: Mapping[str, Any]) -> Selection:
    """The options `select` and `exclude`."""
    return Selection(options["select"] == "security", tuple(options["exclude"]))


def apt_of(host: Host) -> AptUpgrade:
    """apt, or a refusal."""
    if not host.has("apt-get") or not host.has("dpkg-query"):
        raise NoPackageManager("this host has no apt: packages can be upgraded on Debian and its derivatives only")
    return AptUpgrade(host)
