# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role prometheus, beyond their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

DURATION = r"([0-9]+(y|w|d|h|m|s|ms))+"
DURATION_TEXT = "a Prometheus duration like 15s, 5m or 30d"
SIZE = r"[0-9]+(B|KB|MB|GB|TB|PB|EB)"
TARGET = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}"


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    jobs = checks.entries(inputs.get("prometheus_scrape_configs"))
    targets = checks.entries(inputs.get("prometheus_targets"))
    return [
        *_server(inputs),
        *checks.duplicate_problems("prometheus_scrape_configs: job_name", (job.get("job_name") for job in jobs)),
        *(problem for job in jobs for problem in _job(job, targets)),
        *(problem for target in targets for problem in _target(target)),
    ]


def _server(inputs: Mapping[str, Any]) -> list[str]:
    found = []
    if "prometheus_port" in inputs:
        found += checks.port_problems("prometheus_port", inputs["prometheus_port"])
    for name in ("prometheus_retention_time", "prometheus_scrape_interval", "prometheus_evaluation_interval"):
        if name in inputs:
            found += checks.pattern_problems(name, inputs[name], DURATION, DURATION_TEXT)
    if inputs.get("prometheus_retention_size"):
        allowed = "empty or a size with the unit B, KB, MB, GB, TB, PB or EB, like 20GB"
        found += checks.pattern_problems(
            "prometheus_retention_size", inputs["prometheus_retention_size"], SIZE, allowed
        )
    return found + checks.line_problems("prometheus_arguments", inputs.get("prometheus_arguments") or [])


def _job(job: Mapping[str, Any], targets: list[Mapping[str, Any]]) -> list[str]:
    name = job.get("job_name")
    found = checks.name_problems("prometheus_scrape_configs: job_name", name)
    discovers = any(key == "static_configs" or key.endswith("_sd_configs") for key in job)
    if not discovers and name not in {target.get("job") for target in targets}:
        found.append(
            f"prometheus_scrape_configs: job {name!r} has no targets; allowed is a job that prometheus_targets names, "
            "or one with static_configs or a service discovery of its own."
        )
    return found


def _target(target: Mapping[str, Any]) -> list[str]:
    where = f"prometheus_targets: job {target.get('job')!r}"
    found = checks.name_problems("prometheus_targets: job", target.get("job"))
    addresses = target.get("targets") or []
    if not addresses:
        found.append(f"{where}: targets is empty; allowed is a list with at least one address:port.")
    for address in addresses:
        problem = checks.pattern_problems(f"{where}: targets", address, TARGET, "address:port, like 192.0.2.10:9100")
        found += problem or checks.port_problems(f"{where}: target {address!r}: port", str(address).rpartition(":")[2])
    return found


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    address, port = str(inputs.get("prometheus_listen_address") or "*"), checks.as_int(inputs.get("prometheus_port"))
    return [] if port is None else [checks.Listener("prometheus_port", address, port)]
