# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of patch windows. Their documentation stands beside this file, one .yml each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows import gate, questions, recurrence, schedules
from ansible_collections.evenkeel.ops.plugins.plugin_utils.windows.clock import WindowError

FILTERS: tuple[Callable[..., Any], ...] = (
    questions.in_window,
    questions.next_window,
    questions.window_remaining,
    questions.window_explain,
    gate.window_gate,
    schedules.window_oncalendar,
    schedules.window_awx_schedule,
)


def _as_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if recurrence.rrule is None:
            raise AnsibleFilterError(
                f"{function.__name__}: the controller's Python has no module dateutil; install python-dateutil there"
            )
        try:
            return function(*args, **kwargs)
        except WindowError as error:
            raise AnsibleFilterError(f"{function.__name__}: {error}") from error

    return call


class FilterModule:
    """Offers the window filters to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {function.__name__: _as_filter(function) for function in FILTERS}
