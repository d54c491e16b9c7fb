# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One nftables table of the running kernel."""

from __future__ import annotations

from typing import Any

from ..changes import BlobStore, ChangeFailed, Kind
from ..host import Host


def list_table(host: Host, target: str) -> str | None:
    """The table `family name` in nft's own words without counters, or None where there is none."""
    result = host.run(["nft", "--stateless", "list", "table", *target.split()])
    if result.ok:
        return result.out
    if result.rc == 127 or "No such file or directory" in result.err:
        return None
    raise ChangeFailed(f"nft cannot list table {target}: {result.words}")


def replacing(target: str, ruleset: str) -> str:
    """A script that puts `ruleset` in the table's place in one kernel transaction; other tables are not touched."""
    return f"table {target}\ndelete table {target}\n{ruleset}"


class NftTableKind(Kind):
    """State: {"ruleset": nft's text of the table, or null}. Target: family and name, as in `inet evenkeel`."""

    name = "nft_table"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The table as nft lists it."""
        return {"ruleset": list_table(host, target)}

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Load or remove the table atomically."""
        present = list_table(host, target)
        if present == state["ruleset"]:
            return
        if state["ruleset"] is None:
            host.must(["nft", "delete", "table", *target.split()])
        else:
            host.must(["nft", "--file", "-"], stdin=replacing(target, state["ruleset"]))
