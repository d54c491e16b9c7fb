# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of all hosts in all plays of a playbook and of those that it imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.playbook import Playbook

from .play_inputs import PlayInputs
from .role_specs import RoleSpec

# A line names so many hosts; a mistake in group_vars would fill the screen otherwise.
NAMED = 5


class PlaybookInputs:
    """Reads which hosts get which roles from the playbook itself, so that no second list has to agree with it."""

    def __init__(self, path: Path, hostvars: Any, loader: Any) -> None:
        self.inventory, self.manager, self.loader = hostvars._inventory, hostvars._variable_manager, loader
        try:
            self.plays = Playbook.load(str(path), variable_manager=self.manager, loader=loader).get_plays()
        except AnsibleError as error:
            raise AnsibleActionFail(f"playbook is {str(path)!r}, which cannot be loaded: {error}") from error
        self.roles: list[str] = []
        self.hosts: set[str] = set()

    def problems(self, common: Mapping[str, Any], templar: Any) -> list[str]:
        """One line for each problem with the hosts that have it. `common` are variables of the run itself."""
        found: dict[str, list[str]] = {}
        for problem, host in self._found(common, templar):
            hosts = found.setdefault(problem, [])
            if host not in hosts:
                hosts.append(host)
        return [f"{_listed(hosts)}: {problem}" for problem, hosts in found.items()]

    def roles_of(self, name: str, common: Mapping[str, Any], templar: Any) -> Iterator[tuple[RoleSpec, dict[str, Any]]]:
        """The roles that one host gets, in order, each with its inputs; a role of several plays comes several times."""
        for play in self.plays:
            checked = PlayInputs(play, self.loader, play.collections or ())
            for host in self._hosts(play, templar) if checked.roles else ():
                if host.name == name:
                    variables = {**common, **self.manager.get_vars(play=play, host=host, include_hostvars=False)}
                    yield from ((role, checked.values(role, variables, templar)) for role in checked.roles)

    def _found(self, common: Mapping[str, Any], templar: Any) -> Iterator[tuple[str, str]]:
        for play in self.plays:
            checked = PlayInputs(play, self.loader, play.collections or ())
            if not checked.roles:
                continue
            self.roles += [role.name for role in checked.roles if role.name not in self.roles]
            for host in self._hosts(play, templar):
                self.hosts.add(host.name)
                variables = {**common, **self.manager.get_vars(play=play, host=host, include_hostvars=False)}
                yield from ((problem, host.name) for problem in checked.problems(variables, templar))

    def _hosts(self, play: Any, templar: Any) -> list[Any]:
        """The hosts of a play, as far as the run is not limited to others."""
        engine = templar.copy_with_new_env(available_variables=self.manager.get_vars(play=play))
        hosts: list[Any] = self.inventory.get_hosts(engine.template(play.hosts))
        return hosts


def beside_task(name: Any, task: Any) -> Path:
    """A path as the file means it that the task is written in; the run may have begun with another playbook."""
    path = Path(task.get_path().rpartition(":")[0]).parent / str(name)
    if not path.is_file():
        raise AnsibleActionFail(f"playbook is {name!r}; allowed is a file beside the one that says so: no {path}.")
    return path


def _listed(hosts: list[str]) -> str:
    more = f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else ""
    return ", ".join(hosts[:NAMED]) + more
