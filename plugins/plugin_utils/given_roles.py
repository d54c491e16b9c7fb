# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which inputs an inventory gives a role to a host; a role's own defaults are not visible to other hosts."""

from __future__ import annotations

from collections.abc import Container, Mapping

MARKS: Mapping[str, tuple[str, ...]] = {
    "alertmanager": ("alertmanager_receivers",),
    "backup_server": ("backup_server_users",),
    "haproxy": ("haproxy_frontends", "haproxy_listens"),
    "keepalived": ("keepalived_instances",),
}


def has(role: str, variables: Container[str]) -> bool:
    """Whether a host with these variables has the role, where there is a mark to tell it by."""
    return role not in MARKS or any(name in variables for name in MARKS[role])
