# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vault_agent_plan
short_description: Turn the templates of the role vault_agent into files and deliveries
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Says where each template lies, where the agent renders it, and where it is delivered to.
  - What is rendered is named after the template's digest, so that a changed template never passes for rendered because
    of what the old one left.
options:
  _input:
    description: The input C(vault_agent_templates).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where secrets go
  ansible.builtin.debug:
    msg: "{{ (vault_agent_templates | evenkeel.ops.vault_agent_plan).deliveries }}"
"""

RETURN = r"""
_value:
  description: RV(_value.files) have path and content; RV(_value.deliveries) have what the host needs to know.
  type: dict
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

TEMPLATES = "/etc/vault-agent/templates"
RENDERED = "/run/vault-agent/rendered"
DEFAULTS = {"owner": "root", "group": "root", "mode": "0400", "unit": "", "action": "reload"}


def vault_agent_plan(templates: Any) -> dict[str, list[dict[str, str]]]:
    """Files and deliveries of the templates."""
    if not isinstance(templates, Sequence) or not all(isinstance(item, Mapping) for item in templates):
        raise AnsibleFilterError("vault_agent_plan: vault_agent_templates is no list of mappings")
    return {
        "files": [{"path": f"{TEMPLATES}/{item['name']}.ctmpl", "content": item["content"]} for item in templates],
        "deliveries": [_delivery(item) for item in templates],
    }


def _delivery(item: Mapping[str, Any]) -> dict[str, str]:
    digest = hashlib.sha256(str(item["content"]).encode()).hexdigest()[:12]
    kept = {name: str(item.get(name, default)) for name, default in DEFAULTS.items()}
    return {
        **kept,
        "name": str(item["name"]),
        "destination": str(item["destination"]),
        "template": f"{TEMPLATES}/{item['name']}.ctmpl",
        "source": f"{RENDERED}/{item['name']}.{digest}",
    }


class FilterModule:
    """Offers vault_agent_plan to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"vault_agent_plan": vault_agent_plan}
