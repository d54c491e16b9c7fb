# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role prometheus: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.prometheus import problems


def target(*addresses: str, job: str = "node") -> dict[str, Any]:
    """Return inputs with one target."""
    return {"prometheus_targets": [{"job": job, "targets": list(addresses)}]}


@pytest.mark.parametrize(
    "good",
    [
        {},
        target("192.0.2.1:9100", "[2001:db8::1]:9100", "web1.example.net:9100"),
        {"prometheus_scrape_configs": [{"job_name": "node"}], **target("192.0.2.1:9100")},
        {
            "prometheus_scrape_configs": [
                {"job_name": "a", "static_configs": []},
                {"job_name": "b", "dns_sd_configs": []},
            ]
        },
        {"prometheus_retention_time": "1d12h", "prometheus_retention_size": "512MB", "prometheus_port": "9090"},
        {"prometheus_retention_size": ""},
        {"prometheus_alertmanagers": ["192.0.2.1:9093", "[2001:db8::1]:9093"]},
        {"prometheus_alerts": ["prometheus"], "prometheus_alerts_disabled": ["LoadHigh"]},
        {"prometheus_alerts": ["node", "inventory"], "prometheus_expected_hosts": ["web1"], **target("192.0.2.1:9100")},
        {
            "prometheus_alerts": ["certificates"],
            "prometheus_scrape_configs": [{"job_name": "sites", "metrics_path": "/probe", "static_configs": []}],
        },
        {"prometheus_rules": [{"name": "own", "groups": [{"name": "own", "rules": []}]}]},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (target(), "job 'node': targets is empty; allowed is a list with at least one address:port."),
        (target("192.0.2.1"), "targets is '192.0.2.1'; allowed is address:port, like 192.0.2.10:9100."),
        (target("http://192.0.2.1:9100"), "targets is 'http://192.0.2.1:9100'; allowed is address:port"),
        (target("192.0.2.1:99999"), "port is '99999'; allowed is an integer from 1 to 65535."),
        (target("192.0.2.1:9100", job="../x"), "prometheus_targets: job is '../x'; allowed are letters"),
        ({"prometheus_scrape_configs": [{"job_name": "node"}]}, "job 'node' has no targets; allowed is a job that"),
        (
            {"prometheus_scrape_configs": [{"job_name": "a", "static_configs": []}] * 2},
            "job_name has 'a' 2 times; allowed is once.",
        ),
        ({"prometheus_port": 0}, "prometheus_port is 0; allowed is an integer from 1 to 65535."),
        ({"prometheus_retention_time": "forever"}, "prometheus_retention_time is 'forever'; allowed is a Prometheus"),
        ({"prometheus_scrape_interval": 15}, "prometheus_scrape_interval is 15; allowed is a Prometheus duration"),
        ({"prometheus_retention_size": "20G"}, "prometheus_retention_size is '20G'; allowed is empty or a size"),
        (
            {"prometheus_alertmanagers": ["192.0.2.1"]},
            "prometheus_alertmanagers is '192.0.2.1'; allowed is address:port",
        ),
        ({"prometheus_alertmanagers": ["a:0"]}, "prometheus_alertmanagers: 'a:0': port is '0'; allowed is an integer"),
        ({"prometheus_alertmanagers": ["a:1"] * 2}, "prometheus_alertmanagers has 'a:1' 2 times; allowed is once."),
        (
            {"prometheus_rules": [{"name": "a/b", "groups": [{}]}]},
            "prometheus_rules: name is 'a/b'; allowed are letters",
        ),
        (
            {"prometheus_rules": [{"name": "a", "groups": []}]},
            "prometheus_rules: 'a': groups is []; allowed is a list with",
        ),
        (
            {"prometheus_rules": [{"name": "a", "groups": [{}]}] * 2},
            "prometheus_rules: name has 'a' 2 times; allowed is",
        ),
        ({"prometheus_alerts": ["nodes"]}, "prometheus_alerts has 'nodes'; did you mean 'node'?"),
        (
            {"prometheus_alerts": ["node"]},
            "prometheus_alerts has 'node', whose alerts would never fire: nothing has the job",
        ),
        ({"prometheus_alerts": ["certificates"]}, "no job of prometheus_scrape_configs has the metrics_path '/probe'"),
        (
            {"prometheus_alerts": ["inventory"], **target("192.0.2.1:9100")},
            "prometheus_alerts has 'inventory', whose alerts would never fire: prometheus_expected_hosts is empty;",
        ),
        ({"prometheus_alerts": ["prometheus"] * 2}, "prometheus_alerts has 'prometheus' 2 times; allowed is once."),
        ({"prometheus_alerts_disabled": ["LoadHihg"]}, "has 'LoadHihg'; did you mean 'LoadHigh'?"),
        ({"prometheus_alerts_overrides": {"LoadHigh": {"for": "x"}}}, "LoadHigh.for is 'x'; allowed is a Prometheus"),
        ({"prometheus_expected_hosts": ["a b"]}, "prometheus_expected_hosts is 'a b'; allowed are letters"),
        ({"prometheus_runbooks": "wiki"}, "prometheus_runbooks is 'wiki'; allowed is empty or a URL."),
        ({"prometheus_arguments": ["a\nb"]}, "prometheus_arguments is 'a\\nb'; allowed is a single line"),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = problems(bad)
    assert len(found) == 1, found
    assert sentence in found[0]
