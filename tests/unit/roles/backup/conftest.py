# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the role backup, as the host would import it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "roles/backup/files"))

from evenkeel_backup.settings import Settings  # noqa: E402 - the path comes first
from fake_restic import ID  # noqa: E402 - the path comes first


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings over a temporary directory, as the role writes them."""

    def make(**changes: Any) -> Settings:
        for name in ("etc", "state", "cache", "metrics", "data"):
            (tmp_path / name).mkdir(exist_ok=True)
        given = {
            "host": "db1",
            "repository": "rest:http://192.0.2.61:8000/db1/",
            "paths": [str(tmp_path / "data")],
            "excludes": ["*.tmp"],
            "databases": [],
            "database_user": "postgres",
            "database_roles": True,
            "keep": {"last": 0, "daily": 7},
            "prune": False,
            "metrics_dir": str(tmp_path / "metrics"),
            "drill_dir": str(tmp_path / "drill"),
            "rpo": 3600,
            "rto": 60,
            "restic_options": [],
            "state": str(tmp_path / "state"),
            "cache": str(tmp_path / "cache"),
            **changes,
        }
        (tmp_path / "etc/config.json").write_text(json.dumps(given))
        (tmp_path / "etc/password").write_text("correct horse battery\n")
        (tmp_path / "etc/repository").write_text("rest:http://db1:s%2Fcret-word@192.0.2.61:8000/db1/\n")
        settings = Settings.read(tmp_path / "etc")
        settings.marker.write_text(ID + "\n")
        return settings

    return make
