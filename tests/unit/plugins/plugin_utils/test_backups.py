# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a repository is, and what the programs on the hosts are told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import backups

INPUTS: dict[str, Any] = {
    "backup_repository": "rest:https://backup1.example.net:8000/db1/",
    "backup_rest_user": "db1",
    "backup_rest_password": "a/b@c:d e",
    "backup_password": "correct horse battery",
    "backup_paths": ["/srv", "/etc"],
    "backup_excludes": ["*.tmp"],
    "backup_databases": [{"name": "shop"}, {"name": "stock", "port": "5433"}],
    "backup_database_user": "postgres",
    "backup_database_roles": True,
    "backup_prune": "false",
    **{f"backup_keep_{name}": "1" for name in backups.KEEP},
    "backup_metrics_dir": "",
    "backup_drill_dir": "/var/tmp/drill",
    "backup_rpo": "26h",
    "backup_rto": "90m",
}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("rest:http://192.0.2.61:8000/db1/", ("rest", "192.0.2.61", 8000, "/db1/", "")),
        ("rest:https://backup1.example.net", ("rest", "backup1.example.net", None, "/", "")),
        ("rest:http://[2001:db8::1]:8000/db1/", ("rest", "[2001:db8::1]", 8000, "/db1/", "")),
        ("sftp:keep@backup1:/srv/restic", ("sftp", "backup1", None, "/srv/restic", "keep")),
        ("sftp://keep@backup1:2222//srv/restic", ("sftp", "backup1", 2222, "/srv/restic", "keep")),
        ("/srv/restic", ("local", "", None, "/srv/restic", "")),
    ],
)
def test_places_are_taken_apart(text: str, parts: tuple[Any, ...]) -> None:
    assert backups.repository(text) == parts


@pytest.mark.parametrize(
    "text", ["", "srv/restic", "rest:https://db1:secret@backup1/", "http://backup1/", "s3:bucket", "sftp:backup1", "/"]
)
def test_other_places_are_none(text: str) -> None:
    assert backups.repository(text) is None


def test_user_and_password_are_put_into_the_place_escaped() -> None:
    assert backups.location(INPUTS) == "rest:https://db1:a%2Fb%40c%3Ad%20e@backup1.example.net:8000/db1/"
    assert backups.location({"backup_repository": "/srv/restic"}) == "/srv/restic"


def test_the_program_is_told_no_secret() -> None:
    told = backups.program_settings(INPUTS, "db1")
    assert "horse" not in repr(told) and "a/b" not in repr(told)
    assert told["paths"] == ["/etc", "/srv"]
    assert told["databases"] == [{"name": "shop", "port": 5432}, {"name": "stock", "port": 5433}]
    assert (told["rpo"], told["rto"], told["prune"]) == (93600, 5400, False)


def test_sftp_trusts_only_the_given_server_and_never_asks() -> None:
    inputs = {"backup_repository": "sftp://keep@backup1:2222//srv/restic", "backup_sftp_key": "KEY"}
    option, value = backups.restic_options(inputs)
    assert option == "--option"
    assert value.startswith("sftp.command=ssh -o BatchMode=yes -o StrictHostKeyChecking=yes")
    assert value.endswith("-i /etc/evenkeel-backup/ssh_key -p 2222 keep@backup1 -s sftp")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("1d", 86400), ("0s", 0), ("1h30m", None), ("-1h", None), ("2 h", None), (5, None)],
)
def test_lengths_of_time(text: Any, seconds: int | None) -> None:
    assert backups.seconds(text) == seconds


def test_the_password_file_is_as_htpasswd_would_write_it() -> None:
    users = [{"name": "web1", "password": "x"}, {"name": "db1", "password": "password"}]
    # htpasswd -bns db1 password
    assert backups.htpasswd(users) == "db1:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nweb1:{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=\n"
