# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_metrics
short_description: Write the result of an audit as metrics of Prometheus
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - The score of the host, of its profiles and areas, and one sample per control, in the text format that the textfile
    collector of the node exporter reads.
positional: host
options:
  _input:
    description: What M(evenkeel.ops.controls) returned in check mode, with every status in its C(describe).
    type: dict
    required: true
  host:
    description: The value of the label C(host).
    type: str
    required: true
  made:
    description: When the audit was made, ISO 8601 in UTC; the present when not given.
    type: str
"""

EXAMPLES = r"""
- name: Put the metrics where the node exporter reads them
  evenkeel.ops.config_tree:
    roots: [/var/lib/prometheus/node-exporter]
    files:
      - path: /var/lib/prometheus/node-exporter/evenkeel_audit.prom
        content: "{{ audit | evenkeel.ops.audit_metrics(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The metrics.
  type: str
  sample: |
    # HELP evenkeel_audit_score_ratio Share of the host's controls that are met, of those that count.
    # TYPE evenkeel_audit_score_ratio gauge
    evenkeel_audit_score_ratio{host="web1",profile="strict"} 0.9535
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_formats import metrics
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_report import About, Audited, build


def audit_metrics(outcome: Any, host: str, made: str | None = None) -> str:
    """Return the metrics of one host."""
    if not isinstance(outcome, Mapping) or not isinstance(outcome.get("results"), list):
        raise AnsibleFilterError("audit_metrics: the input has no results; allowed is a result of controls")
    moment = made or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return metrics(build({host: Audited(outcome)}, About(moment)))


class FilterModule:
    """Offers audit_metrics to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"audit_metrics": audit_metrics}
