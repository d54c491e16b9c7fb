# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first task of a play: all inputs of all its roles are right, or the play ends before any host is touched."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.role.include import RoleInclude
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.evenkeel.ops.plugins.plugin_utils import inputs, receipt
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_specs import (
    RoleSpec,
    included_names,
    load_entry_points,
    owner_of,
    roles_of_play,
)

OWN = "evenkeel.ops"
CHECKS = "ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs."
VAULTED = ("AnsibleVaultEncryptedUnicode", "EncryptedString")
NO_RECEIPT = (
    "evenkeel_receipt_required is true, but the receipt callback is not active or cannot write; turn it on with "
    "`callbacks_enabled = evenkeel.ops.receipt` in section [defaults] of ansible.cfg, or with "
    "ANSIBLE_CALLBACKS_ENABLED=evenkeel.ops.receipt in the environment."
)


class ActionModule(ActionBase):
    """Runs on the controller only; no connection is made."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    # The engine's options come from `module_defaults` of the action group, and mean nothing here.
    _VALID_ARGS = frozenset({"roles", "state_dir", "retention"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Collect every problem of every role into one report."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        roles = [*self._roles()]
        problems = [NO_RECEIPT] if self._misses_receipt() else []
        for role in roles:
            problems += self._problems(role, roles)
        result.update(changed=False, roles=[role.name for role in roles])
        if problems:
            few = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            result["failed"] = True
            result["msg"] = "\n".join([f"Inputs are refused, {few}; nothing was touched:", *problems])
        return result

    # Which roles -------------------------------------------------------------------------------------------------

    def _roles(self) -> Iterator[RoleSpec]:
        named = self._task.args.get("roles")
        if named is not None and (not isinstance(named, list) or not all(isinstance(name, str) for name in named)):
            raise AnsibleActionFail(f"roles is {named!r}; allowed is a list of role names, or nothing for all roles.")
        play = self._task.get_play()
        listed = {role.get_name(): role for role in roles_of_play(play)}
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
        play = self._task.get_play()
        try:
            found = RoleInclude.load(
                name,
                play=play,
                variable_manager=None,
                loader=self._loader,
                collection_list=[*(self._task.collections or []), OWN],
            )
        except AnsibleError as error:
            raise AnsibleActionFail(f"roles has {name!r}, which cannot be found: {error}") from error
        return found.get_role_path(), found._role_collection or "", name.rpartition(".")[2]

    # What is wrong -----------------------------------------------------------------------------------------------

    def _problems(self, role: RoleSpec, roles: list[RoleSpec]) -> list[str]:
        raw = self._raw_values(role)
        values, found = self._template(role, raw)
        found += [inputs.missing(name, role.options[name]) for name in role.required if name not in raw]
        found += inputs.problems(role.options, values)
        found += self._unknown(role, roles, raw)
        hidden = inputs.secrets(role.options, values)
        hidden |= {str(values[name]) for name in values if type(raw[name]).__name__ in VAULTED}
        if not found:
            # Contradictions are only looked for where every value is of its type.
            found = self._contradictions(role, values)
        return inputs.mask(found, hidden)

    def _raw_values(self, role: RoleSpec) -> dict[str, Any]:
        """What is set for the role, not yet templated: extra vars win over what the play gives to the role."""
        extra = load_extra_vars(self._loader)
        return {**self.task_vars, **role.given, **extra}

    def _template(self, role: RoleSpec, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        templar = self._templar.copy_with_new_env(available_variables=dict(raw))
        values, found = {}, []
        for name in role.options:
            if name not in raw:
                continue
            try:
                values[name] = templar.template(raw[name])
            except AnsibleError as error:
                found.append(f"{name} cannot be templated: {error}")
        return values, found

    def _unknown(self, role: RoleSpec, roles: list[RoleSpec], raw: Mapping[str, Any]) -> list[str]:
        names = {each.name for each in roles} | self._siblings(role)
        made = self._made_by_tasks()
        found = []
        for name in sorted(raw):
            if owner_of(name, names) != role.name or name in role.options or name in made:
                continue
            found.append(inputs.unknown(name, role.name, role.options))
        return found

    def _siblings(self, role: RoleSpec) -> set[str]:
        """Other roles of the same collection: `vault_agent_x` is not the role vault's."""
        own = Path(__file__).resolve().parents[2] / "roles"
        return {path.name for path in own.iterdir()} if role.collection == OWN and own.is_dir() else set()

    def _made_by_tasks(self) -> set[str]:
        """Names that tasks registered or set: they are nobody's inputs."""
        manager = getattr(self.task_vars.get("hostvars"), "_variable_manager", None)
        cache = getattr(manager, "_nonpersistent_fact_cache", None) or {}
        return set(cache.get(self.task_vars.get("inventory_hostname"), {}))

    @staticmethod
    def _contradictions(role: RoleSpec, values: Mapping[str, Any]) -> list[str]:
        if role.collection != OWN:
            return []
        name = CHECKS + role.name
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            return []
        found: list[str] = module.problems(values)
        return found

    def _misses_receipt(self) -> bool:
        required = self._templar.template(self.task_vars.get("evenkeel_receipt_required", False))
        return boolean(required, strict=False) and not receipt.ACTIVE.path


def _where(role: Any) -> tuple[str, str, str]:
    return role.get_role_path(), role._role_collection or "", role.get_name().rpartition(".")[2]
