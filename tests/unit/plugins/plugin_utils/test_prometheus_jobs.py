# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus jobs and their files of targets."""

from __future__ import annotations

from ansible_collections.evenkeel.ops.plugins.plugin_utils import prometheus_jobs

TARGETS = [
    {"job": "node", "targets": ["192.0.2.1:9100"], "labels": {"instance": "web1"}},
    {"job": "haproxy", "targets": ["192.0.2.2:8405"], "labels": {"instance": "lb1"}},
    {"job": "node", "targets": ["192.0.2.2:9100"]},
]
FILE = "/etc/targets/{}.json"


def test_every_job_with_targets_exists_and_reads_its_file() -> None:
    assert prometheus_jobs.scrape_configs([], TARGETS, "/etc/targets") == [
        {"job_name": "haproxy", "file_sd_configs": [{"files": [FILE.format("haproxy")]}]},
        {"job_name": "node", "file_sd_configs": [{"files": [FILE.format("node")]}]},
    ]


def test_given_settings_come_first_and_are_kept() -> None:
    given = [{"job_name": "node", "scrape_interval": "5s"}, {"job_name": "dns", "dns_sd_configs": [{"names": ["x"]}]}]
    jobs = prometheus_jobs.scrape_configs(given, TARGETS, "/etc/targets")
    assert [job["job_name"] for job in jobs] == ["node", "dns", "haproxy"]
    assert jobs[0] == {
        "job_name": "node",
        "scrape_interval": "5s",
        "file_sd_configs": [{"files": [FILE.format("node")]}],
    }
    assert jobs[1] == given[1]


def test_files_of_targets_that_were_given_are_kept() -> None:
    given = [{"job_name": "node", "file_sd_configs": [{"files": ["/srv/more.json"]}]}]
    job = prometheus_jobs.scrape_configs(given, TARGETS[:1], "/etc/targets")[0]
    assert job["file_sd_configs"] == [{"files": ["/srv/more.json"]}, {"files": [FILE.format("node")]}]
    assert given[0]["file_sd_configs"] == [{"files": ["/srv/more.json"]}]


def test_a_file_holds_the_targets_of_its_job() -> None:
    assert prometheus_jobs.targets_of("node", TARGETS) == [
        {"targets": ["192.0.2.1:9100"], "labels": {"instance": "web1"}},
        {"targets": ["192.0.2.2:9100"], "labels": {}},
    ]
