# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which updates of packages wait on a host, asked without a lock and without refreshing anything."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

Command = Callable[[Sequence[str]], "tuple[int, str, str]"]

APT = [
    "apt-get",
    "--simulate",
    "--quiet",
    "--option=Debug::NoLocking=true",
    # As root even a simulation would write its caches and logs.
    "--option=Dir::Cache::pkgcache=",
    "--option=Dir::Cache::srcpkgcache=",
    "--option=Dir::Log::Planner=",
    "--option=Dir::Log::Solver=",
    "dist-upgrade",
]
APT_INSTALL = re.compile(
    r"^Inst (?P<name>\S+)(?: \[(?P<old>[^\]]*)\])? \((?P<new>\S+) (?P<origins>.*?)(?: \[[^\]]*\])?\)"
)
DNF = ["dnf", "--cacheonly", "--quiet"]
DNF_UPDATES_WAIT = 100
DNF_PACKAGE = re.compile(r"^(?P<name>[^\s.]\S*)\.(?P<arch>\w+)\s+(?P<new>\S+)\s+\S+$")
NEVRA = re.compile(r"(?P<name>\S+)-[^-\s]+-[^-\s]+\.\w+$")


@dataclass(frozen=True)
class Update:
    """A package that would be upgraded or newly installed."""

    name: str
    installed: str | None
    candidate: str
    security: bool | None


class UpdatesUnknown(Exception):
    """The package manager would not say; the message is its own."""


def parse_apt(output: str) -> list[Update]:
    """Read the simulation of `apt-get dist-upgrade`; a package from a security pocket is a security update."""
    matches = (APT_INSTALL.match(line) for line in output.splitlines())
    return [
        Update(match["name"], match["old"], match["new"], "security" in match["origins"].lower())
        for match in matches
        if match
    ]


def parse_dnf(output: str, security_output: str | None) -> list[Update]:
    """Read `dnf check-update`, and `dnf updateinfo list` for security where it answered."""
    current = output.split("\nObsoleting Packages")[0]
    advised = None if security_output is None else _advised_names(security_output)
    return [
        Update(match["name"], None, match["new"], None if advised is None else match["name"] in advised)
        for match in map(DNF_PACKAGE.match, current.splitlines())
        if match
    ]


def _advised_names(output: str) -> set[str]:
    last_words = (line.split()[-1] for line in output.splitlines() if line.strip())
    return {match["name"] for match in map(NEVRA.match, last_words) if match}


def ask_apt(command: Command) -> list[Update]:
    """Simulate an upgrade with apt."""
    rc, out, err = command(APT)
    if rc != 0:
        raise UpdatesUnknown(f"apt-get: {(err or out).strip()}")
    return parse_apt(out)


def ask_dnf(command: Command) -> list[Update]:
    """Ask dnf, from its cache only."""
    rc, out, err = command([*DNF, "check-update"])
    if rc not in (0, DNF_UPDATES_WAIT):
        raise UpdatesUnknown(f"dnf: {(err or out).strip()}")
    security_rc, security = command([*DNF, "updateinfo", "list", "--security"])[:2]
    return parse_dnf(out, security if security_rc == 0 else None)


def summarize(updates: Iterable[Update]) -> dict[str, object]:
    """Count updates, and those for security where that is known."""
    listed = sorted(updates, key=lambda update: update.name)
    known = all(update.security is not None for update in listed)
    return {
        "count": len(listed),
        "security_count": sum(bool(update.security) for update in listed) if known else None,
        "packages": [asdict(update) for update in listed],
    }


def newest_mtime(directory: str) -> float | None:
    """Tell when the newest file of a directory was written; None when there is none."""
    try:
        with os.scandir(directory) as entries:
            return max((entry.stat().st_mtime for entry in entries if entry.is_file()), default=None)
    except OSError:
        return None


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text) if part]


def reboot_reasons(running_kernel: str, kernels: Sequence[str], marked: bool, packages: Sequence[str]) -> list[str]:
    """Say why a reboot is due: the distribution's mark, or a newer kernel than the one that runs.

    `kernels` are the releases of the kernel images in /boot; none are there in a container.
    """
    reasons = []
    if marked:
        reasons.append(f"asked for by {', '.join(packages)}" if packages else "asked for by the package manager")
    newest = max(kernels, key=_natural, default=running_kernel)
    if running_kernel in kernels and newest != running_kernel:
        reasons.append(f"kernel {newest} is installed, {running_kernel} runs")
    return reasons


def host_reboot_reasons(root: str, running_kernel: str) -> list[str]:
    """Why a reboot of the host below `root` is due."""
    boot, mark = os.path.join(root, "boot"), os.path.join(root, "run/reboot-required")
    images = [name for name in os.listdir(boot) if name.startswith("vmlinuz-")] if os.path.isdir(boot) else []
    packages: set[str] = set()
    if os.path.exists(f"{mark}.pkgs"):
        with open(f"{mark}.pkgs", encoding="utf-8", errors="replace") as source:
            packages = set(source.read().split())
    kernels = [name[len("vmlinuz-") :] for name in images]
    return reboot_reasons(running_kernel, kernels, os.path.exists(mark), sorted(packages))
