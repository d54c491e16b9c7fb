# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrading what is installed, with apt: what would be upgraded, the one command that does it, and the way back.

What shall stay is pinned to its version for this one command, by a file of preferences of its own. So apt itself keeps
back what depends on it, and nothing is marked as held or as installed by hand.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ..changes import ChangeFailed
from ..host import Host, Result
from ..pending_updates import Update, parse_apt
from .apt import ENVIRONMENT, KEEP_CONFIGURATION, Apt
from .manager import TRANSACTION_TIMEOUT, Command

PREFERENCES = "/etc/apt/preferences"
# Above 1000: also against what the administrator's own preferences say of the package.
PINNED = 1001
NO_CACHES = (
    "-o",
    "Debug::NoLocking=1",
    # As root even a simulation would write its caches and logs.
    "-o",
    "Dir::Cache::pkgcache=",
    "-o",
    "Dir::Cache::srcpkgcache=",
    "-o",
    "Dir::Log::Planner=",
    "-o",
    "Dir::Log::Solver=",
)
STATUS = "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Status}\\n"
# Where dpkg notes what it has not yet written to its status file.
JOURNALED = "/var/lib/dpkg/updates"
# States of a package that dpkg left in the middle of its work.
BROKEN = ("half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending")
EXCLUDED, HELD, NOT_SECURITY, KEPT_BACK = (
    "excluded by the inputs",
    "on hold (apt-mark)",
    "no security update",
    "kept back by apt, because of what it depends on",
)


@dataclass(frozen=True)
class Selection:
    """Which updates are wanted."""

    security_only: bool = False
    # Shell patterns of package names that stay as they are.
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forecast:
    """What an upgrade would do."""

    # Upgraded, and newly installed where `installed` is None; by name.
    updates: list[Update] = field(default_factory=list)
    # Why other pending updates stay, by package.
    left: dict[str, str] = field(default_factory=dict)
    # Packages that are pinned to their version for this upgrade; None keeps a new one out.
    pins: dict[str, str | None] = field(default_factory=dict)

    @property
    def upgraded(self) -> dict[str, str]:
        """Version now, by package that is installed and would be upgraded."""
        return {update.name: update.installed for update in self.updates if update.installed is not None}


def preferences(pins: Mapping[str, str | None], present: str = "") -> str:
    """The text of a file of apt preferences; `present` is what the administrator's own one says."""
    stanzas = [
        f"Package: {name}\nPin: {f'version {version}' if version else 'release *'}\n"
        f"Pin-Priority: {PINNED if version else -1}\n"
        for name, version in sorted(pins.items())
    ]
    return "\n".join([*stanzas, present])


def parse_status(output: str, native: str) -> dict[str, tuple[str, str]]:
    """(version, status) by package; a foreign architecture stands behind the name, as apt writes it."""
    found = {}
    for line in output.splitlines():
        fields = line.split("\t")
        if len(fields) == 4:
            name, architecture, version, status = fields
            suffix = "" if architecture in (native, "all", "") else f":{architecture}"
            found[name + suffix] = (version, status)
    return found


def parse_sources(output: str) -> set[tuple[str, str]]:
    """(package, version) of `apt-cache show` that a source has; dpkg's own status file names no file to fetch."""
    found = set()
    for stanza in output.split("\n\n"):
        keys = dict(line.split(": ", 1) for line in stanza.splitlines() if line[:1].isalpha() and ": " in line)
        if "Filename" in keys:
            found.add((keys.get("Package", ""), keys.get("Version", "")))
    return found


