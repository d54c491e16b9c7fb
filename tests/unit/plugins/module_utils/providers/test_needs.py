# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of packages that a control is for."""

from __future__ import annotations

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.controls_input import BadInput, read
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.needs import is_within, upstream


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("1:9.2p1-2+deb12u10", (9, 2)),
        ("1:10.0p1-7+deb13u4", (10, 0)),
        ("8.7p1-45.el9", (8, 7)),
        ("2.6.12-1", (2, 6, 12)),
        ("unknown", ()),
    ],
)
def test_upstream_numbers(version: str, numbers: tuple[int, ...]) -> None:
    """Epoch and revision are the distribution's."""
    assert upstream(version) == numbers


@pytest.mark.parametrize(
    ("bound", "old", "new"), [(">=9.9", False, True), ("<9.9", True, False), (">= 9.9", False, True)]
)
def test_a_bound_parts_old_from_new(bound: str, old: bool, new: bool) -> None:
    """10.0 is newer than 9.9, which a comparison of texts gets wrong."""
    assert is_within("1:9.2p1-2+deb12u10", bound) is old
    assert is_within("1:10.0p1-7+deb13u4", bound) is new


def ssh(name: str, value: str, needs: dict[str, str]) -> dict[str, object]:
    """A setting of the SSH server."""
    setting = {"file": "/etc/ssh/sshd_config", "format": "sshd", "key": "KexAlgorithms", "value": value}
    return {"id": name, "needs": needs, "setting": setting}


def test_one_key_may_have_a_value_for_each_version() -> None:
    """No host can meet both."""
    package = "openssh-server"
    old, new = ({"package": package, "version": bound} for bound in ("<9.9", ">=9.9"))
    assert len(read([ssh("old", "a", old), ssh("new", "b", new)])) == 2
    with pytest.raises(BadInput, match="contradict each other"):
        read([ssh("old", "a", old), ssh("new", "b", {"package": package, "version": ">=9.2"})])


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        ({"version": ">=9.9"}, "needs.package does not say of what"),
        ({"package": "openssh-server", "version": "9.9"}, "allowed is >= or < and numbers"),
        ({"package": "openssh-server", "version": ">=9.9p1"}, "allowed is >= or < and numbers"),
    ],
)
def test_refused(needs: dict[str, str], says: str) -> None:
    """A bound that means nothing."""
    with pytest.raises(BadInput, match=says):
        read([ssh("one", "a", needs)])
