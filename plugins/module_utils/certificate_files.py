# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts verified certificates where servers read them, as one transaction: all, or as before.

Without the controller the same code takes over what changed on the host (certificates_main).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import certificate_metrics, tree_rules, zipapp_maker
from .certificate_pair import DAY, BadCertificate, Pair, moment
from .certificate_probe import HandshakeProbe
from .certificate_sources import ON_THE_HOST, Found, NotThere, Reader
from .changes import Reload, Step
from .host import Host
from .module_args import transaction
from .transaction import Outcome, Refused
from .tree import Planner, Tree, TreeFile

MODULE = "certificate_files"
PROGRAM = "/usr/local/lib/evenkeel/certificates.pyz"
SETTINGS = "/etc/evenkeel/certificates.json"
METRICS = "evenkeel_certificates.prom"
# The role's unit that starts the program.
UNIT = "/etc/systemd/system/evenkeel-certificates.service"
# What the program on the host needs to know of each certificate; no contents.
TOLD = ("name", "source", "directory", "certificate_name", "key_name", "chain_name", "names", "probe")


@dataclass
class Answer:
    """What a call returns; where `error` stands, the host is as it was before."""

    values: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    error: str = ""
    warnings: list[str] = field(default_factory=list)


class CertificateFiles:
    """One call. `whole`: these are all certificates, and others that were put here before are removed."""

    def __init__(self, options: Mapping[str, Any], check_mode: bool, host: Host | None = None, whole: bool = True):
        self.options = options
        self.check_mode = check_mode
        self.whole = whole
        self.host = host or Host()
        self.reader = Reader(self.host, options["directory"])
        self.found: dict[str, Found] = {}
        self.missing: list[str] = []
        self.planners: list[Planner] = []

    def serve(self) -> Answer:
        """Verify, install, tell. Refusals come before anything is touched."""
        if self.options["certificates"] and not self.host.has("openssl"):
            return self._without_openssl()
        problems = self._verify()
        if problems:
            return Answer(error="\n".join(problems))
        try:
            outcome = transaction(self.options, MODULE, self.check_mode, self.host).run(
                self._steps, atomic=True, probes=self._probes()
            )
        except (Refused, tree_rules.BadTree) as refusal:
            return Answer(error=str(refusal))
        return self._answer(outcome)

    def _without_openssl(self) -> Answer:
        words = "the program openssl, which verifies certificates, is not installed"
        if self.check_mode:
            return Answer(
                {"certificates": [], "watched": False}, changed=True, warnings=[f"Not verified: {words} yet."]
            )
        return Answer(error=f"{words}; allowed is a host with the package openssl.")

    def _verify(self) -> list[str]:
        """Every problem of every certificate, so that one run shows them all."""
        problems = []
        for item in self.options["certificates"]:
            try:
                self.found[item["name"]] = self.reader.pair(item)
            except NotThere as absence:
                if self.check_mode:
                    self.missing.append(str(absence))
                else:
                    problems.append(str(absence))
            except BadCertificate as refusal:
                problems.append(str(refusal))
        return problems

    # --- what shall be there ---

    def _steps(self) -> list[Step]:
        trees = [(self._certificates(), self._reloads())]
        if self.whole:
            trees.append((self._takeover(), []))
        if self.options["metrics_dir"]:
            trees.append((self._metrics(), []))
        self.planners, steps = [], []
        made: set[str] = set()
        for tree, reloads in trees:
            problems = tree_rules.problems(tree) + tree_rules.host_problems(tree, self.host)
            if problems:
                raise tree_rules.BadTree(problems)
            planner = Planner(tree, self.host, tree_rules.Ids())
            # A directory that two trees need is made once.
            planner.made = made
            steps += planner.plan().steps([], reloads, access=False)
            self.planners.append(planner)
        return steps

    def _tree(self, roots: Sequence[str], files: Sequence[TreeFile], prune: bool) -> Tree:
        return Tree(roots, files, self.options.get("scope") or "play", self.options["state_dir"], prune=prune)

    def _certificates(self) -> Tree:
        files = []
        for name, found in self.found.items():
            place = os.path.join(self.options["directory"], name)
            files += [
                TreeFile(f"{place}/fullchain.pem", found.pair.fullchain, 0o644, "0", "0"),
                TreeFile(f"{place}/privkey.pem", found.pair.key, 0o600, "0", "0", secret=True),
                TreeFile(f"{place}/combined.pem", found.pair.combined, 0o600, "0", "0", secret=True),
            ]
        return self._tree([self.options["directory"]], files, prune=self.whole and not self.missing)

    def _takeover(self) -> Tree:
        """The program that goes on without the controller, and what it has to know."""
        wanted = [item for item in self.options["certificates"] if item["source"] in ON_THE_HOST]
        files = [TreeFile(PROGRAM, program(), 0o644), TreeFile(SETTINGS, self._settings(), 0o644)] if wanted else []
        return self._tree([os.path.dirname(PROGRAM), os.path.dirname(SETTINGS)], files, prune=True)

    def _settings(self) -> bytes:
        told = {
            "certificates": [
                {key: item[key] for key in TOLD if item.get(key) is not None} for item in self.options["certificates"]
            ],
            **{key: self.options[key] for key in ("directory", "reload", "warn_days", "metrics_dir", "state_dir")},
            "scope": self.options.get("scope"),
        }
        return (json.dumps(told, indent=2, sort_keys=True) + "\n").encode("utf-8")

    def _metrics(self) -> Tree:
        directory = self.options["metrics_dir"]
        pairs = {name: (self._source(name), found.pair.leaf) for name, found in self.found.items()}
        for name, source in (self.options.get("others") or {}).items():
            try:
                pairs.setdefault(name, (source, self.reader.installed(name).leaf))
            except BadCertificate:
                # What is not there or not good any more is somebody else's message.
                continue
        content = certificate_metrics.render(pairs).encode("utf-8")
        return self._tree([directory], [TreeFile(f"{directory}/{METRICS}", content, 0o644)], prune=True)

    def _source(self, name: str) -> str:
        return next(str(item["source"]) for item in self.options["certificates"] if item["name"] == name)

    def _reloads(self) -> list[Reload]:
        return [Reload(("systemctl", "reload", "--", unit), unit) for unit in self.options["reload"]]

    def _probes(self) -> list[HandshakeProbe]:
        """Where another certificate was served before, the new one has to be shown now."""
        probes = []
        for item in self.options["certificates"]:
            found = self.found.get(item["name"])
            if not item.get("probe") or found is None:
                continue
            try:
                before: Pair | None = self.reader.installed(item["name"])
            except NotThere:
                continue
            except BadCertificate:
                before = None
            if before is None or before.leaf.sha256 != found.pair.leaf.sha256:
                probes.append(HandshakeProbe(item["name"], item["probe"], found.pair.leaf, self.options["reload"]))
        return probes

    # --- what to tell ---

    def _answer(self, outcome: Outcome) -> Answer:
        failed = next((step for step in outcome.steps if not step.ok), None)
        manifests = [planner.kept_at for planner in self.planners]
        values: dict[str, Any] = {
            "run": outcome.run,
            "certificates": [self._told(item) for item in self.options["certificates"] if item["name"] in self.found],
            "watched": self.host.fs.exists(self.host.path(UNIT)),
            "removed": [path for planner in self.planners[:1] for path in planner.result.pruned],
            "reloaded": outcome.reloaded,
            "diff": [each for each in outcome.diff if not each["after_header"].startswith(tuple(manifests))],
        }
        if outcome.record:
            values["record"] = outcome.record
        warnings = [*outcome.warnings, *self._expiring(values["certificates"]), *self._absent()]
        error = f"Everything was put back, because of {failed.phase}: {failed.error}" if failed else ""
        changed = bool(outcome.recovered) or (outcome.changed and not failed) or bool(self.missing)
        return Answer(values, changed, error, warnings)

    def _told(self, item: Mapping[str, Any]) -> dict[str, Any]:
        found = self.found[item["name"]]
        leaf = found.pair.leaf
        place = os.path.join(self.options["directory"], item["name"])
        return {
            "name": item["name"],
            "source": item["source"],
            "serial": leaf.serial,
            "sha256": leaf.sha256,
            "names": list(leaf.names),
            "not_after": moment(leaf.not_after),
            "days_left": int((leaf.not_after - self.reader.now) // DAY),
            "placeholder": found.placeholder,
            "changed": any(path.startswith(f"{place}/") for path in self.planners[0].result.changed_files),
        }

    def _expiring(self, certificates: Sequence[Mapping[str, Any]]) -> list[str]:
        return [
            f"The certificate {each['name']!r} expires on {each['not_after']}, in {each['days_left']} days."
            for each in certificates
            if each["days_left"] < self.options["warn_days"] and not each["placeholder"]
        ]

    def _absent(self) -> list[str]:
        return [f"A real run would be refused as things are: {words}" for words in self.missing]


def program() -> bytes:
    """The program that takes over what changed on the host."""
    # Here, because it imports this module; and at all, so that Ansible ships it with the module.
    from . import certificates_main  # noqa: F401  # nothing of it is used in this process

    return zipapp_maker.build("certificates_main")
