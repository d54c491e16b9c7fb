# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine asks of a package manager."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..changes import ChangeFailed
from ..host import Host, Result, Runner

# A transaction of many packages over a slow line takes its time; a hung one must end.
TRANSACTION_TIMEOUT = 3600.0


@dataclass(frozen=True)
class Request:
    """One transaction: everything that shall come and go together."""

    install: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    # The part of `remove` whose configuration shall go too.
    purge: tuple[str, ...] = ()
    recommends: bool = False
    # Install only what the package manager's cache has.
    offline: bool = False
    # Seconds to wait for another package manager.
    lock_timeout: int = 300
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Simulation:
    """What a transaction would do."""

    installed: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    # The package manager's own words where it refuses; empty otherwise.
    error: str = ""


@dataclass(frozen=True)
class Command:
    """An argument vector with its environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class PackageManager(ABC):
    """Reads and simulates; the commands it names are run by the transaction."""

    def __init__(self, host: Host) -> None:
        self.host = host

    @abstractmethod
    def installed(self, names: Sequence[str]) -> dict[str, str]:
        """Version by name, of those that are installed."""

    @abstractmethod
    def configured(self, names: Sequence[str]) -> set[str]:
        """Those that are removed but have left their configuration."""

    @abstractmethod
    def candidates(self, names: Sequence[str]) -> set[str]:
        """Those that could be installed from the configured sources."""

    @abstractmethod
    def held(self) -> set[str]:
        """Those that the administrator has pinned to their version."""

    @abstractmethod
    def lists_age(self) -> float:
        """Seconds since the package lists were refreshed; infinite where there are none."""

    @abstractmethod
    def refresh_command(self, environment: Mapping[str, str]) -> Command:
        """What refreshes the package lists."""

    def refresh(self, environment: Mapping[str, str]) -> str:
        """Refresh the package lists, now. Returns why that failed; empty where it did not."""
        result = self._run(self.refresh_command(environment))
        return "" if result.ok else result.words

    @abstractmethod
    def simulate(self, request: Request) -> Simulation:
        """What the transaction would do, without doing it."""

    @abstractmethod
    def commands(self, request: Request) -> list[Command]:
        """What carries the transaction out."""

    @abstractmethod
    def configuration_files(self, name: str) -> list[str]:
        """The configuration files that purging `name` removes."""

    @abstractmethod
    def restoring(self, name: str, version: str, downgrade: bool) -> list[Command]:
        """Alternatives, best first, that bring back `version` of `name`, or the one to be had."""

    def remove(self, name: str) -> None:
        """Remove one package, now."""
        for command in self.commands(Request(remove=(name,))):
            self._must(command)

    def install_version(self, name: str, version: str, downgrade: bool) -> None:
        """Install one package, now: this version if it is still to be had."""
        answers = []
        for command in self.restoring(name, version, downgrade):
            answers.append(self._run(command))
            if answers[-1].ok:
                return
        raise ChangeFailed(f"package {name} {version} cannot be installed again: {answers[-1].words}")

    def _run(self, command: Command) -> Result:
        runner: Runner = self.host.runner
        return runner.run(command.argv, env=dict(command.env), timeout=TRANSACTION_TIMEOUT)

    def _must(self, command: Command) -> None:
        result = self._run(command)
        if not result.ok:
            raise ChangeFailed(f"{' '.join(command.argv)} returned {result.rc}: {result.words}")
