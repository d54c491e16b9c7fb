# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role patching: what is refused, with which sentence."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.patching import problems

WINDOW = {"name": "monthly", "when": "third Tuesday 22:00", "timezone": "Europe/Berlin", "duration": "4h"}
FREEZE = {
    "from": datetime.date(2026, 12, 20),
    "to": "2027-01-06",
    "timezone": "Europe/Berlin",
    "reason": "closing",
    "owner": "finance",
}
ORDER = {"reason": "CVE-2026-1234", "owner": "anna"}


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"patching_windows": [WINDOW], "patching_freezes": [FREEZE], "patching_override": {}, "patching_at": ""},
        {"patching_windows": [], "patching_override": ORDER},
        {"patching_exclude": ["postgresql-*", "libc6", "libstdc++6", "libc6:i386", "linux-image-[0-9]*"]},
        {"patching_restart_never": ["dbus.service", "user@*.service", "systemd-manager"]},
        {"patching_paths": ["/etc/nginx"], "patching_at": "2026-11-17T22:30:00+01:00"},
        {"patching_waves": [1, "50%", "100%"], "patching_canary": 0, "patching_floor": "50%"},
        {"patching_waves": ["100%"], "patching_lock_timeout": 0, "patching_reboot_timeout": 3600},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"patching_windows": []},
            "patching_windows is []; allowed is at least one window, or patching_override with reason and owner.",
        ),
        (
            {"patching_windows": [{**WINDOW, "when": "3rd Tuesday 22:00"}]},
            "patching_windows: window 'monthly': when is '3rd Tuesday 22:00'; allowed is a form such as",
        ),
        (
            {"patching_windows": [{**WINDOW, "when": None, "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=3"}]},
            "patching_windows: window 'monthly': 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=3' never fires;",
        ),
        (
            {"patching_freezes": [{key: FREEZE[key] for key in FREEZE if key != "owner"}]},
            "patching_freezes: freezes[0] lacks owner;",
        ),
        (
            {"patching_freezes": [{**FREEZE, "to": "2026-12-01"}]},
            "patching_freezes: freeze 'closing': to is 2026-12-01;",
        ),
        ({"patching_override": {"owner": "anna"}}, "patching_override: override is {'owner': 'anna'}; allowed is"),
        ({"patching_at": "tonight"}, "patching_at: the moment is 'tonight'; allowed is ISO 8601"),
        ({"patching_at": "2026-11-17T22:30"}, "patching_at: the moment is '2026-11-17T22:30', without an offset;"),
        (
            {"patching_expected_duration": "soon"},
            "patching_expected_duration: the expected duration: duration is 'soon'; allowed is 1s to 31d",
        ),
        ({"patching_exclude": ["Perl"]}, "patching_exclude is 'Perl'; allowed is a package name of lower case"),
        ({"patching_exclude": ["a b"]}, "patching_exclude is 'a b'; allowed is a package name"),
        ({"patching_exclude": ["*"]}, "patching_exclude is '*', which leaves nothing;"),
        ({"patching_restart_never": ["a b"]}, "patching_restart_never is 'a b'; allowed is the name of a systemd unit"),
        ({"patching_paths": ["etc"]}, "patching_paths is 'etc'; allowed is an absolute path"),
        ({"patching_paths": ["/"]}, "patching_paths is '/'; allowed is an absolute path"),
        ({"patching_lock_timeout": 3601}, "patching_lock_timeout is 3601; allowed is an integer from 0 to 3600."),
        ({"patching_reboot_timeout": 5}, "patching_reboot_timeout is 5; allowed is an integer from 30 to 3600."),
        ({"patching_canary": "50%"}, "patching_canary: the canary is '50%'; allowed is a number of hosts"),
        ({"patching_canary": -1}, "patching_canary: the canary is -1; allowed is a number of hosts"),
        ({"patching_waves": ["50%", "25%", "100%"]}, "patching_waves: waves[1] is '25%' after '50%';"),
        ({"patching_waves": ["50%"]}, "patching_waves: waves is ['50%'], which ends with"),
        ({"patching_waves": []}, "patching_waves: waves is [], which ends with"),
        ({"patching_waves": ["101%"]}, "patching_waves: waves[0] is '101%'; allowed is a number of hosts"),
        ({"patching_floor": "most"}, "patching_floor: the floor is 'most'; allowed is a number of hosts"),
    ],
)
def test_bad_inputs_are_refused(bad: dict[str, Any], sentence: str) -> None:
    (problem,) = problems(bad)
    assert problem.startswith(sentence)
    assert problem.endswith(".")
