# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role kernel: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.kernel import problems


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"kernel_profile": "web_proxy", "kernel_connections": 50000},
        {"kernel_overrides": {"vm-swappiness": 1, "net-receive-buffer": [4096, 65536, 1048576]}},
        {"kernel_overrides": {"vm-swappiness": "60", "transparent-hugepages": "never"}},
        {"kernel_settings_disabled": ["net-local-ports"], "kernel_confirm_deadline": 30},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"kernel_connections": -1}, "kernel_connections is -1; allowed is an integer from 0 to 10000000."),
        ({"kernel_confirm_deadline": 29}, "kernel_confirm_deadline is 29; allowed is an integer from 30 to 900."),
        ({"kernel_state_dir": "lib"}, "kernel_state_dir is 'lib'; allowed is an absolute path without blanks."),
        ({"kernel_overrides": {"x": 1}}, "kernel_overrides names 'x'; allowed in profile balanced are vm-swappiness,"),
        (
            {"kernel_overrides": {"net-local-ports": [1, 2]}},
            "kernel_overrides names 'net-local-ports'; allowed in profile balanced are",
        ),
        (
            {"kernel_overrides": {"vm-swappiness": True}},
            "kernel_overrides.vm-swappiness is True; allowed is a whole number from 0.",
        ),
        (
            {"kernel_overrides": {"vm-swappiness": -5}},
            "kernel_overrides.vm-swappiness is -5; allowed is a whole number from 0.",
        ),
        (
            {"kernel_overrides": {"net-receive-buffer": [4096]}},
            "kernel_overrides.net-receive-buffer is [4096]; allowed is a list of 3 whole numbers from 0.",
        ),
        (
            {"kernel_overrides": {"transparent-hugepages": 1}},
            "kernel_overrides.transparent-hugepages is 1; allowed is a word such as madvise.",
        ),
        ({"kernel_settings_disabled": ["swap"]}, "kernel_settings_disabled has 'swap'; allowed are vm-swappiness,"),
    ],
)
def test_bad_inputs_are_named(bad: dict[str, Any], sentence: str) -> None:
    assert [problem for problem in problems(bad) if sentence in problem], problems(bad)
