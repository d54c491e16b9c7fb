# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reboot_due
short_description: List why a host is to be rebooted, by its policy
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Reads what M(evenkeel.ops.restart_outdated) or M(evenkeel.ops.pending_updates_info) returned.
positional: policy
options:
  _input:
    description: The module's result, with C(reboot_reasons) and C(kept).
    type: dict
    required: true
  policy:
    description:
      - V(never) lists nothing, V(when_required) what asks for a reboot, such as a newer kernel, V(when_outdated) also
        the services that run replaced code and are never restarted.
    type: str
    choices: [never, when_required, when_outdated]
    required: true
"""

EXAMPLES = r"""
- name: Show why the host will be rebooted
  ansible.builtin.debug:
    msg: "{{ restarts | evenkeel.ops.reboot_due('when_required') }}"
"""

RETURN = r"""
_value:
  description: One sentence for each reason; none where no reboot is due.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

POLICIES = ("never", "when_required", "when_outdated")


def reboot_due(result: Any, policy: str) -> list[str]:
    """Return the reasons that count."""
    if policy not in POLICIES:
        raise AnsibleFilterError(f"reboot_due: policy is {policy!r}; allowed are {', '.join(POLICIES)}")
    if not isinstance(result, Mapping):
        raise AnsibleFilterError(f"reboot_due: the input is {type(result).__name__}; allowed is a module's result")
    if policy == "never":
        return []
    reasons = [str(reason) for reason in result.get("reboot_reasons") or ()]
    if policy == "when_outdated":
        reasons += [f"{name} uses replaced code" for name in result.get("kept") or ()]
    return reasons


class FilterModule:
    """Offers reboot_due to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reboot_due": reboot_due}
