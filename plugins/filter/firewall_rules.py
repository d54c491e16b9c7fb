# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_rules
short_description: Put the ports of this collection's services into firewall rules
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - A rule that has C(service) gets the protocol and the ports that the role of this service listens on, on this host,
    by the inputs that its inventory gives it; a service that the host does not have opens nothing. Other rules stay as
    they are.
  - The services are C(alertmanager), C(alertmanager_cluster), C(backup_server), C(exporters), C(haproxy),
    C(haproxy_metrics), C(haproxy_peers), C(keepalived), C(nginx) and C(prometheus).
  - Variables of plays and tasks are not seen. What listens on the loopback interface only is not opened.
positional: variables
options:
  _input:
    description: Rules as the role hardening takes them.
    type: list
    elements: dict
    required: true
  variables:
    description: The variables of the host, C(hostvars[inventory_hostname]).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what a load balancer opens for its site, and to Prometheus
  ansible.builtin.debug:
    msg: "{{ [{'service': 'haproxy'}, {'service': 'haproxy_metrics', 'sources': ['@monitoring']}]
      | evenkeel.ops.firewall_rules(hostvars[inventory_hostname]) }}"
"""

RETURN = r"""
_value:
  description: The rules, without C(service).
  type: list
  elements: dict
  sample: [{"protocol": "tcp", "ports": [80, 443], "comment": "haproxy"}]
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import firewall_services


def firewall_rules(allow: Iterable[Mapping[str, Any]], variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rules with ports in the place of services."""
    try:
        return firewall_services.expand(allow, variables, constants.DEFAULT_LOCAL_TMP)
    except ValueError as error:
        raise AnsibleFilterError(f"firewall_rules: {error}") from error


class FilterModule:
    """Offers firewall_rules to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"firewall_rules": firewall_rules}
