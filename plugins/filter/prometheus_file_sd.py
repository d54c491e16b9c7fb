# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: prometheus_file_sd
short_description: Return one job's targets in the form of Prometheus' file based discovery
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Picks the targets of one job; the result is written as JSON into the file that the job reads.
positional: job
options:
  _input:
    description: Targets, as the filter P(evenkeel.ops.prometheus_targets#filter) returns them.
    type: list
    elements: dict
    required: true
  job:
    description: Name of the job.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Write the targets of a job
  ansible.builtin.copy:
    content: "{{ prometheus_targets | evenkeel.ops.prometheus_file_sd('node') | to_nice_json }}"
    dest: /etc/prometheus/evenkeel-targets/node.json
    mode: "0644"
"""

RETURN = r"""
_value:
  description: Groups of targets with their labels.
  type: list
  elements: dict
  sample: [{"targets": ["192.0.2.21:9100"], "labels": {"instance": "web1"}}]
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import prometheus_jobs


def prometheus_file_sd(targets: Iterable[Mapping[str, Any]], job: str) -> list[dict[str, Any]]:
    """Return the targets of a job."""
    return prometheus_jobs.targets_of(job, targets)


class FilterModule:
    """Offers prometheus_file_sd to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"prometheus_file_sd": prometheus_file_sd}
