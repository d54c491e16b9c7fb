# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which updates are chosen."""

from __future__ import annotations

from typing import Any

UPDATE_ARGS: dict[str, dict[str, Any]] = {
    "select": {"type": "str", "choices": ["all", "security"], "default": "all"},
    "exclude": {"type": "list", "elements": "str", "default": []},
}
