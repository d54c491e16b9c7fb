# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second, fresh login on the host of a task, to prove that somebody can still log in and become root.

The task's own connection is a multiplexed one that was authenticated before the change: that it still works proves
nothing. It is also the lifeline, so it is never reset here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase

# ssh takes the first value it meets, so these stand before everything that the user set.
FRESH_SSH_ARGS = "-o ControlMaster=no -o ControlPath=none"
# Debian 13's sshd penalises sources whose logins fail: no more than two, with time for a reloading sshd between them.
ATTEMPTS = 2
PAUSE = 2.0
# A firewall that drops is silent: both attempts have to fit into the shortest deadline (30 s).
CONNECT_SECONDS = 8


class NoFreshLogin(Exception):
    """Nobody could log in anew; the message is the connection's own words."""


class FreshConnection:
    """Within `with`, run modules over a login of its own.

    The connection plugin is the task's, with the options that were resolved for it: delegated hosts, jump hosts and
    other ports come along. The become plugin is shared, asked to forget what sudo remembers.
    """

    def __init__(self, action: ActionBase) -> None:
        self._action = action
        self._shared = action._connection
        self._fresh: Any = None
        self._become_flags: Any = None

    @property
    def proves_login(self) -> bool:
        """Whether this plugin opens a login of its own: OpenSSH's does; local, docker and pooled ones do not."""
        return bool(self._shared.has_option("ssh_executable"))

    def __enter__(self) -> FreshConnection:
        self._fresh = self._second_instance()
        self._forget_credentials()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._become_flags is not None:
            self._shared.become.set_option("become_flags", self._become_flags)
        self._fresh.close()

    def run_module(self, name: str, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run a module over the fresh login; raises NoFreshLogin after the last attempt."""
        words = ""
        for attempt in _attempts():
            try:
                return self._execute(name, args, task_vars)
            except AnsibleAuthenticationFailure as error:
                # A wrong password is as wrong the second time.
                raise NoFreshLogin(to_text(error)) from error
            except AnsibleConnectionFailure as error:
                words = f"{to_text(error)} (attempt {attempt})"
            except AnsibleError as error:
                # Logged in, but could not become the other user.
                raise NoFreshLogin(to_text(error)) from error
        raise NoFreshLogin(words)

    def _execute(self, name: str, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The action's own machinery builds and sends the module; only the connection is another."""
        self._action._connection = self._fresh
        try:
            result: dict[str, Any] = self._action._execute_module(
                module_name=name, module_args=dict(args), task_vars=task_vars
            )
            self._action._remove_tmp_path(self._fresh._shell.tmpdir)
            return result
        finally:
            self._fresh._shell.tmpdir = None
            self._action._connection = self._shared

    def _second_instance(self) -> Any:
        loader = self._action._shared_loader_obj.connection_loader
        fresh = loader.get(
            self._shared._load_name,
            self._action._play_context,
            new_stdin=None,  # ansible-core 2.18 has it as a parameter, later ones ignore it
            task_uuid=self._action._task._uuid,
            # %-codes of the shared connection's temporary files
            ansible_playbook_pid=to_text(getattr(self._shared, "_ansible_playbook_pid", "")),
        )
        _copy_options(self._shared, fresh)
        _copy_options(self._shared._shell, fresh._shell)
        fresh._shell.executable = self._shared._shell.executable
        fresh.set_become_plugin(self._shared.become)
        if self.proves_login:
            own = fresh.get_option("ssh_args") or ""
            fresh.set_option("ssh_args", f"{FRESH_SSH_ARGS} {own}".strip())
            # The attempts are counted here.
            fresh.set_option("reconnection_retries", 0)
            fresh.set_option("timeout", min(int(fresh.get_option("timeout") or CONNECT_SECONDS), CONNECT_SECONDS))
        return fresh

    def _forget_credentials(self) -> None:
        """`sudo -k COMMAND` ignores cached credentials for this command and leaves the cache alone."""
        become = self._shared.become
        if become is None or become.name != "sudo":
            return
        self._become_flags = become.get_option("become_flags") or ""
        become.set_option("become_flags", f"-k {self._become_flags}".strip())


def _attempts() -> Iterator[int]:
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            time.sleep(PAUSE)
        yield attempt


def _copy_options(source: Any, target: Any) -> None:
    """Give a second plugin instance what was resolved for the first from keywords, variables and configuration."""
    options = {name: value for name, value in source.get_options().items() if value is not None}
    target.set_options(direct=options)
