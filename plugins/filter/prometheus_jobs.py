# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: prometheus_jobs
short_description: Join Prometheus scrape configurations with the targets of the inventory
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Returns the given scrape configurations and one for each further job that has targets. A job that has targets reads
    them from the file C(<directory>/<job>.json).
positional: targets
options:
  _input:
    description: Scrape configurations in Prometheus' own form.
    type: list
    elements: dict
    required: true
  targets:
    description: Targets, as the filter P(evenkeel.ops.prometheus_targets#filter) returns them.
    type: list
    elements: dict
    required: true
  directory:
    description: Absolute path of the directory that holds the files of targets.
    type: str
    required: true
"""

EXAMPLES = r"""
scrape_configs: "{{ [] | evenkeel.ops.prometheus_jobs(prometheus_targets, '/etc/prometheus/evenkeel-targets') }}"
"""

RETURN = r"""
_value:
  description: Scrape configurations, the given ones first.
  type: list
  elements: dict
  sample: [{"job_name": "node", "file_sd_configs": [{"files": ["/etc/prometheus/evenkeel-targets/node.json"]}]}]
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import prometheus_jobs


class FilterModule:
    """Offers prometheus_jobs to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"prometheus_jobs": prometheus_jobs.scrape_configs}
