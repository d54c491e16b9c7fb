# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File descriptors that HAProxy needs: what is counted, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_limits as limits

CONFIGURATION = """
global
    maxconn 5000
    nbthread 2
    # maxconn 1

frontend http
    bind *:80
    maxconn 100
    default_backend web

backend web
    server a 192.0.2.1:80 check agent-check agent-port 9999
    server b 192.0.2.2:80
"""


def test_a_configuration_is_counted() -> None:
    assert limits.read_configuration(CONFIGURATION) == (5000, 2, 3)
    assert limits.needed(5000, 2, 3) == 10073


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("LimitNOFILE=1024:524288", 524288),
        ("LimitNOFILE=1000\n[Service]\nLimitNOFILE=2000\n", 2000),
        ("DefaultLimitNOFILE=4096", 4096),
        ("LimitNOFILE=infinity", None),
        ("#LimitNOFILE=1", None),
        ("", None),
    ],
)
def test_the_last_hard_limit_counts(said: str, limit: int | None) -> None:
    assert limits.read_limit(said) == limit


def test_connections_beyond_the_limit_are_one_sentence() -> None:
    assert limits.problem(CONFIGURATION, 10073, 64) == ""
    assert limits.problem(CONFIGURATION, None, 64) == ""
    assert limits.problem(CONFIGURATION, 10072, 64) == (
        "maxconn is 5000, which needs 10073 file descriptors; allowed is at most 4999 with the unit's "
        "LimitNOFILE=10072, or a higher haproxy_file_limit."
    )


def test_without_maxconn_haproxy_decides_and_threads_are_the_processors() -> None:
    assert limits.problem("global\n    nbthread 2\n", 10, 1) == ""
    assert "which needs 96 file" in limits.problem("global\n    maxconn 10\n", 90, 4)


@pytest.mark.parametrize(("limit", "code"), [("20000", 0), ("2000", 1)])
def test_the_program_asks_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], limit: str, code: int
) -> None:
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\n[ $1 = cat ] && echo LimitNOFILE={limit}\n")
    (tmp_path / "systemctl").chmod(0o755)
    (tmp_path / "haproxy.cfg").write_text(CONFIGURATION)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert limits.main([str(tmp_path / "haproxy.cfg"), "haproxy.service", "/nowhere"]) == code
    assert ("allowed is at most" in capsys.readouterr().err) == bool(code)


def test_where_nobody_knows_the_limit_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert limits.unit_limit("haproxy.service", "/nowhere") is None


def test_a_drop_in_that_systemd_has_never_seen_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drop_in = tmp_path / "evenkeel.conf"
    drop_in.write_text("[Service]\nLimitNOFILE=9000\n")
    said = ["# /usr/lib/systemd/system/haproxy.service\n[Service]\nLimitNOFILE=500\n"]
    monkeypatch.setattr(limits, "_ask", lambda argv: said[0] if "cat" in argv else "DefaultLimitNOFILE=700\n")
    assert limits.unit_limit("haproxy.service", str(drop_in)) == 9000
    # Where systemd knows it, its order holds: a later drop-in of somebody else's wins.
    said[0] += f"\n# {drop_in}\n[Service]\nLimitNOFILE=9000\n\n# /etc/later.conf\n[Service]\nLimitNOFILE=800\n"
    assert limits.unit_limit("haproxy.service", str(drop_in)) == 800
