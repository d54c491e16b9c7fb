# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role exporters: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import exporters
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.exporters import problems


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"exporters_enabled": []},
        {"exporters_enabled": ["node"], "exporters_ports": {"node": "9101"}},
        {"exporters_arguments": {"node": ["--collector.systemd", "--log.level=warn"]}},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"exporters_enabled": ["nude"]}, "exporters_enabled has 'nude'; allowed are node."),
        ({"exporters_enabled": ["node", "node"]}, "exporters_enabled has 'node' 2 times; allowed is once."),
        ({"exporters_ports": {"node": 0}}, "exporters_ports.node is 0; allowed is an integer from 1 to 65535."),
        ({"exporters_ports": {"nude": 9100}}, "exporters_ports has 'nude'; allowed are node."),
        ({"exporters_arguments": {"nude": []}}, "exporters_arguments has 'nude'; allowed are node."),
        ({"exporters_arguments": {"node": ["-v"]}}, "exporters_arguments.node is '-v'; allowed is an argument that"),
        ({"exporters_arguments": {"node": ["--a\nExecStart=/bin/sh"]}}, "allowed is a single line"),
        ({"exporters_arguments": {"node": ["--web.listen-address=:1"]}}, "use exporters_listen_address."),
    ],
)
def test_a_problem_is_named(bad: dict[str, Any], sentence: str) -> None:
    assert any(sentence in problem for problem in problems(bad)), problems(bad)


def test_two_exporters_cannot_share_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters, "PORTS", {"node": 9100, "other": 9101})
    found = problems({"exporters_enabled": ["node", "other"], "exporters_ports": {"other": 9100}})
    assert len(found) == 1
    assert "exporters_ports.other is *:9100, which exporters_ports.node (*:9100) already takes" in found[0]
