# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end `config_tree`: a set of files becomes one transaction; failures come in the program's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import tree_rules
from .changes import Reload, Step, Validator
from .host import Host
from .module_args import NO_SCOPE, problems, transaction
from .probes import BadProbe, probe
from .proofs import Proof, Rewinding, proof
from .transaction import Outcome, Refused
from .tree import Masker, Planner, Tree, TreeFile, TreePlan
from .tree_archive import BadArchive, unpack
from .tree_manifest import BadManifest, location

MODULE = "config_tree"
ACTIONS = ("reload", "restart", "reload-or-restart", "try-restart")


@dataclass
class Answer:
    """What the module returns; where `error` stands, the host is as it was before."""

    values: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    error: str = ""
    warnings: list[str] = field(default_factory=list)


class LogMark(Proof):
    """Proves nothing; remembers where a unit's log ended before its reload, for the words of a reload that fails."""

    def __init__(self, unit: str) -> None:
        super().__init__(unit, 0)

    def remember(self, host: Host) -> None:
        self.log.mark(host)

    def ask(self, host: Host) -> str:
        return ""


class ConfigTree:
    """One call of the module."""

    def __init__(self, options: Mapping[str, Any], check_mode: bool, host: Host | None = None) -> None:
        self.options = options
        self.check_mode = check_mode
        self.host = host or Host()
        self.ids = tree_rules.Ids()
        self.plan = TreePlan()

    def serve(self) -> Answer:
        """Deploy, or predict. Refusals come before anything is touched."""
        try:
            self.tree = self._tree()
            self.manifest = location(self.tree.state_dir, self.tree.scope, self.tree.roots)
            self._check_tree()
            self.reloads = [read_reload(item) for item in self.options["reload"]]
            self.validators = [Validator(tuple(argv)) for argv in read_validators(self.options["validate"])]
            self.proofs = [proof(item) for item in self.options["proof"]]
            probes = [Rewinding(probe(item), self.proofs) for item in self.options["probe"]]
            self.logs = [LogMark(unit) for unit in dict.fromkeys(reload.unit for reload in self.reloads) if unit]
            self.rewinding = [Rewinding(item, self.proofs) for item in self.proofs]
            proofs: list[Proof | Rewinding] = [*self.logs, *self.rewinding]
            outcome = transaction(self.options, MODULE, self.check_mode, self.host).run(
                self._steps, atomic=True, probes=probes, proofs=proofs
            )
        except (tree_rules.BadTree, BadArchive, BadManifest, BadProbe, Refused) as refusal:
            return Answer(error=str(refusal))
        return self._answer(outcome)

    def _tree(self) -> Tree:
        given = self.options["files"]
        contents = unpack(self.options["archive"], len(given)) if given else []
        files = [read_file(item, content) for item, content in zip(given, contents)]
        return Tree(
            roots=self.options["roots"],
            files=files,
            scope=self.options.get("scope") or NO_SCOPE,
            state_dir=self.options["state_dir"],
            absent=self.options["absent"],
            prune=self.options["prune"],
            directory_mode=tree_rules.parse_mode("directory_mode", self.options["directory_mode"]) or 0o755,
        )

    def _check_tree(self) -> None:
        found = [*problems(self.options), *tree_rules.problems(self.tree)]
        if found:
            raise tree_rules.BadTree(found)

    def _steps(self) -> list[Step]:
        """Read the host and plan. The transaction calls this again where the host changed meanwhile."""
        found = tree_rules.host_problems(self.tree, self.host)
        self.plan = Planner(self.tree, self.host, self.ids).plan()
        if not self.check_mode:
            found += [
                f"files: {name} is unknown on this host; allowed is one that exists." for name in self.ids.unknown
            ]
        if found:
            raise tree_rules.BadTree(found)
        return self.plan.steps(self.validators, self.reloads, access=self.options.get("confirm") is not None)

    def _answer(self, outcome: Outcome) -> Answer:
        warnings, error = list(outcome.warnings), self._failure(outcome)
        stands = outcome.changed and not error
        values: dict[str, Any] = {
            "run": outcome.run,
            "changed_files": self.plan.changed_files if stands else [],
            "removed": self.plan.removed if stands else [],
            "pruned": self.plan.pruned if stands else [],
            "adopted": self.plan.adopted if stands else [],
            "reloaded": outcome.reloaded,
            "recovered": outcome.recovered,
            "diff": [each for each in outcome.diff if not each["after_header"].startswith(self.manifest)],
            "assumed": self._assumptions() if self.check_mode else [],
        }
        if outcome.record:
            values["record"] = outcome.record
        if outcome.armed:
            values["armed"] = outcome.armed
        return Answer(values, stands or bool(outcome.recovered), error, warnings)

    def _failure(self, outcome: Outcome) -> str:
        failed = next((step for step in outcome.steps if not step.ok), None)
        if failed is None:
            return ""
        words = failed.error
        if failed.phase == "reload" and outcome.reloaded and not any(each.failed for each in self.rewinding):
            # The reload itself failed; a proof quotes the log by itself.
            words += "".join(
                f"\n{log}" for mark in self.logs if (log := mark.log.since(self.host)) and log not in words
            )
        return Masker(self.tree.files).mask(f"{sentence(failed.phase, self.check_mode)} {words}")

    def _assumptions(self) -> list[str]:
        found = [f"the directory {root} is not there yet" for root in self.plan.missing_roots]
        return found + [f"the {name} is not there yet" for name in self.ids.unknown]


def sentence(phase: str, check_mode: bool) -> str:
    """What a failure in this phase means for the host."""
    if check_mode:
        return f"A real run would change nothing, because of {phase}:"
    if phase in ("plan", "validate"):
        return f"Refused, and everything is as it was before ({phase}):"
    return f"Everything was put back, because of {phase}:"


def read_file(item: Mapping[str, Any], content: bytes) -> TreeFile:
    """One element of option `files`, with its content from the archive."""
    mode = tree_rules.parse_mode(f"files: mode of {item['path']}", item.get("mode"))
    words = tuple(str(word) for word in item.get("secret_words") or ())
    owner, group = item.get("owner"), item.get("group")
    secret, once = bool(item.get("secret")), bool(item.get("once"))
    return TreeFile(item["path"], content, mode, owner, group, secret, words, once)


def read_reload(item: Mapping[str, Any]) -> Reload:
    """One element of option `reload`."""
    argv, unit, action = item.get("argv"), item.get("unit"), item.get("action") or "reload"
    if bool(argv) == bool(unit):
        raise tree_rules.BadTree([f"reload is {dict(item)!r}; allowed is exactly one of argv and unit."])
    if argv:
        return Reload(tuple(argv))
    return Reload(("systemctl", action, "--", str(unit)), unit=str(unit))


def read_validators(items: Sequence[Any]) -> list[list[str]]:
    """Option `validate`: argument vectors, never a shell's line."""
    for item in items:
        if not isinstance(item, (list, tuple)) or not item or not all(isinstance(word, str) for word in item):
            allowed = "a list of argument vectors, like [[nginx, -t]]"
            raise tree_rules.BadTree([f"validate: {item!r} is no argument vector; allowed is {allowed}."])
    return [list(item) for item in items]
