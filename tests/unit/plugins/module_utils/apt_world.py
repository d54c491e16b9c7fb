# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with apt and dpkg that exist in memory only: packages with versions, and faults on demand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner


class AptWorld(Runner):
    """Answers as apt-get, apt-mark, apt-cache, dpkg and dpkg-query do, and remembers what it was asked to change."""

    def __init__(self, installed: Mapping[str, str], pending: Mapping[str, str], sources: Sequence[str] = ()) -> None:
        self.installed = dict(installed)
        self.pending = dict(pending)
        # name=version that a source has.
        self.sources = set(sources)
        self.security = set(pending)
        self.held: set[str] = set()
        self.automatic: set[str] = set()
        self.half_configured: set[str] = set()
        self.changing: list[tuple[str, ...]] = []
        # So many packages are upgraded before dpkg dies; none: it does not.
        self.dies_after: int | None = None
        # apt refuses before it begins.
        self.refuses = ""
        # What configuring says as long as it fails.
        self.unconfigurable = ""

    def run(
        self,
        argv: Sequence[str],
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300.0,
    ) -> Result:
        words = tuple(argv)
        if words[0] == "apt-get" and "--simulate" in words:
            return self._said(words, self._simulation(words))
        if words[0] in ("apt-get", "dpkg") and words[1] != "--print-architecture":
            self.changing.append(words)
        answers: dict[str, Any] = {
            "apt-get": self._apt_get,
            "apt-cache": self._apt_cache,
            "apt-mark": self._apt_mark,
            "dpkg": self._dpkg,
            "dpkg-query": self._dpkg_query,
        }
        return answers[words[0]](words)

    @staticmethod
    def _said(words: tuple[str, ...], out: str = "", rc: int = 0, err: str = "") -> Result:
        return Result(words, rc, out, err)

    def _pins(self, words: Sequence[str]) -> set[str]:
        path = next((word.partition("=")[2] for word in words if word.startswith("Dir::Etc::Preferences=")), "")
        return set(re.findall(r"^Package: (\S+)$", Path(path).read_text(), re.M)) if path else set()

    def _chosen(self, words: Sequence[str]) -> list[str]:
        fixed = self.held | self._pins(words)
        return sorted(name for name in self.pending if name not in fixed)

    def _simulation(self, words: Sequence[str]) -> str:
        lines = []
        for name in self._chosen(words):
            old = f" [{self.installed[name]}]" if name in self.installed else ""
            origin = "Debian-Security:12/stable-security" if name in self.security else "Debian:12/stable"
            lines.append(f"Inst {name}{old} ({self.pending[name]} {origin} [amd64])")
        return "\n".join(lines)

    def _apt_get(self, words: tuple[str, ...]) -> Result:
        if "install" in words and "--fix-broken" not in words:
            for spec in words[words.index("--") + 1 :]:
                name, _equals, version = spec.partition("=")
                self.installed[name] = version
                self.automatic.discard(name)
            return self._said(words)
        if self.refuses:
            return self._said(words, rc=100, err=f"E: {self.refuses}\n")
        if "upgrade" in words:
            for number, name in enumerate(self._chosen(words)):
                if number == self.dies_after:
                    self.half_configured.add(name)
                    self.installed[name] = self.pending.pop(name)
                    return self._said(words, rc=100, err="E: Sub-process /usr/bin/dpkg was killed\n")
                self.installed[name] = self.pending.pop(name)
        return self._said(words)

    def _apt_cache(self, words: tuple[str, ...]) -> Result:
        names = words[words.index("--") + 1 :]
        if words[1] == "policy":
            pairs = ((name, self.installed.get(name, "(none)")) for name in names)
            lines = [
                f"{name}:\n  Installed: {now}\n  Candidate: {self.pending.get(name, now)}\n" for name, now in pairs
            ]
            return self._said(words, "".join(lines))
        stanzas = [
            "Package: {}\nVersion: {}\nFilename: pool/x.deb\n".format(*spec.split("="))
            for spec in names
            if spec in self.sources
        ]
        return self._said(words, "\n".join(stanzas), rc=0 if len(stanzas) == len(names) else 100)

    def _apt_mark(self, words: tuple[str, ...]) -> Result:
        if words[1] == "showhold":
            return self._said(words, "\n".join(self.held))
        names = set(words[words.index("--") + 1 :])
        if words[1] == "showauto":
            return self._said(words, "\n".join(sorted(names & self.automatic)))
        self.automatic |= names
        return self._said(words)

    def _dpkg(self, words: tuple[str, ...]) -> Result:
        if words[1] == "--print-architecture":
            return self._said(words, "amd64\n")
        if self.unconfigurable:
            return self._said(words, rc=1, err=self.unconfigurable)
        self.half_configured.clear()
        return self._said(words)

    def _dpkg_query(self, words: tuple[str, ...]) -> Result:
        names = words[words.index("--") + 1 :] if "--" in words else sorted(self.installed)
        known = [name for name in names if name in self.installed]
        status = {name: "half-configured" if name in self.half_configured else "installed" for name in known}
        lines = [f"{name}\tamd64\t{self.installed[name]}\t{status[name]}" for name in known]
        return self._said(words, "\n".join(lines), rc=0 if len(lines) == len(names) else 1)


class AptHost(Host):
    """A host of that world; the file system is a directory."""

    def has(self, program: str) -> bool:
        return program in ("apt-get", "dpkg-query")


def apt_host(root: Path, world: AptWorld) -> AptHost:
    """A host over `root`."""
    for directory in ("etc/apt", "var/lib/dpkg/updates", "var/cache/apt/archives"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    return AptHost(root=str(root), runner=world)
