# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: haproxy_lint
short_description: Tell what is unwise in the inputs of the role haproxy
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Judges what is allowed but unwise. What is contradictory is refused by the role itself.
  - Every rule stands in docs/lint_balancers.md, with its reason and its remedy.
  - Works on the controller; no host is touched.
options:
  _input:
    description: The role's inputs, by name; the role's defaults count for those that are not given.
    type: dict
    required: true
  waivers:
    description:
      - What is left as it is. Each one has C(id) of a rule, C(owner), C(reason) and C(until), the last day on which it
        counts (YYYY-MM-DD); C(where) may be a pattern of places, with C(*) and C(?).
      - An expired waiver counts no more and is a finding itself, and so is one that waives nothing. Waivers of other
        linters are left alone.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show what is unwise
  ansible.builtin.debug:
    msg: "{{ inputs | evenkeel.ops.haproxy_lint(waivers=waivers) }}"
  vars:
    inputs: "{{ {'haproxy_frontends': haproxy_frontends, 'haproxy_backends': haproxy_backends} }}"
    waivers:
      - {id: HA023, where: 'backend admin', owner: ops, reason: used by people only, until: "2027-06-30"}
"""

RETURN = r"""
_value:
  description:
    - The findings, the gravest first.
    - Each has C(id), C(severity) (error, warning or advice), C(where), C(reason), C(remedy), and C(waived), the reason
      of a waiver or an empty text.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint import programs


def haproxy_lint(inputs: Any, waivers: Any = ()) -> list[dict[str, Any]]:
    """Return the findings of the role's inputs."""
    if not isinstance(inputs, Mapping):
        raise AnsibleFilterError(f"haproxy_lint: the input is {type(inputs).__name__}; allowed is a mapping of inputs")
    try:
        return programs.lint("haproxy", inputs, waivers)
    except programs.BadWaivers as bad:
        raise AnsibleFilterError(f"haproxy_lint: {bad}") from bad


class FilterModule:
    """Offers haproxy_lint to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"haproxy_lint": haproxy_lint}
