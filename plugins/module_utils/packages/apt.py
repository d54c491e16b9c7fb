# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's package manager."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .manager import Command, PackageManager, Request, Simulation

ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    # What must be restarted is somebody else's decision, in a patch window.
    "NEEDRESTART_SUSPEND": "1",
}
# A configuration file that was edited stays as it is.
KEEP_CONFIGURATION = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
# Either is written when lists are fetched; apt leaves the lists' own times as the mirror has them.
LISTS_MARKS = ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists")
STATUS = "${binary:Package}\\t${db:Status-Status}\\t${Version}\\n"


def bare(name: str) -> str:
    """Without the architecture that dpkg appends: `libc6:amd64` is `libc6`."""
    return name.partition(":")[0]


def parse_simulation(output: str) -> tuple[dict[str, str], frozenset[str]]:
    """`Inst name [old] (new source…)`, `Remv name [old]` and `Purg name [old]` lines of `apt-get --simulate`."""
    installed, removed = {}, set()
    for line in output.splitlines():
        verb, _rest, rest = line.partition(" ")
        name = bare(rest.split(" ")[0])
        if verb == "Inst":
            version = re.search(r"\((\S+)", rest)
            installed[name] = version.group(1) if version else ""
        elif verb in ("Remv", "Purg"):
            removed.add(name)
    return installed, frozenset(removed)


def parse_policy(output: str) -> dict[str, tuple[str, str]]:
    """(installed, candidate) version by package of `apt-cache policy`; empty where there is none."""
    found, name = {}, ""
    for line in output.splitlines():
        word, _colon, rest = line.strip().partition(":")
        version = "" if rest.strip() == "(none)" else rest.strip()
        if line and not line[0].isspace():
            name = bare(line.rstrip(":").strip())
            found[name] = ("", "")
        elif word == "Installed":
            found[name] = (version, found[name][1])
        elif word == "Candidate":
            found[name] = (found[name][0], version)
    return found


def parse_uris(output: str) -> list[str]:
    """File names of `apt-get --print-uris`: what is not in the cache. A line is `'URI' name size checksum`."""
    lines = (line.rsplit(" ", 3) for line in output.splitlines() if line.startswith("'"))
    return sorted(fields[1] for fields in lines if len(fields) == 4)


class Apt(PackageManager):
    """apt-get, with everything in one transaction."""

    def _status(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        if not names:
            return {}
        # dpkg-query answers 1 where it does not know one of them, and says the others all the same.
        answer = self.host.run(["dpkg-query", "--show", f"--showformat={STATUS}", "--", *names])
        fields = (line.split("\t") for line in answer.out.splitlines())
        return {bare(line[0]): (line[1], line[2]) for line in fields if len(line) == 3}

    def installed(self, names: Sequence[str]) -> dict[str, str]:
        """Version by name."""
        return {name: version for name, (status, version) in self._status(names).items() if status == "installed"}

    def configured(self, names: Sequence[str]) -> set[str]:
        """Packages in dpkg's state `config-files`."""
        return {name for name, (status, _rest) in self._status(names).items() if status == "config-files"}

    def candidates(self, names: Sequence[str]) -> set[str]:
        """Packages with a candidate in the lists that apt has."""
        policy = self.policy(names)
        return {name for name, (_installed, candidate) in policy.items() if candidate}

    def policy(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """(installed, candidate) version of each that apt knows."""
        return parse_policy(self.host.must(["apt-cache", "policy", "--", *names]).out) if names else {}

    def held(self) -> set[str]:
        """What `apt-mark hold` keeps."""
        return {bare(name) for name in self.host.must(["apt-mark", "showhold"]).out.split()}

    def lists_age(self) -> float:
        """By the younger of the marks; a host whose lists were cleared away has none."""
        directory = self.host.path("/var/lib/apt/lists")
        if not os.path.isdir(directory) or not any("_Packages" in name for name in os.listdir(directory)):
            return float("inf")
        marks = [path for path in map(self.host.path, LISTS_MARKS) if os.path.exists(path)]
        return time.time() - max(os.stat(path).st_mtime for path in marks)

    def refresh_command(self, environment: Mapping[str, str]) -> Command:
        """A source that cannot be read is a failure here, though apt itself would go on with the old list."""
        return Command(("apt-get", "update", "--quiet", "--error-on=any"), {**ENVIRONMENT, **environment})

    def simulate(self, request: Request) -> Simulation:
        """Ask apt-get itself. It takes no lock for that."""
        # With --no-download a simulation fails without a name where the cache lacks a package.
        argv = self._argv(replace(request, offline=False))
        answer = self.host.run([argv[0], "--simulate", "-o", "Debug::NoLocking=1", *argv[1:]])
        if not answer.ok:
            errors = [line[3:] for line in answer.err.splitlines() if line.startswith("E: ")]
            return Simulation(error=" ".join(errors) or answer.words)
        installed, removed = parse_simulation(answer.out)
        lacking = self._lacking(argv) if request.offline and installed else []
        if lacking:
            return Simulation(error=f"offline is true, and the package cache of the host lacks {', '.join(lacking)}")
        return Simulation(installed, removed)

    def _lacking(self, argv: Sequence[str]) -> list[str]:
        options = ["--print-uris", "-o", "Debug::NoLocking=1"]
        return parse_uris(self.host.must([argv[0], *options, *argv[1:]]).out)

    def commands(self, request: Request) -> list[Command]:
        """One apt-get for all that comes and goes, and one that clears what shall leave no configuration."""
        env = {**ENVIRONMENT, **request.environment}
        commands = []
        if request.install or request.remove:
            commands.append(Command(self._argv(request), env))
        if request.purge:
            purge = Request(remove=request.purge, lock_timeout=request.lock_timeout)
            options = self._options(purge)
            commands.append(Command(("apt-get", "purge", *options, "--", *request.purge), env))
        return commands

    def configuration_files(self, name: str) -> list[str]:
        """dpkg's conffiles; what maintainer scripts remove beyond them is not known to anybody."""
        answer = self.host.run(["dpkg-query", "--show", "--showformat=${Conffiles}\\n", "--", name])
        return sorted(line.split()[0] for line in answer.out.splitlines() if line.strip().startswith("/"))

    def restoring(self, name: str, version: str, downgrade: bool) -> list[Command]:
        """The version itself while a source or the cache has it, then any."""
        options = [*self._options(Request()), "--allow-downgrades"]
        wanted = [f"{name}={version}"] if downgrade else [f"{name}={version}", name]
        return [Command(("apt-get", "install", *options, "--", spec), ENVIRONMENT) for spec in wanted]

    def _argv(self, request: Request) -> tuple[str, ...]:
        names = [*request.install, *(f"{name}-" for name in request.remove)]
        return ("apt-get", "install", *self._options(request), "--", *names)

    def _options(self, request: Request) -> list[str]:
        recommends = "--install-recommends" if request.recommends else "--no-install-recommends"
        lock = ("-o", f"DPkg::Lock::Timeout={request.lock_timeout}")
        # Nothing is removed that the simulation did not announce, even where sources changed since.
        no_remove = [] if request.remove else ["--no-remove"]
        cached = ["--no-download"] if request.offline else []
        return ["--yes", "--quiet", "--no-auto-remove", *no_remove, *cached, recommends, *lock, *KEEP_CONFIGURATION]