class AptUpgrade:
    """apt and dpkg of one host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.apt = Apt(host)
        self._native = ""

    # --- what is there ---

    def status(self, names: Sequence[str] = ()) -> dict[str, tuple[str, str]]:
        """(version, status) of these packages, or of all that dpkg knows."""
        if not self._native:
            self._native = self.host.must(["dpkg", "--print-architecture"]).out.strip()
        # dpkg-query answers 1 where it does not know one of them, and says the others all the same.
        answer = self.host.run(["dpkg-query", "--show", f"--showformat={STATUS}", *(["--", *names] if names else [])])
        return parse_status(answer.out, self._native)

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """Version by package, of those of `names` that are there, be it half-way."""
        found = self.status(names) if names else {}
        return {name: found[name][0] for name in names if name in found and found[name][1] in ("installed", *BROKEN)}

    def interrupted(self) -> dict[str, str]:
        """Version by package that dpkg left in the middle of its work, because it was killed or a script failed."""
        found = {name: version for name, (version, status) in self.status().items() if status in BROKEN}
        place = self.host.path(JOURNALED)
        if not found and os.path.isdir(place) and os.listdir(place):
            # It was killed between two notes in its own log; apt refuses to work before that is read.
            found = self.versions(["dpkg"])
        return found

    # --- forward ---

    def forecast(self, selection: Selection) -> Forecast:
        """Ask apt itself; it takes no lock for that."""
        pending = self._simulate("dist-upgrade", {})
        held = self.apt.held()
        left = {update.name: HELD for update in self._held_updates(held)}
        pins: dict[str, str | None] = {}
        for update in pending:
            reason = self._unwanted(update, selection)
            if reason:
                left[update.name], pins[update.name] = reason, update.installed
        updates = self._simulate("upgrade", pins)
        chosen = {update.name for update in updates}
        for update in pending:
            if update.name not in chosen:
                left.setdefault(update.name, KEPT_BACK)
        return Forecast(sorted(updates, key=lambda update: update.name), dict(sorted(left.items())), pins)

    @staticmethod
    def _unwanted(update: Update, selection: Selection) -> str:
        if any(fnmatchcase(update.name, pattern) for pattern in selection.exclude):
            return EXCLUDED
        # What is new comes only as a dependency of something that is wanted.
        if selection.security_only and update.installed is not None and not update.security:
            return NOT_SECURITY
        return ""

    def _held_updates(self, held: set[str]) -> list[Update]:
        """Held packages for which the sources have another version."""
        return [
            Update(name, installed, candidate, None)
            for name, (installed, candidate) in self.apt.policy(sorted(held)).items()
            if installed and candidate and installed != candidate
        ]

    def _simulate(self, verb: str, pins: Mapping[str, str | None]) -> list[Update]:
        with self.pinned(pins) as options:
            argv = ["apt-get", "--simulate", "--quiet", *NO_CACHES, *options, *self._verb(verb)]
            answer = self.host.run(argv)
        if not answer.ok:
            raise ChangeFailed(f"apt-get cannot say what is pending: {answer.words}")
        return parse_apt(answer.out)

    @staticmethod
    def _verb(verb: str) -> list[str]:
        return ["upgrade", "--with-new-pkgs"] if verb == "upgrade" else [verb]

    @contextmanager
    def pinned(self, pins: Mapping[str, str | None]) -> Iterator[list[str]]:
        """apt's options under which these packages stay as they are."""
        if not pins:
            yield []
            return
        present = self.host.path(PREFERENCES)
        own = self.host.fs.read(present).decode("utf-8", "replace") if self.host.fs.exists(present) else ""
        with tempfile.NamedTemporaryFile("w", prefix="evenkeel-apt-", encoding="utf-8") as file:
            file.write(preferences(pins, own))
            file.flush()
            yield ["-o", f"Dir::Etc::Preferences={file.name}"]

    def upgrade(
        self, forecast: Forecast, environment: Mapping[str, str], lock_timeout: int, offline: bool = False
    ) -> Result:
        """Carry the forecast out: nothing is removed, and edited configuration stays."""
        with self.pinned(forecast.pins) as options:
            cached = ["--no-download"] if offline else []
            argv = ["apt-get", "--yes", "--quiet", "--no-remove", *cached, *options, *self._common(lock_timeout)]
            return self.run(Command((*argv, *self._verb("upgrade")), {**ENVIRONMENT, **environment}))

    def finish(self, environment: Mapping[str, str], lock_timeout: int) -> Result:
        """Finish what dpkg was interrupted in: configure what is unpacked, then let apt fetch what is missing."""
        configure = Command(("dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"), ENVIRONMENT)
        first = self.run(configure)
        if first.ok and not self.interrupted():
            return first
        argv = ("apt-get", "--yes", "--quiet", "--no-remove", *self._common(lock_timeout), "--fix-broken", "install")
        return self.run(Command(argv, {**ENVIRONMENT, **environment}))

    # --- back ---

    def obtainable(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Those versions that a source or the package cache still has."""
        if not wanted:
            return {}
        # apt-cache says what it knows of, and complains of the others all the same.
        specs = [f"{name}={version}" for name, version in wanted.items()]
        listed = parse_sources(self.host.run(["apt-cache", "show", "--", *specs]).out)
        return {
            name: version
            for name, version in wanted.items()
            if (name.partition(":")[0], version) in listed or self._archived(name, version)
        }

    def _archived(self, name: str, version: str) -> str:
        """The file of this version in apt's cache; empty where there is none."""
        directory = "/var/cache/apt/archives"
        place = self.host.path(directory)
        start = f"{name.partition(':')[0]}_{version.replace(':', '%3a')}_"
        names = os.listdir(place) if os.path.isdir(place) else []
        return next((os.path.join(directory, each) for each in names if each.startswith(start)), "")

    def go_back(self, wanted: Mapping[str, str]) -> None:
        """Install these versions, in one transaction. Who was installed as a dependency stays marked so."""
        automatic = set(self.host.must(["apt-mark", "showauto", "--", *wanted]).out.split())
        specs = [self._spec(name, version) for name, version in sorted(wanted.items())]
        argv = ("apt-get", "install", "--yes", "--quiet", "--allow-downgrades", "--no-remove", *self._common(300))
        result = self.run(Command((*argv, "--", *specs), ENVIRONMENT))
        if not result.ok:
            raise ChangeFailed(f"{' '.join(result.argv)} returned {result.rc}: {result.words}")
        if automatic:
            self.host.must(["apt-mark", "auto", "--", *sorted(automatic)])

    def _spec(self, name: str, version: str) -> str:
        """What apt calls this version: its file in the cache, or name=version of a source."""
        return self._archived(name, version) or f"{name}={version}"

    # --- all ---

    @staticmethod
    def _common(lock_timeout: int) -> tuple[str, ...]:
        return ("-o", f"DPkg::Lock::Timeout={lock_timeout}", *KEEP_CONFIGURATION)

    def run(self, command: Command) -> Result:
        """Run what changes packages."""
        return self.host.run(list(command.argv), env=dict(command.env), timeout=TRANSACTION_TIMEOUT)
