# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with stick tables."""

from __future__ import annotations

from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from .model import WORD, WORD_TEXT, Model, duration_problems, given, unknown_problems

TYPE = r"(ip|ipv6|integer)|(string|binary)( len [1-9][0-9]*)?"
TYPE_TEXT = "ip, ipv6, integer, string or binary, the last two perhaps with a length, like 'string len 64'"
SIZE = r"[1-9][0-9]*[kmgKMG]?"
SIZE_TEXT = "a number of entries, perhaps with k or m, like 100k"


def table_problems(where: str, table: Any, model: Model) -> list[str]:
    """One stick table."""
    found = given(where, table, "type", TYPE, TYPE_TEXT) + given(where, table, "size", SIZE, SIZE_TEXT)
    if "expire" in table:
        found += duration_problems(f"{where}.expire", table["expire"])
    for item in table.get("store") or []:
        found += checks.pattern_problems(f"{where}.store", item, WORD, WORD_TEXT)
    return found + unknown_problems(f"{where}.peers", table.get("peers"), model.peers, "haproxy_peers")
