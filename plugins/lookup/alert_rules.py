# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: alert_rules
short_description: Return the collection's alerts as groups of Prometheus rules
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Reads the alerts that the role P(evenkeel.ops.prometheus#role) brings, and fills in thresholds.
  - The alerts' own templates, such as C({{ $labels.instance }}), are left to Prometheus.
options:
  _terms:
    description: Not used.
    type: list
    elements: str
  expected_hosts:
    description: Hosts that have to be scraped; each gets a series C(evenkeel_inventory_host).
    type: list
    elements: str
    default: []
  thresholds:
    description: Thresholds that differ from the alerts' own, by name.
    type: dict
    default: {}
  overrides:
    description: By name of an alert, its C(for), C(severity) and C(labels) where they differ.
    type: dict
    default: {}
  disabled:
    description: Names of alerts to leave out.
    type: list
    elements: str
    default: []
  runbooks:
    description: URL of the directory that holds one page C(<alert>.md) for each alert.
    type: str
    default: https://github.com/evenkeel/ops/blob/main/playbooks/runbooks
"""

EXAMPLES = r"""
- name: Show the alerts
  ansible.builtin.debug:
    msg: "{{ query('evenkeel.ops.alert_rules', disabled=['Watchdog'], thresholds={'disk_free_percent': 5}) }}"
"""

RETURN = r"""
_raw:
  description: Groups of rules, in Prometheus' own form.
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.evenkeel.ops.plugins.plugin_utils import alert_rules


class LookupModule(LookupBase):
    """Offers alert_rules to Ansible."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """The groups of rules."""
        self.set_options(var_options=variables, direct=kwargs)
        hosts = self.get_option("expected_hosts")
        try:
            groups = alert_rules.rule_groups(
                self.get_option("thresholds"),
                self.get_option("overrides"),
                self.get_option("disabled"),
                self.get_option("runbooks"),
            )
        except alert_rules.BadAlerts as error:
            raise AnsibleLookupError(f"alert_rules: {error}.") from error
        return [*([alert_rules.inventory_group(hosts)] if hosts else []), *groups]
