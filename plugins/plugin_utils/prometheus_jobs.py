# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Join Prometheus jobs with the targets that the inventory gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def job_names(targets: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the jobs that have targets, in order."""
    return sorted({str(target["job"]) for target in targets})


def targets_of(job: str, targets: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a job's targets in the form of Prometheus' file based discovery."""
    return [
        {"targets": list(target["targets"]), "labels": dict(target.get("labels") or {})}
        for target in targets
        if target["job"] == job
    ]


def scrape_configs(
    jobs: Iterable[Mapping[str, Any]], targets: Iterable[Mapping[str, Any]], directory: str
) -> list[dict[str, Any]]:
    """Return the given jobs and one for each further job that has targets, each reading its file of targets."""
    derived = job_names(targets)
    given = [dict(job) for job in jobs]
    missing = [name for name in derived if name not in {job["job_name"] for job in given}]
    return [_with_file(job, derived, directory) for job in [*given, *({"job_name": name} for name in missing)]]


def _with_file(job: dict[str, Any], derived: list[str], directory: str) -> dict[str, Any]:
    if job["job_name"] not in derived:
        return job
    source = {"files": [f"{directory}/{job['job_name']}.json"]}
    return {**job, "file_sd_configs": [*job.get("file_sd_configs", []), source]}
