# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role backup_server: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.backup_server import problems

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"  # noqa: S105 - no key, only its frame
GOOD: dict[str, Any] = {
    "backup_server_users": [{"name": "db1", "password": "p" * 20}],
    "backup_server_data_dir": "/srv/restic",
    "backup_server_listen_address": "",
    "backup_server_port": 8000,
    "backup_server_tls_certificate": CERTIFICATE,
    "backup_server_tls_key": KEY,
}


def test_good_inputs_have_no_problem() -> None:
    assert problems(GOOD) == []
    assert problems({}) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"backup_server_users": []}, "backup_server_users is empty; allowed is a list with at least one user."),
        (
            {"backup_server_users": [{"name": "a:b", "password": "p" * 20}]},
            "backup_server_users: name is 'a:b'; allowed",
        ),
        ({"backup_server_users": [{"name": "db1", "password": "short"}]}, "password has 5 characters; allowed are 20"),
        (
            {"backup_server_users": GOOD["backup_server_users"] * 2},
            "backup_server_users: name has 'db1' 2 times; allowed",
        ),
        ({"backup_server_port": 0}, "backup_server_port is 0; allowed is an integer from 1 to 65535."),
        ({"backup_server_listen_address": "backup1"}, "backup_server_listen_address is 'backup1'; allowed is empty or"),
        ({"backup_server_data_dir": "srv"}, "backup_server_data_dir is 'srv'; allowed is a plain absolute path"),
        (
            {"backup_server_data_dir": "/etc/restic"},
            "backup_server_data_dir is '/etc/restic'; allowed is a directory for",
        ),
        (
            {"backup_server_tls_key": ""},
            "backup_server_tls_certificate is set and backup_server_tls_key is empty; allowed",
        ),
        (
            {"backup_server_tls_certificate": ""},
            "backup_server_tls_key is set and backup_server_tls_certificate is empty",
        ),
        (
            {"backup_server_tls_certificate": "x.pem"},
            "backup_server_tls_certificate holds no certificate; allowed is PEM",
        ),
        ({"backup_server_tls_key": "x.key"}, "backup_server_tls_key holds no private key; allowed is PEM"),
    ],
)
def test_bad_inputs_are_named(bad: dict[str, Any], sentence: str) -> None:
    found = problems({**GOOD, **bad})
    assert any(sentence in problem for problem in found), found
