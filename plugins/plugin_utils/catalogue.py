# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues of controls on the controller: read once per run, reduced to what one host needs, prose joined on return.

Nothing here is templated. A catalogue is parsed once and kept as JSON in Ansible's own temporary directory of the run,
which all forks share: a fork that parsed for itself would lose its work with its process.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.evenkeel.ops.plugins.module_utils import controls_input
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.spec import did_you_mean
from ansible_collections.evenkeel.ops.plugins.plugin_utils import value_ranges
from ansible_collections.evenkeel.ops.plugins.plugin_utils.remedies import remedy
from ansible_collections.evenkeel.ops.plugins.plugin_utils.waivers import read as read_waiver

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TOLD = ("title", "why", "refs", "area", "profiles", "risk")


class CatalogueError(Exception):
    """Input that is refused before a host is touched: one sentence per fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(". ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Wishes:
    """What a task says about its catalogue."""

    profile: str | None = None
    areas: Sequence[str] | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    disabled: Sequence[str] = ()
    waivers: Sequence[Mapping[str, Any]] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Selection:
    """What goes to a host, and what comes back to its results."""

    controls: list[dict[str, Any]]
    # Controls of other areas, and the ids that they had before: their settings stay as they are.
    keep: list[str]
    waived: dict[str, str]
    prose: dict[str, dict[str, Any]]

    @property
    def secrets(self) -> dict[str, Any]:
        """The values of secret controls, by id and state key; they travel apart from the controls."""
        return {c["id"]: _values(c) for c in self.controls if c.get("secret")}

    @property
    def public(self) -> list[dict[str, Any]]:
        """The controls without the values of secret ones."""
        return [_without_values(c) if c.get("secret") else c for c in self.controls]


def load(paths: Iterable[str], cache: str | None = None) -> list[dict[str, Any]]:
    """The controls of these files (of a directory: all its .yml, sorted) with their area, which is the file's name."""
    files = [file for path in paths for file in _files(Path(path))]
    store = _cache_file(files, cache)
    if store and store.exists():
        kept: list[dict[str, Any]] = json.loads(store.read_bytes())
        return kept
    controls = [control for file in files for control in _parse(file)]
    problems = _twice(controls)
    if problems:
        raise CatalogueError(problems)
    if store:
        _keep(store, controls)
    return controls


def select(catalogue: Sequence[Mapping[str, Any]], wishes: Wishes, today: datetime.date) -> Selection:
    """What a host gets. CatalogueError names each unknown name, bad waiver and control that cannot be carried out."""
    names = Names(catalogue, wishes.aliases)
    problems = [*names.problems, *_unknown(catalogue, wishes)]
    overrides, wrong = names.resolve_keys("overrides", wishes.overrides or {})
    disabled, also_wrong = names.resolve("disabled", wishes.disabled or ())
    waived, bad_waivers = read_waivers(wishes.waivers or (), names, today)
    problems += [*wrong, *also_wrong, *bad_waivers, *_out_of_range(catalogue, overrides)]
    left_out = {*disabled, *(c["id"] for c in catalogue if c.get("on_request") and c["id"] not in overrides)}
    active = [c for c in catalogue if c["id"] not in left_out and _in_profile(c, wishes.profile)]
    here = [c for c in active if wishes.areas is None or c.get("area") in wishes.areas]
    elsewhere = [c for c in active if c not in here] if wishes.areas is not None else []
    asked = [c for c in here if c["id"] not in waived]
    controls, faults = _reduced(asked, overrides)
    problems += faults
    if not problems:
        problems += _refused(controls)
    if problems:
        raise CatalogueError(problems)
    keep = [name for c in elsewhere for name in (c["id"], *(c.get("aliases") or ()))]
    prose = {c["id"]: {key: c[key] for key in TOLD if key in c} for c in here}
    for control in [*here, *controls]:
        # What an override says wins, and comes last.
        prose[control["id"]]["remedy"] = remedy(control)
    return Selection(controls, keep, {c["id"]: waived[c["id"]] for c in here if c["id"] in waived}, prose)


