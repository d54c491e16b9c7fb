# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_problems
short_description: List what is wrong with the inputs of a role, beyond their types
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Finds what argument specifications cannot see, such as duplicate ports, a backend without servers or a reference to
    something that does not exist.
  - Works on the controller; the host is not touched.
positional: role
options:
  _input:
    description: The role's inputs, by name.
    type: dict
    required: true
  role:
    description: The role whose inputs these are.
    type: str
    choices:
      - alertmanager
      - backup
      - backup_server
      - certificates
      - common
      - deploy
      - exporters
      - haproxy
      - hardening
      - keepalived
      - kernel
      - nginx
      - patching
      - prometheus
      - rotation
      - vault_agent
    required: true
"""

EXAMPLES = r"""
- name: Refuse inputs that contradict each other
  ansible.builtin.assert:
    that: __haproxy_problems | length == 0
    fail_msg: "{{ __haproxy_problems | join('\n') }}"
    quiet: true
  vars:
    __haproxy_problems: "{{ {'haproxy_backends': haproxy_backends} | evenkeel.ops.role_problems('haproxy') }}"
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
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import (
    alertmanager,
    backup,
    backup_server,
    certificates,
    common,
    deploy,
    exporters,
    haproxy,
    hardening,
    keepalived,
    kernel,
    nginx,
    patching,
    prometheus,
    rotation,
    vault_agent,
)

Check = Callable[[Mapping[str, Any]], list[str]]

CHECKS: dict[str, Check] = {
    "alertmanager": alertmanager.problems,
    "backup": backup.problems,
    "backup_server": backup_server.problems,
    "certificates": certificates.problems,
    "common": common.problems,
    "deploy": deploy.problems,
    "exporters": exporters.problems,
    "haproxy": haproxy.problems,
    "hardening": hardening.problems,
    "keepalived": keepalived.problems,
    "kernel": kernel.problems,
    "nginx": nginx.problems,
    "patching": patching.problems,
    "prometheus": prometheus.problems,
    "rotation": rotation.problems,
    "vault_agent": vault_agent.problems,
}


def role_problems(inputs: Any, role: str) -> list[str]:
    """Return the problems of a role's inputs."""
    if not isinstance(inputs, Mapping):
        raise AnsibleFilterError(f"role_problems: the input is {type(inputs).__name__}; allowed is a mapping of inputs")
    if role not in CHECKS:
        raise AnsibleFilterError(f"role_problems: role is {role!r}; allowed are {', '.join(sorted(CHECKS))}")
    return CHECKS[role](inputs)


class FilterModule:
    """Offers role_problems to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"role_problems": role_problems}
