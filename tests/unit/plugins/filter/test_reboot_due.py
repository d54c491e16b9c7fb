# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a host is rebooted, by its policy."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.filter.reboot_due import reboot_due

RESULT = {"reboot_reasons": ["a newer kernel is installed"], "kept": ["dbus.service"]}


@pytest.mark.parametrize(
    ("policy", "reasons"),
    [
        ("never", []),
        ("when_required", ["a newer kernel is installed"]),
        ("when_outdated", ["a newer kernel is installed", "dbus.service uses replaced code"]),
    ],
)
def test_the_policy_decides(policy: str, reasons: list[str]) -> None:
    assert reboot_due(RESULT, policy) == reasons
    assert reboot_due({}, policy) == []


@pytest.mark.parametrize(
    ("result", "policy", "words"),
    [
        (RESULT, "sometimes", "policy is 'sometimes'; allowed are never, when_required, when_outdated"),
        ("text", "never", "the input is str; allowed is a module's result"),
    ],
)
def test_what_it_cannot_use_is_refused(result: object, policy: str, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        reboot_due(result, policy)