class Names:
    """The ids of a catalogue, present and former."""

    def __init__(self, catalogue: Sequence[Mapping[str, Any]], aliases: Mapping[str, str] | None) -> None:
        self.ids = {control["id"] for control in catalogue}
        self.problems: list[str] = []
        self._former: dict[str, str] = {}
        for control in catalogue:
            for old in control.get("aliases") or ():
                self._add(str(old), control["id"], f"control {control['id']}.aliases")
        for old, new in (aliases or {}).items():
            if new not in self.ids:
                self.problems.append(f"aliases.{old} is {new!r}: there is no such control{did_you_mean(new, self.ids)}")
            else:
                self._add(str(old), str(new), "aliases")

    def _add(self, old: str, new: str, where: str) -> None:
        if old in self.ids or self._former.get(old, new) != new:
            self.problems.append(f"{where} has {old!r}: allowed are ids that no control has now or had before")
        self._former[old] = new

    def resolve(self, where: str, wanted: Iterable[Any]) -> tuple[list[str], list[str]]:
        """Present ids for these names, and a sentence for each that is unknown."""
        found, problems = [], []
        for name in map(str, wanted):
            present = self._former.get(name, name)
            if present in self.ids:
                found.append(present)
            else:
                hint = did_you_mean(name, self.ids)
                problems.append(f"{where} names {name!r}: allowed are ids of the catalogue's controls{hint}")
        return found, problems

    def resolve_keys(self, where: str, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The same for the keys of a mapping."""
        found, problems = {}, []
        for name, value in wanted.items():
            present, wrong = self.resolve(where, [name])
            found.update(dict.fromkeys(present, value))
            problems += wrong
        return found, problems


def read_waivers(waivers: Sequence[Any], names: Names, today: datetime.date) -> tuple[dict[str, str], list[str]]:
    """The reason to show per waived id, and what is wrong: a waiver is known, owned, reasoned and not expired."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for number, given in enumerate(waivers):
        where = f"waivers[{number}]"
        waiver, wrong = read_waiver(where, given, "expires")
        problems += wrong
        if waiver is None:
            continue
        ids, unknown = names.resolve(f"{where}.id", [waiver.id])
        problems += unknown
        if waiver.expired(today):
            problems.append(
                f"{where} ({waiver.id}, owner {waiver.owner}) expired on {waiver.until}:"
                " allowed is a date from today on; renew the waiver or take it out"
            )
        found.update(dict.fromkeys(ids, str(waiver)))
    return found, problems


def join(results: Sequence[dict[str, Any]], prose: Mapping[str, Mapping[str, Any]], wanted: Iterable[str]) -> None:
    """Put title, why, refs, area, profiles and remedy to the results of the wanted statuses."""
    statuses = set(wanted)
    for result in results:
        if result.get("status") in statuses:
            result.update(prose.get(result.get("id", ""), {}))


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.yml")) if path.is_dir() else [path]


def _cache_file(files: Sequence[Path], cache: str | None) -> Path | None:
    if not cache or not all(file.exists() for file in files):
        return None
    seen = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    return Path(cache, f"evenkeel-catalogue-{hashlib.sha256(repr(seen).encode()).hexdigest()[:32]}.json")


def _keep(store: Path, controls: Sequence[Mapping[str, Any]]) -> None:
    """Whole or not at all: other forks may be reading."""
    descriptor, name = tempfile.mkstemp(dir=store.parent, prefix=".evenkeel-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(controls, stream)
    Path(name).replace(store)


def _parse(file: Path) -> list[dict[str, Any]]:
    try:
        loaded = yaml.load(file.read_bytes(), Loader=LOADER)  # noqa: S506 - LOADER is a safe loader, the C one if there
    except OSError as error:
        raise CatalogueError([f"catalogue {file}: {error.strerror}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError([f"catalogue {file} is no YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(loaded, list):
        raise CatalogueError([f"catalogue {file} is a {type(loaded).__name__}: allowed is a list of controls"])
    bad = [
        number
        for number, item in enumerate(loaded)
        if not isinstance(item, dict) or not isinstance(item.get("id"), str)
    ]
    if bad:
        raise CatalogueError([f"catalogue {file}: control number {bad[0] + 1} has no id: needed is a text"])
    return [{**_plain(control), "area": file.stem} for control in loaded]


def _plain(value: Any) -> Any:
    """Dates, which YAML reads by itself, as text: JSON has none."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.datetime)) else value


def _twice(controls: Sequence[Mapping[str, Any]]) -> list[str]:
    seen: dict[str, str] = {}
    problems = []
    for control in controls:
        name, area = control["id"], control["area"]
        if name in seen:
            problems.append(f"control {name} is given twice, in {seen[name]} and {area}: allowed is one per id")
        seen[name] = area
    return problems


def _unknown(catalogue: Sequence[Mapping[str, Any]], wishes: Wishes) -> list[str]:
    profiles = {str(profile) for control in catalogue for profile in control.get("profiles") or ()}
    areas = {str(control.get("area")) for control in catalogue}
    problems = []
    if wishes.profile is not None and wishes.profile not in profiles:
        hint = did_you_mean(wishes.profile, profiles)
        problems.append(f"profile is {wishes.profile!r}: allowed are {', '.join(sorted(profiles)) or 'none'}{hint}")
    for area in wishes.areas or ():
        if area not in areas:
            problems.append(f"areas names {area!r}: allowed are {', '.join(sorted(areas))}{did_you_mean(area, areas)}")
    return problems


def _in_profile(control: Mapping[str, Any], profile: str | None) -> bool:
    return profile is None or not control.get("profiles") or profile in control["profiles"]


def _reduced(
    asked: Sequence[Mapping[str, Any]], overrides: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Controls without prose, with their overrides; a plain value overrides `value`."""
    controls, problems = [], []
    for control in asked:
        kept = {key: value for key, value in control.items() if key not in controls_input.PROSE and key != "area"}
        if control["id"] in overrides:
            key = next((each for each in kept if each in PROVIDERS), None)
            if key is None or not isinstance(kept[key], Mapping):
                problems.append(f"control {control['id']} has no state key that overrides could change")
                continue
            kept[key] = {**kept[key], **_options(overrides[control["id"]])}
        controls.append(kept)
    return controls, problems


def _options(override: Any) -> Mapping[str, Any]:
    """What an override says of a control's state; a plain value stands for `value`."""
    return override if isinstance(override, Mapping) else {"value": override}


def _out_of_range(catalogue: Sequence[Mapping[str, Any]], overrides: Mapping[str, Any]) -> list[str]:
    """Values that a control does not allow, also of controls that another profile has."""
    problems = []
    for control in catalogue if overrides else ():
        value = _options(overrides.get(control["id"])).get("value")
        if value is not None and "allowed" in control:
            problems += value_ranges.problems(control, value)
    return problems


def _refused(controls: Sequence[Mapping[str, Any]]) -> list[str]:
    try:
        controls_input.read(controls)
    except controls_input.BadInput as bad:
        return bad.problems
    return []


def _values(control: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {name: value for name, value in control[key].items() if PROVIDERS[key].spec[name].get("type") == "raw"}
        for key in control
        if key in PROVIDERS
    }


def _without_values(control: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {name: item for name, item in value.items() if PROVIDERS[key].spec[name].get("type") != "raw"}
        if key in PROVIDERS
        else value
        for key, value in control.items()
    }
