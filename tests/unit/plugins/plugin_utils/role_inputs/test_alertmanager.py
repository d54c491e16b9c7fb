# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role alertmanager: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.alertmanager import problems

RECEIVERS = [{"name": "chat"}, {"name": "pager"}]


def given(**inputs: Any) -> dict[str, Any]:
    """Inputs by their names without the prefix, with two receivers."""
    return {"alertmanager_receivers": RECEIVERS, **{f"alertmanager_{name}": value for name, value in inputs.items()}}


def slack(path: str) -> list[dict[str, Any]]:
    """A receiver that reads its secret from a file."""
    return [{"name": "chat", "slack_configs": [{"channel": "ops", "api_url_file": path}]}]


@pytest.mark.parametrize(
    "good",
    [
        {},
        given(),
        given(route={"group_by": ["alertname"], "routes": [{"receiver": "pager"}, {"routes": [{"receiver": "chat"}]}]}),
        given(route={"mute_time_intervals": ["nights"]}, time_intervals=[{"name": "nights", "time_intervals": []}]),
        given(receivers=slack("/etc/prometheus/evenkeel-secrets/slack"), secrets={"slack": "x"}),
        given(receivers=slack("/run/credentials/slack")),
        given(cluster_listen_address=":9094", cluster_peers=["192.0.2.2:9094", "[2001:db8::2]:9094"]),
        given(arguments=["--log.level=warn"], port="9093", retention="10d"),
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (given(receivers=[]), "alertmanager_receivers is empty; allowed is a list with at least one receiver"),
        (
            given(receivers=[{"webhook_configs": []}]),
            "alertmanager_receivers[0] has no name; allowed is a receiver with one.",
        ),
        (
            given(receivers=[*RECEIVERS, {"name": "chat"}]),
            "alertmanager_receivers: name has 'chat' 2 times; allowed is once.",
        ),
        (
            given(route={"receiver": "mail"}),
            "alertmanager_route.receiver is 'mail'; allowed are the names of receivers: chat,",
        ),
        (
            given(route={"routes": [{}, {"routes": [{"receiver": "x"}]}]}),
            "alertmanager_route.routes[1].routes[0].receiver is 'x'; allowed are",
        ),
        (
            given(route={"routes": [{"active_time_intervals": ["days"]}]}),
            "alertmanager_route.routes[0].active_time_intervals has 'days'; allowed are none, since",
        ),
        (
            given(time_intervals=[{"name": "n"}] * 2),
            "alertmanager_time_intervals: name has 'n' 2 times; allowed is once.",
        ),
        (
            given(receivers=slack("/etc/prometheus/evenkeel-secrets/slack")),
            "names the file of the secret 'slack'; allowed are the names in alertmanager_secrets: none, since",
        ),
        (
            given(**{"global": {"smtp_auth_password_file": "/etc/prometheus/evenkeel-secrets/smtp"}}),
            "alertmanager_global names the file of the secret 'smtp'; allowed are",
        ),
        (given(secrets={"../x": "y"}), "alertmanager_secrets: name is '../x'; allowed are letters"),
        (given(secrets={"x": ""}), "alertmanager_secrets.x is empty; allowed is the secret."),
        (given(templates={"a/b": "y"}), "alertmanager_templates: name is 'a/b'; allowed are letters"),
        (given(port=70000), "alertmanager_port is 70000; allowed is an integer from 1 to 65535."),
        (given(retention="long"), "alertmanager_retention is 'long'; allowed is a Prometheus duration"),
        (
            given(cluster_listen_address="here"),
            "alertmanager_cluster_listen_address is 'here'; allowed is address:port",
        ),
        (
            given(cluster_peers=["192.0.2.2:9094"]),
            "but alertmanager_cluster_listen_address is empty; allowed are peers",
        ),
        (
            given(cluster_listen_address=":9094", cluster_peers=["192.0.2.2:99999"]),
            "alertmanager_cluster_peers: '192.0.2.2:99999': port is '99999'; allowed is an integer from 1 to 65535.",
        ),
        (given(arguments=["log"]), "alertmanager_arguments is 'log'; allowed is an argument that starts with '--'."),
        (
            given(arguments=["--cluster.peer=x"]),
            "is '--cluster.peer=x'; allowed is any other argument: use alertmanager_cluster_peers.",
        ),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    (found,) = problems(bad)
    assert sentence in found
    assert found.endswith((".", "told."))


def test_what_may_be_a_secret_is_not_shown() -> None:
    url = "https://hooks.example.net/T0/secret"
    bad = given(
        receivers=[{"name": "chat", "slack_configs": [{"api_url": url}]}, {"name": "chat"}], route={"receiver": "x"}
    )
    assert problems(bad) and url not in " ".join(problems(bad))
