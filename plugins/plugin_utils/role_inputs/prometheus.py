# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role prometheus, beyond their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import alerts
from ansible_collections.evenkeel.ops.plugins.plugin_utils.alerts import DURATION, DURATION_TEXT
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

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
        *_alertmanagers(inputs.get("prometheus_alertmanagers") or []),
        *_rules(checks.entries(inputs.get("prometheus_rules"))),
        *_alerts(inputs, jobs, targets),
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


def _alertmanagers(addresses: list[Any]) -> list[str]:
    name = "prometheus_alertmanagers"
    found = checks.duplicate_problems(name, addresses)
    for address in addresses:
        problem = checks.pattern_problems(name, address, TARGET, "address:port, like 192.0.2.10:9093")
        found += problem or checks.port_problems(f"{name}: {address!r}: port", str(address).rpartition(":")[2])
    return found


def _rules(files: list[Mapping[str, Any]]) -> list[str]:
    found = checks.duplicate_problems("prometheus_rules: name", (each.get("name") for each in files))
    for each in files:
        found += checks.name_problems("prometheus_rules: name", each.get("name"))
        if not each.get("groups"):
            found.append(
                f"prometheus_rules: {each.get('name')!r}: groups is {each.get('groups')!r}; "
                "allowed is a list with at least one group of rules, with name and rules."
            )
    return found


def _alerts(inputs: Mapping[str, Any], jobs: list[Mapping[str, Any]], targets: list[Mapping[str, Any]]) -> list[str]:
    areas = [str(name) for name in inputs.get("prometheus_alerts") or []]
    hosts = [str(name) for name in inputs.get("prometheus_expected_hosts") or []]
    found = [
        *alerts.area_problems("prometheus_alerts", areas),
        *checks.duplicate_problems("prometheus_alerts", areas),
        *alerts.alert_problems("prometheus_alerts_disabled", inputs.get("prometheus_alerts_disabled") or []),
        *alerts.override_problems("prometheus_alerts_overrides", inputs.get("prometheus_alerts_overrides") or {}),
        *checks.duplicate_problems("prometheus_expected_hosts", hosts),
        *(problem for host in hosts for problem in checks.name_problems("prometheus_expected_hosts", host)),
    ]
    if inputs.get("prometheus_runbooks"):
        url = r"https?://[!-~]+"
        found += checks.pattern_problems("prometheus_runbooks", inputs["prometheus_runbooks"], url, "empty or a URL")
    return found or [problem for area in areas for problem in _never_fires(area, hosts, jobs, targets)]


def _never_fires(
    area: str, hosts: list[str], jobs: list[Mapping[str, Any]], targets: list[Mapping[str, Any]]
) -> list[str]:
    """An alert over what nobody scrapes looks like one that has no reason to fire."""
    needs = alerts.catalogue()[area].needs
    where = f"prometheus_alerts has {area!r}, whose alerts would never fire:"
    scraped = {job.get("job_name") for job in jobs} | {target.get("job") for target in targets} | {"prometheus"}
    found = []
    if "job" in needs and needs["job"] not in scraped:
        known = ", ".join(sorted(map(str, scraped)))
        found.append(
            f"{where} nothing has the job {needs['job']!r}; allowed are areas whose job prometheus_targets or "
            f"prometheus_scrape_configs have, now {known}."
        )
    if "metrics_path" in needs and needs["metrics_path"] not in {job.get("metrics_path") for job in jobs}:
        found.append(
            f"{where} no job of prometheus_scrape_configs has the metrics_path {needs['metrics_path']!r} of blackbox "
            "exporter; allowed is this area together with one."
        )
    if "input" in needs and not hosts:
        found.append(f"{where} {needs['input']} is empty; allowed is a list with at least one host.")
    return found


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    return checks.listener_of(inputs, "prometheus")
