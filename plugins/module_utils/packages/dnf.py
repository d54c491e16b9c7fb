# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package manager of the Enterprise Linux family. Written for it, and not yet proven on one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .manager import Command, PackageManager, Request, Simulation

VERSION = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n"


def parse_transaction(output: str) -> tuple[dict[str, str], frozenset[str]]:
    """The table that dnf shows before it asks: sections `Installing:`, `Removing:` … with one package per line."""
    installed: dict[str, str] = {}
    removed: set[str] = set()
    section = ""
    for line in output.splitlines():
        heading = re.fullmatch(r"([A-Z][A-Za-z ]+):", line.strip())
        fields = line.split()
        if heading:
            section = heading.group(1)
        elif line.startswith(" ") and len(fields) >= 4:
            if section.startswith(("Installing", "Upgrading")):
                installed[fields[0]] = fields[2]
            elif section.startswith("Removing"):
                removed.add(fields[0])
        elif line.startswith("Transaction Summary"):
            break
    return installed, frozenset(removed)


class Dnf(PackageManager):
    """dnf and rpm."""

    def installed(self, names: Sequence[str]) -> dict[str, str]:
        """Version by name."""
        if not names:
            return {}
        answer = self.host.run(["rpm", "--query", "--queryformat", VERSION, "--", *names])
        fields = (line.split("\t") for line in answer.out.splitlines())
        return {line[0]: line[1] for line in fields if len(line) == 2}

    def configured(self, names: Sequence[str]) -> set[str]:
        """rpm has no such state."""
        return set()

    def candidates(self, names: Sequence[str]) -> set[str]:
        """Packages that the enabled repositories have."""
        if not names:
            return set()
        answer = self.host.must(["dnf", "--quiet", "repoquery", "--queryformat", "%{name}\\n", *names])
        return set(answer.out.split())

    def held(self) -> set[str]:
        """What the versionlock plugin keeps; nothing where it is not installed."""
        answer = self.host.run(["dnf", "--quiet", "versionlock", "list"])
        return {re.sub(r"-\d+:.*$", "", line.strip()) for line in answer.out.splitlines()} if answer.ok else set()

    def lists_age(self) -> float:
        """dnf refreshes expired metadata by itself: only who asks for fresh lists every time gets them."""
        return 1.0

    def refresh_command(self, environment: Mapping[str, str]) -> Command:
        """Expired or not."""
        return Command(("dnf", "makecache", "--refresh"), environment)

    def simulate(self, request: Request) -> Simulation:
        """dnf answers 1 when it is told not to go on, so its table is what counts."""
        parts = [Simulation()]
        for verb, names in (("install", request.install), ("remove", request.remove)):
            if names:
                parts.append(self._simulate([verb, *self._options(request), *names]))
        errors = [part.error for part in parts if part.error]
        if errors:
            return Simulation(error=" ".join(errors))
        installed = {name: version for part in parts for name, version in part.installed.items()}
        return Simulation(installed, frozenset().union(*(part.removed for part in parts)))

    def _simulate(self, arguments: list[str]) -> Simulation:
        answer = self.host.run(["dnf", "--assumeno", *arguments])
        if "Transaction Summary" in answer.out:
            return Simulation(*parse_transaction(answer.out))
        if answer.ok or "Nothing to do" in answer.out:
            return Simulation()
        return Simulation(error=answer.words)

    def commands(self, request: Request) -> list[Command]:
        """dnf has no verb for both, so installing comes first and removing follows."""
        commands = []
        for verb, names in (("install", request.install), ("remove", request.remove)):
            if names:
                argv = ("dnf", verb, "--assumeyes", *self._options(request), *names)
                commands.append(Command(argv, request.environment))
        return commands

    def configuration_files(self, name: str) -> list[str]:
        """rpm keeps edited ones as .rpmsave and removes the rest."""
        answer = self.host.run(["rpm", "--query", "--configfiles", "--", name])
        return sorted(line for line in answer.out.splitlines() if line.startswith("/"))

    def restoring(self, name: str, version: str, downgrade: bool) -> list[Command]:
        """The version itself while a repository has it, then any."""
        verb = "downgrade" if downgrade else "install"
        wanted = [f"{name}-{version}"] if downgrade else [f"{name}-{version}", name]
        return [Command(("dnf", verb, "--assumeyes", *self._options(Request()), spec)) for spec in wanted]

    def _options(self, request: Request) -> list[str]:
        weak = f"--setopt=install_weak_deps={request.recommends}"
        cached = ["--cacheonly"] if request.offline else []
        return [weak, *cached, "--setopt=clean_requirements_on_remove=False", "--setopt=exit_on_lock=False"]
