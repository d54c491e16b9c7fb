# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_problems
short_description: List what is wrong with the inputs of the audit
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Finds wrong values, and names that the playbook P(evenkeel.ops.audit#playbook) does not know, before a host is
    touched.
  - An earlier report is read and looked through.
options:
  _input:
    description: Variables by name; all those that begin with C(evenkeel_audit_).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse wrong inputs
  ansible.builtin.assert:
    that: wrong | length == 0
    fail_msg: "{{ wrong | join('\n') }}"
  vars:
    wrong: "{{ {'evenkeel_audit_threshold': 101} | evenkeel.ops.audit_problems }}"
"""

RETURN = r"""
_value:
  description: One sentence for each problem, naming the variable, its value and what is allowed.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import audit_inputs


def audit_problems(variables: Any) -> list[str]:
    """Return the problems of the audit's inputs."""
    if not isinstance(variables, Mapping):
        raise AnsibleFilterError(
            f"audit_problems: the input is {type(variables).__name__}; allowed is a mapping of variables"
        )
    return audit_inputs.problems(variables)


class FilterModule:
    """Offers audit_problems to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"audit_problems": audit_problems}
