# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: prometheus_alert_rules
short_description: Return the rules of areas of alerts in Prometheus' own form
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Puts thresholds into the alerts that the role P(evenkeel.ops.prometheus#role) brings.
options:
  _input:
    description: Names of areas.
    type: list
    elements: str
    required: true
  overrides:
    description: By name of the alert, thresholds, C(for) and C(severity) that differ from its own.
    type: dict
    default: {}
  disabled:
    description: Names of alerts that are left out.
    type: list
    elements: str
    default: []
  expected_hosts:
    description: Hosts that have to be scraped, for the area C(inventory).
    type: list
    elements: str
    default: []
  runbooks:
    description: URL of the directory that holds the runbooks; empty adds no C(runbook_url).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the rules of an area
  ansible.builtin.debug:
    msg: "{{ ['haproxy'] | evenkeel.ops.prometheus_alert_rules({'HaproxyQueue': {'requests': 50}}) }}"
"""

RETURN = r"""
_value:
  description: Groups of rules by area.
  type: dict
  sample:
    availability:
      - name: evenkeel-availability
        rules:
          - alert: InstanceDown
            expr: up == 0
            for: 2m
            labels: {severity: critical}
            annotations: {summary: web1 does not answer, description: It is down., runbook: InstanceDown}
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import alerts


def prometheus_alert_rules(
    areas: Iterable[str],
    overrides: Mapping[str, Any] | None = None,
    disabled: Iterable[str] = (),
    expected_hosts: Iterable[str] = (),
    runbooks: str = "",
) -> dict[str, list[dict[str, Any]]]:
    """Return the groups of rules of each area."""
    chosen = list(areas)
    problems = alerts.area_problems("areas", chosen) + alerts.override_problems("overrides", overrides or {})
    if problems:
        raise AnsibleFilterError(f"prometheus_alert_rules: {' '.join(problems)}")
    return alerts.rule_files(chosen, overrides or {}, list(disabled), expected_hosts, runbooks)


class FilterModule:
    """Offers prometheus_alert_rules to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"prometheus_alert_rules": prometheus_alert_rules}
