# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentence that says what brings a control about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import load
from ansible_collections.evenkeel.ops.plugins.plugin_utils.remedies import SENTENCES, remedy

CATALOGUE = Path(__file__).resolve().parents[4] / "roles/hardening/files/catalogue"


def test_every_kind_has_a_sentence() -> None:
    """A new provider needs one, too."""
    assert set(SENTENCES) == set(PROVIDERS)


@pytest.mark.parametrize("key", sorted(PROVIDERS))
def test_example_of_a_kind_has_a_sentence(key: str) -> None:
    """One that ends, and has no gap where a value is missing."""
    said = remedy({key: PROVIDERS[key].example})
    assert said.endswith((".", "…"))
    assert "None" not in said


def test_every_control_has_a_sentence() -> None:
    """Those of the catalogue."""
    said = {control["id"]: remedy(control) for control in load([str(CATALOGUE)])}
    assert not [name for name, text in said.items() if not text.endswith((".", "…")) or "None" in text]


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (
            {"sysctl": {"key": "net.ipv4.ip_forward", "value": 0}},
            "Set net.ipv4.ip_forward to 0, now and in /etc/sysctl.d.",
        ),
        ({"setting": {"file": "/etc/x", "key": "A", "value": [1, 2]}}, "Set A to 1 and 2 in /etc/x."),
        ({"setting": {"file": "/etc/x", "value": "umask 027"}}, "Put the line `umask 027` into /etc/x."),
        ({"service": {"name": "cups", "enabled": False, "state": "stopped"}}, "Disable and stop the unit cups."),
        ({"service": {"name": "cups", "masked": True}}, "Mask the unit cups."),
        ({"package": {"name": "nis", "state": "absent"}}, "Remove the package nis."),
        ({"account": {"name": "joe", "state": "absent"}}, "Remove the account joe."),
        (
            {"account": {"name": "joe", "locked": True, "groups": ["a"]}},
            "Of the account joe: lock the password, add it to a.",
        ),
        ({"file": {"path": "/x", "state": "absent"}}, "Remove /x."),
        ({"file": {"path": "/x", "state": "directory"}}, "Make the directory /x."),
        ({"file": {"path": "/x", "owner": "root", "group": "adm"}}, "Of /x: give it to root:adm."),
        ({"cmdline": {"parameter": "audit", "value": 1}}, "Add audit=1 to the kernel's command line, and reboot."),
        ({}, ""),
    ],
)
def test_sentence(control: dict[str, Any], said: str) -> None:
    """What is to be done, with the place and the value."""
    assert remedy(control) == said


def test_secret_values_do_not_show() -> None:
    """Nor does a part of them."""
    said = remedy({"secret": True, "setting": {"file": "/etc/x", "key": "password", "value": "hunter2"}})
    assert said == "Set password to the value of the catalogue in /etc/x."


def test_long_sentence_is_cut() -> None:
    """With a sign that it was."""
    said = remedy({"audit_rule": {"rules": ["-w /etc/passwd -p wa"] * 50}})
    assert len(said) == 300
    assert said.endswith("…")
