# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the roles backup and backup_server. Their documentation stands beside this file, one .yml each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import backups


class FilterModule:
    """Offers the filters to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "restic_htpasswd": backups.htpasswd,
            "restic_location": backups.location,
            "restic_program_settings": backups.program_settings,
        }
