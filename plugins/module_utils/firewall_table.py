# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One nftables table that scopes fill together: its parts, its file, the unit that loads it at boot, the live table.

/etc/evenkeel/firewall/<table>.d/<scope>.json   what a scope says, by control
/etc/evenkeel/firewall/<table>.nft              all of it, rendered
evenkeel-firewall.service                       loads that file before the network is up
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from .changes import Change
from .changes_basic import SetState
from .host import Host
from .kinds.nft_table import list_table, replacing
from .kinds.unit import UnitInfo, read_units, unit_links
from .nft_rules import merge_parts, opens, render_table
from .scoped_files import names_in, read_text, slug, write_changes

DIRECTORY = "/etc/evenkeel/firewall"
HEAD = "# Written by evenkeel.ops from the parts beside it; changes made here are overwritten.\n"
UNIT = """\
# Written by evenkeel.ops; changes made here are overwritten.
[Unit]
Description=Packet filter table {table} of evenkeel.ops
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=local-fs.target nftables.service
# Whoever restarts or reloads nftables flushes every table; then ours must come back.
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
ExecStart=/usr/sbin/nft --file {file}
ExecReload=/usr/sbin/nft --file {file}
ExecStop=-/usr/sbin/nft delete table inet {table}

[Install]
WantedBy=sysinit.target
"""

Said = Mapping[str, Mapping[str, Any]]


class FirewallTable:
    """A table as one scope wants it, together with what the other scopes have said."""

    def __init__(self, host: Host, name: str, scope: str) -> None:
        self.host, self.name = host, name
        self.part = f"{DIRECTORY}/{name}.d/{slug(scope)}.json"
        self.file = f"{DIRECTORY}/{name}.nft"
        self.unit = "evenkeel-firewall.service" if name == "evenkeel" else f"evenkeel-firewall-{name}.service"
        self.before: Said = _load(host, self.part)
        self.after: Said = {}

    @property
    def target(self) -> str:
        """Family and name, as nft has them."""
        return f"inet {self.name}"

    def want(self, after: Said) -> None:
        """What this scope says from now on."""
        self.after = dict(after)

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """What all scopes say, by a name that gives the order."""
        said = {self.part: self.after}
        for name in names_in(self.host, f"{DIRECTORY}/{self.name}.d", ".json"):
            path = f"{DIRECTORY}/{self.name}.d/{name}"
            said.setdefault(path, _load(self.host, path))
        return {f"{path}/{control}": part for path in sorted(said) for control, part in sorted(said[path].items())}

    def undefined_sets(self) -> list[str]:
        """Sets that a rule names and nobody defines."""
        merged = merge_parts(self.parts())
        sources = [source for rule in merged["rules"] for source in rule.get("sources") or []]
        return sorted({source[1:] for source in sources if source.startswith("@")} - merged["sets"].keys())

    def opens(self, port: int, client: str | None, protocol: str = "tcp") -> bool:
        """Whether `client`, or anybody at all, gets in there."""
        return opens(self.parts(), port, client, protocol)

    def closed(self, ports: set[int], client: str | None) -> list[int]:
        """Those of the TCP ports that `client` could not reach any more."""
        return sorted(port for port in ports if not self.opens(port, client))

    def file_changes(self) -> list[Change]:
        """The part, the rendered file and the unit; without any part they go."""
        parts = self.parts()
        said = json.dumps(self.after, indent=2, sort_keys=True) + "\n" if self.after else None
        rendered = f"{HEAD}{replacing(self.target, render_table(self.name, parts))}" if parts else None
        unit = UNIT.format(table=self.name, file=self.file) if parts else None
        changes = write_changes(self.host, self.part, said, 0o600)
        changes += write_changes(self.host, self.file, rendered, 0o600)
        if not parts and names_in(self.host, os.path.dirname(self.part)) == [os.path.basename(self.part)]:
            changes.append(SetState.absent(os.path.dirname(self.part)))
        return changes + write_changes(self.host, f"/etc/systemd/system/{self.unit}", unit)

    def live_changes(self) -> list[Change]:
        """The table in the kernel, and the unit. The unit's stop takes the table away, so it goes first."""
        parts = self.parts()
        wanted = self._as_nft_says(render_table(self.name, parts)) if parts else None
        present = list_table(self.host, self.target) if self.host.has("nft") else None
        table: list[Change] = []
        if _squeezed(present) != _squeezed(wanted):
            table.append(SetState("nft_table", self.target, {"ruleset": wanted}))
        return [*table, *self._unit_changes(True)] if parts else [*self._unit_changes(False), *table]

    def _unit_changes(self, wanted: bool) -> list[Change]:
        systemd = self.host.has_systemd
        unit = read_units(self.host, [self.unit])[self.unit] if systemd else UnitInfo(self.unit)
        enabled = unit.file_state == "enabled" if systemd else bool(unit_links(self.host, self.unit))
        if enabled == wanted and (not systemd or unit.active == wanted):
            return []
        state: dict[str, Any] = {"enabled": "enabled" if wanted else "disabled"}
        if systemd:
            state["active"] = wanted
        return [SetState("unit", self.unit, state)]

    def _as_nft_says(self, rendered: str) -> str:
        """The table as this nft would list it, found out in a network namespace that lives as long as the command."""
        script = 'nft --file - && exec nft --stateless list table "$@"'
        argv = ["unshare", "--net", "sh", "-c", script, "sh", *self.target.split()]
        answer = self.host.run(argv, stdin=rendered)
        return answer.out if answer.ok and answer.out else rendered


def own_tables(host: Host, scope: str) -> set[str]:
    """The tables that `scope` has said something of."""
    part = f"{slug(scope)}.json"
    directories = names_in(host, DIRECTORY, ".d")
    return {name[: -len(".d")] for name in directories if part in names_in(host, f"{DIRECTORY}/{name}", ".json")}


def _load(host: Host, path: str) -> Said:
    text = read_text(host, path)
    if text is None:
        return {}
    try:
        said = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is no JSON any more ({error}): put it back, or remove it") from None
    return said if isinstance(said, dict) else {}


def _squeezed(ruleset: str | None) -> str | None:
    """Without the blanks, which differ between releases of nft."""
    return None if ruleset is None else " ".join(ruleset.replace(";", " ").split())
