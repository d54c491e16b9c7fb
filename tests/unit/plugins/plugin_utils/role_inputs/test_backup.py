# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role backup: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.backup import problems

GOOD: dict[str, Any] = {
    "backup_repository": "rest:https://backup1.example.net:8000/db1/",
    "backup_rest_user": "db1",
    "backup_rest_password": "p" * 20,
    "backup_password": "correct horse battery",
    "backup_paths": ["/etc", "/srv"],
    "backup_excludes": ["/srv/*/cache", "*.tmp", "node_modules"],
    "backup_databases": [{"name": "shop"}, {"name": "shop", "port": 5433}],
    "backup_schedule": "Mon..Fri *-*-* 02:00:00",
    "backup_randomized_delay": "0s",
    "backup_timeout": "12h",
    "backup_nice": 10,
    "backup_drill_dir": "/var/tmp/drill",
    "backup_metrics_dir": "",
    "backup_rpo": "26h",
    "backup_rto": "4h",
    **{f"backup_keep_{name}": 0 for name in ("last", "hourly", "weekly", "monthly", "yearly")},
    "backup_keep_daily": 7,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"backup_repository": "rest:https://backup1.example.net:8000/db1/files"},
        {"backup_repository": "/backup/restic", "backup_rest_user": "", "backup_rest_password": ""},
        {
            "backup_repository": "sftp:keep@backup1:/srv/restic",
            "backup_rest_user": "",
            "backup_rest_password": "",
            "backup_sftp_known_hosts": "backup1 ssh-ed25519 AAAA",
        },
    ],
)
def test_good_inputs_have_no_problem(changes: dict[str, Any]) -> None:
    assert problems({**GOOD, **changes}) == []


def test_no_inputs_have_no_problem() -> None:
    assert problems({}) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"backup_repository": "backup1:/srv"}, "backup_repository is 'backup1:/srv'; allowed is rest:https://server"),
        ({"backup_repository": "rest:https://backup1:70000/db1/"}, "is 70000; allowed is an integer from 1 to 65535."),
        (
            {"backup_repository": "rest:https://backup1/web1/"},
            "for backup_rest_user 'db1' is a path that begins with /db1/",
        ),
        ({"backup_rest_user": ""}, "backup_rest_password is set and backup_rest_user is empty; allowed are both or"),
        (
            {"backup_rest_password": ""},
            "backup_rest_user is set and backup_rest_password is empty; allowed are both or",
        ),
        ({"backup_repository": "/backup"}, "backup_rest_user is set, but backup_repository is '/backup'; allowed is a"),
        ({"backup_sftp_key": "KEY"}, "backup_sftp_key is set, but backup_repository is"),
        (
            {"backup_repository": "sftp:keep@backup1:/srv/restic", "backup_rest_user": "", "backup_rest_password": ""},
            "backup_sftp_known_hosts is empty; allowed",
        ),
        ({"backup_password": "short"}, "backup_password has 5 characters; allowed are 12 or more."),
        ({"backup_password": "two\nlines of it"}, "backup_password has control characters; allowed is a single line."),
        ({"backup_paths": []}, "backup_paths is empty; allowed is a list with at least one absolute path."),
        ({"backup_paths": ["srv"]}, "backup_paths has 'srv'; allowed are plain absolute paths other than /"),
        ({"backup_paths": ["/"]}, "backup_paths has '/'; allowed are plain absolute paths other than /"),
        ({"backup_paths": ["/srv/../etc"]}, "backup_paths has '/srv/../etc'; allowed are plain"),
        ({"backup_paths": ["/srv/*"]}, "backup_paths has '/srv/*'; allowed are plain"),
        ({"backup_paths": ["/proc/sys"]}, "backup_paths has '/proc/sys'; allowed is nothing in /proc, /sys"),
        ({"backup_paths": ["/etc", "/etc"]}, "backup_paths has '/etc' 2 times; allowed is once."),
        ({"backup_excludes": ["cache/**"]}, "backup_excludes has 'cache/**'; allowed is an absolute path"),
        ({"backup_excludes": ["!keep"]}, "backup_excludes has '!keep'; allowed is"),
        ({"backup_excludes": ["/srv/"]}, "backup_excludes has '/srv/'; allowed is"),
        ({"backup_excludes": ["[ab]"]}, "backup_excludes has '[ab]'; allowed is"),
        ({"backup_databases": [{"name": "dbname=x"}]}, "backup_databases: name is 'dbname=x'; allowed is letters"),
        ({"backup_databases": [{"name": "-x"}]}, "backup_databases: name is '-x'; allowed is letters"),
        ({"backup_databases": [{"name": "x", "port": 0}]}, "backup_databases: 'x': port is 0; allowed is an integer"),
        (
            {"backup_databases": [{"name": "x"}, {"name": "x"}]},
            "backup_databases has 'x on port 5432' 2 times; allowed",
        ),
        (
            {"backup_schedule": "0 2 * * *"},
            "backup_schedule is '0 2 * * *'; allowed is an event of systemd's OnCalendar",
        ),
        ({"backup_randomized_delay": "25h"}, "backup_randomized_delay is '25h'; allowed is a number with the unit"),
        (
            {"backup_timeout": "5s"},
            "backup_timeout is '5s'; allowed is a number with the unit s, m, h or d, from 60s to 7d",
        ),
        ({"backup_rpo": "0s"}, "backup_rpo is '0s'; allowed is a number with the unit"),
        ({"backup_rto": "soon"}, "backup_rto is 'soon'; allowed is a number with the unit"),
        ({"backup_nice": -5}, "backup_nice is -5; allowed is an integer from 0 to 19."),
        ({"backup_keep_daily": 0}, "backup_keep_yearly are all 0, which keeps no snapshot; allowed is at least one"),
        ({"backup_keep_daily": -1}, "backup_keep_daily is -1; allowed is an integer from 0 to 10000."),
        (
            {"backup_drill_dir": "/srv/drill"},
            "backup_drill_dir is '/srv/drill', and backup_paths has '/srv'; allowed are",
        ),
        ({"backup_drill_dir": "/"}, "backup_drill_dir is '/'; allowed is a plain absolute path"),
        ({"backup_drill_dir": "drill"}, "backup_drill_dir is 'drill'; allowed is a plain absolute path"),
        (
            {"backup_repository": "/srv/restic", "backup_rest_user": "", "backup_rest_password": ""},
            "backup_repository is '/srv/restic', and backup_paths has '/srv'; allowed are places apart",
        ),
    ],
)
def test_bad_inputs_are_named(bad: dict[str, Any], sentence: str) -> None:
    found = problems({**GOOD, **bad})
    assert any(sentence in problem for problem in found), found


def test_secrets_do_not_show() -> None:
    text = " ".join(
        problems({**GOOD, "backup_repository": "rest:https://db1:hunter2@backup1/", "backup_password": "s3cret"})
    )
    assert "hunter2" not in text and "s3cret" not in text
