# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts become rules; the cases of the alerts themselves are run by tests/contract/test_alerts.py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.filter.prometheus_alert_rules import prometheus_alert_rules
from ansible_collections.evenkeel.ops.plugins.plugin_utils import alerts


def rules(area: str, **wishes: Any) -> dict[str, dict[str, Any]]:
    """The alerts of an area by name."""
    groups = prometheus_alert_rules([area], **wishes).get(area, [])
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_thresholds_come_into_expression_and_texts() -> None:
    rule = rules("node", overrides={"DiskAlmostFull": {"free_percent": 7, "for": "1h", "severity": "critical"}})[
        "DiskAlmostFull"
    ]
    assert rule["expr"].endswith("< 7")
    assert "Less than 7 %" in rule["annotations"]["description"]
    assert (rule["for"], rule["labels"]) == ("1h", {"severity": "critical"})


def test_braces_of_prometheus_stay() -> None:
    summary = rules("availability")["InstanceDown"]["annotations"]["summary"]
    assert summary == "{{ $labels.job }} on {{ $labels.instance }} does not answer"


def test_a_value_with_a_placeholder_is_not_filled_again() -> None:
    rule = rules("services", overrides={"ServiceStopped": {"units": "${units}"}})["ServiceStopped"]
    assert 'name=~"${units}"' in rule["expr"]


def test_an_alert_links_to_its_runbook_where_there_is_one() -> None:
    linked = rules("availability", runbooks="https://wiki.example.net/")["InstanceDown"]["annotations"]
    assert linked["runbook_url"] == "https://wiki.example.net/InstanceDown.md"
    assert "runbook_url" not in rules("availability")["InstanceDown"]["annotations"]


def test_a_disabled_alert_is_left_out_and_an_empty_area_too() -> None:
    assert "LoadHigh" not in rules("node", disabled=["LoadHigh"])
    assert prometheus_alert_rules(["availability"], disabled=["InstanceDown"]) == {}


def test_expected_hosts_are_recorded() -> None:
    recording, _alerts = prometheus_alert_rules(["inventory"], expected_hosts=["web2", "web1"])["inventory"]
    assert [rule["labels"] for rule in recording["rules"]] == [{"instance": "web1"}, {"instance": "web2"}]
    assert {rule["record"] for rule in recording["rules"]} == {alerts.EXPECTED_HOST}


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"DiskAlmostFul": {}}, "overrides has 'DiskAlmostFul'; did you mean 'DiskAlmostFull'?"),
        ({"LoadHigh": {"cpu": 1}}, "overrides.LoadHigh has 'cpu'; did you mean 'per_cpu'?"),
        ({"LoadHigh": {"x": 1}}, "overrides.LoadHigh has 'x'; allowed are for, severity, per_cpu."),
        ({"LoadHigh": {"per_cpu": "many"}}, "overrides.LoadHigh.per_cpu is 'many'; allowed is a number."),
        ({"LoadHigh": {"per_cpu": True}}, "overrides.LoadHigh.per_cpu is True; allowed is a number."),
        ({"LoadHigh": {"for": 5}}, "overrides.LoadHigh.for is 5; allowed is a Prometheus duration"),
        ({"LoadHigh": {"severity": "Bad!"}}, "overrides.LoadHigh.severity is 'Bad!'; allowed is a lower case word"),
        ({"OomKill": {"window": "soon"}}, "overrides.OomKill.window is 'soon'; allowed is a Prometheus duration"),
        (
            {"ServiceStopped": {"units": 'a"b'}},
            "units is 'a\"b'; allowed is a regular expression without double quotes",
        ),
        ({"LoadHigh": 3}, "overrides.LoadHigh is 3; allowed is a mapping with for, severity, per_cpu."),
    ],
)
def test_a_wrong_override_is_refused(overrides: dict[str, Any], sentence: str) -> None:
    (problem,) = alerts.override_problems("overrides", overrides)
    assert sentence in problem
    with pytest.raises(AnsibleFilterError, match="prometheus_alert_rules: overrides"):
        prometheus_alert_rules(["node"], overrides=overrides)


def test_good_overrides_are_none() -> None:
    good = {
        "LoadHigh": {"per_cpu": "1.5", "for": "1h30m"},
        "OomKill": {"window": "1h"},
        "UnitFailed": {"ignored_units": "a|b"},
    }
    assert alerts.override_problems("overrides", good) == []


def test_an_unknown_area_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="areas has 'nodes'; did you mean 'node'?"):
        prometheus_alert_rules(["nodes"])
