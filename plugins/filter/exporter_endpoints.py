# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: exporter_endpoints
short_description: Tell on which ports the enabled exporters listen
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Derives the ports from inputs alone, so that no facts are needed.
positional: ports
options:
  _input:
    description: Names of exporters.
    type: list
    elements: str
    required: true
  ports:
    description: Ports that differ from the exporters' usual ones, by name of the exporter.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Tell where the exporters listen
  ansible.builtin.debug:
    msg: "{{ ['node'] | evenkeel.ops.exporter_endpoints({'node': 9101}) }}"
"""

RETURN = r"""
_value:
  description: Names and ports, in the order of the input.
  type: list
  elements: dict
  sample: [{"name": "node", "port": 9101}]
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import exporters


def exporter_endpoints(enabled: Iterable[str], ports: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return names and ports of the enabled exporters."""
    try:
        return [{"name": endpoint.name, "port": endpoint.port} for endpoint in exporters.endpoints(enabled, ports)]
    except ValueError as error:
        raise AnsibleFilterError(f"exporter_endpoints: {error}") from error


class FilterModule:
    """Offers exporter_endpoints to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"exporter_endpoints": exporter_endpoints}
