# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of all roles of a play: which roles these are, and what is wrong with the values of one host."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.playbook.role.include import RoleInclude
from ansible.utils.vars import load_extra_vars
from ansible_collections.evenkeel.ops.plugins.plugin_utils import inputs
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_specs import (
    RoleSpec,
    included_names,
    load_entry_points,
    owner_of,
    roles_of_play,
)

OWN = "evenkeel.ops"
# What a run knows of itself; the rest is the host's, in each play.
OF_THE_RUN = ("hostvars", "groups", "ansible_check_mode", "ansible_diff_mode", "ansible_version", "ansible_run_tags")
VAULTED = ("AnsibleVaultEncryptedUnicode", "EncryptedString")


class PlayInputs:
    """One play. Its roles are looked up once, however many hosts are checked."""

    def __init__(
        self, play: Any, loader: Any, collections: Sequence[str] = (), named: Sequence[str] | None = None
    ) -> None:
        self.play = play
        self.loader = loader
        self.collections = [*collections, OWN]
        self.extra = load_extra_vars(loader)
        self.roles = list(self._roles(named))

    # Which roles -------------------------------------------------------------------------------------------------

    def _roles(self, named: Sequence[str] | None) -> Iterator[RoleSpec]:
        listed = {role.get_name(): role for role in roles_of_play(self.play)}
        names = named if named is not None else list(listed)
        given = {name: listed.get(name) or listed.get(f"{OWN}.{name}") for name in names}
        seen: set[str] = set()
        for name, role in given.items():
            yield from self._spec(name, role, seen)
        for role in list(given.values()):
            for name in sorted(included_names(role)) if role else ():
                yield from self._spec(name, None, seen)

    def _spec(self, name: str, role: Any, seen: set[str]) -> Iterator[RoleSpec]:
        path, collection, short = self._locate(name) if role is None else _where(role)
        if path in seen:
            return
        seen.add(path)
        entry_points = load_entry_points(path, constants.DEFAULT_LOCAL_TMP)
        if entry_points is not None:
            given = role.get_vars() if role is not None else {}
            yield RoleSpec(short, collection, entry_points, given)

    def _locate(self, name: str) -> tuple[str, str, str]:
        """The directory of a role that the play does not list."""
        try:
            found = RoleInclude.load(
                name, play=self.play, variable_manager=None, loader=self.loader, collection_list=self.collections
            )
        except AnsibleError as error:
            raise AnsibleActionFail(f"roles has {name!r}, which cannot be found: {error}") from error
        return found.get_role_path(), found._role_collection or "", name.rpartition(".")[2]

    # What is wrong -----------------------------------------------------------------------------------------------

    def problems(self, variables: Mapping[str, Any], templar: Any) -> list[str]:
        """All problems of all roles, with the variables of one host in this play, not yet templated."""
        made = _made_by_tasks(variables)
        known: dict[str, dict[str, Any]] = {}
        found = [problem for role in self.roles for problem in self._of_role(role, variables, templar, made, known)]
        # Conflicts between roles, and between hosts, are only looked for where each role by itself is right.
        return found or _conflicts(known) or self._between_hosts(known, variables, templar)

    def values(self, role: RoleSpec, variables: Mapping[str, Any], templar: Any) -> dict[str, Any]:
        """A role's inputs on one host; without those that cannot be templated, which are a problem elsewhere."""
        return _template(role, {**variables, **role.given, **self.extra}, templar)[0]

    def _between_hosts(
        self, known: Mapping[str, Mapping[str, Any]], variables: Mapping[str, Any], templar: Any
    ) -> list[str]:
        """What hosts of the play want of each other's network, also those that the run is limited without."""
        found: list[str] = []
        for role in self.roles:
            module = checks.module_of(role.name) if role.name in known else None
            if module is not None and hasattr(module, "between_hosts"):
                others, ask = self._others(role, variables, templar)
                found += module.between_hosts(str(variables["inventory_hostname"]), known[role.name], others, ask)
        return found

    def _others(self, role: RoleSpec, variables: Mapping[str, Any], templar: Any) -> tuple[dict[str, Any], Any]:
        """A role's inputs on the other hosts of the play, and what asks for any variable of any host."""
        hostvars = variables["hostvars"]
        play = templar.copy_with_new_env(available_variables=hostvars._variable_manager.get_vars(play=self.play))
        # A play that goes host by host is restricted to one of them.
        hosts = hostvars._inventory.get_hosts(
            play.template(self.play.hosts), ignore_limits=True, ignore_restrictions=True
        )
        of_run = {name: variables[name] for name in OF_THE_RUN if name in variables}
        raw = {host.name: self._variables(host, hostvars, of_run) for host in hosts}
        others = {
            name: self.values(role, raw[name], templar) for name in raw if name != variables["inventory_hostname"]
        }

        def ask(host: str, name: str) -> Any:
            return hostvars[host].get(name) if host in hostvars else None

        return others, ask

    def _variables(self, host: Any, hostvars: Any, of_run: Mapping[str, Any]) -> dict[str, Any]:
        """The variables of another host in this play, not yet templated."""
        return {**of_run, **hostvars._variable_manager.get_vars(play=self.play, host=host, include_hostvars=False)}

    def _of_role(
        self,
        role: RoleSpec,
        variables: Mapping[str, Any],
        templar: Any,
        made: set[str],
        known: dict[str, dict[str, Any]],
    ) -> list[str]:
        # Extra vars win over what the play gives to the role.
        raw = {**variables, **role.given, **self.extra}
        values, found = _template(role, raw, templar)
        found += [inputs.missing(name, role.options[name]) for name in role.required if name not in raw]
        found += inputs.problems(role.options, values)
        found += self._unknown(role, raw, made)
        hidden = inputs.secrets(role.options, values)
        hidden |= {str(values[name]) for name in values if type(raw[name]).__name__ in VAULTED}
        if not found:
            # Contradictions are only looked for where every value is of its type.
            found = _contradictions(role, {**values, **_about(role, raw)})
        if role.collection == OWN:
            known[role.name] = values
        return inputs.mask(found, hidden)

    def _unknown(self, role: RoleSpec, raw: Mapping[str, Any], made: set[str]) -> list[str]:
        names = {each.name for each in self.roles} | (_own_roles() if role.collection == OWN else set())
        return [
            inputs.unknown(name, role.name, role.options)
            for name in sorted(raw)
            if owner_of(name, names) == role.name and name not in role.options and name not in made
        ]


def _template(role: RoleSpec, raw: Mapping[str, Any], templar: Any) -> tuple[dict[str, Any], list[str]]:
    engine = templar.copy_with_new_env(available_variables=dict(raw))
    values, found = {}, []
    for name in role.options:
        if name not in raw:
            continue
        try:
            values[name] = engine.template(raw[name])
        except AnsibleError as error:
            found.append(f"{name} cannot be templated: {error}")
    return values, found


@functools.cache
def _own_roles() -> frozenset[str]:
    """All roles of this collection, read once: `vault_agent_x` is not the role vault's."""
    own = Path(__file__).resolve().parents[2] / "roles"
    return frozenset(path.name for path in own.iterdir()) if own.is_dir() else frozenset()


def _made_by_tasks(variables: Mapping[str, Any]) -> set[str]:
    """Names that tasks registered or set: they are nobody's inputs."""
    manager = getattr(variables.get("hostvars"), "_variable_manager", None)
    cache = getattr(manager, "_nonpersistent_fact_cache", None) or {}
    return set(cache.get(variables.get("inventory_hostname"), {}))


def _about(role: RoleSpec, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a role's checks may want to know beside its inputs: who the host is, and which others there are."""
    hosts = (raw.get("groups") or {}).get("all")
    return {f"__{role.name}_known_hosts": hosts, f"__{role.name}_host": raw.get("inventory_hostname")}


def _contradictions(role: RoleSpec, values: Mapping[str, Any]) -> list[str]:
    module = checks.module_of(role.name) if role.collection == OWN else None
    found: list[str] = module.problems(values) if module else []
    return found


def _conflicts(known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What roles of one play want in two ways. Each role that may be in conflict with another looks for itself."""
    found: list[str] = []
    for name, values in known.items():
        module = checks.module_of(name)
        if hasattr(module, "conflicts"):
            found += module.conflicts(values, known)
    return found


def _where(role: Any) -> tuple[str, str, str]:
    return role.get_role_path(), role._role_collection or "", role.get_name().rpartition(".")[2]
