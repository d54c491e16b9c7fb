# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One nftables table of our own; every other table stays as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..changes import Reload, Step, Validator
from ..firewall_table import FirewallTable, own_tables
from ..nft_rules import CHAINS, PORT_PROTOCOLS, port_range, split_families
from ..operator_session import ssh_connection, sshd_ports
from .base import CHANGE, COMPLIANT, FAILED, Control, Plan, Provider, Unfit, Verdict

DATA = ("policy", "allow", "sets")
SWITCHES = ("log_dropped", "icmp", "loopback", "established")
DAEMON_RELOAD = Reload(("systemctl", "daemon-reload"))


class Firewall(Provider):
    """The parts that scopes add to one table, its file, the unit that loads it at boot, and the live table."""

    key = "firewall"
    summary = "Rules of one nftables table that evenkeel owns; other tables are never touched."
    order = 45
    releases = True
    example: ClassVar = {
        "policy": {"input": "drop"},
        "allow": [{"ports": ["22"]}, {"ports": ["443"], "sources": ["192.0.2.0/24"]}],
    }
    spec: ClassVar = {
        "table": {
            "type": "str",
            "default": "evenkeel",
            "description": "Name of the table in family inet. What several scopes say of one table is put together.",
        },
        "policy": {
            "type": "dict",
            "description": "What becomes of packets that no rule accepts.",
            "options": {
                chain: {"type": "str", "choices": ["accept", "drop"], "description": f"Policy of chain {chain}."}
                for chain in CHAINS
            },
        },
        "allow": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "description": "What is accepted, in this order.",
            "options": {
                "chain": {
                    "type": "str",
                    "choices": list(CHAINS),
                    "default": "input",
                    "description": "Where the rule stands.",
                },
                "protocol": {
                    "type": "str",
                    "default": "tcp",
                    "choices": [*PORT_PROTOCOLS, "icmp", "icmpv6", "vrrp", "esp", "ah", "gre"],
                    "description": "Protocol.",
                },
                "ports": {
                    "type": "list",
                    "elements": "str",
                    "default": [],
                    "description": "Destination ports 1 to 65535 or ranges, as in 443 or 8000-8010. Empty: all.",
                },
                "sources": {
                    "type": "list",
                    "elements": "str",
                    "default": [],
                    "description": "Addresses, networks or sets (@admins); in chain output destinations. Empty: "
                    "everybody.",
                },
                "interface": {
                    "type": "str",
                    "description": "Name of the interface; in chain output the outgoing one.",
                },
                "comment": {"type": "str", "description": "Note kept with the rule, up to 120 characters."},
            },
        },
        "sets": {
            "type": "dict",
            "default": {},
            "description": "Named lists of addresses and networks of both families for use as @name, as in {admins: "
            "[192.0.2.0/24]}.",
        },
        "log_dropped": {
            "type": "bool",
            "default": False,
            "description": "Log some of what the policy drops (5 a minute). Counts with policy.",
        },
        "icmp": {
            "type": "bool",
            "default": True,
            "description": "Accept the ICMP that the network needs. Counts with policy.",
        },
        "loopback": {
            "type": "bool",
            "default": True,
            "description": "Accept what the host says to itself. Counts with policy.",
        },
        "established": {
            "type": "bool",
            "default": True,
            "description": "Accept answers to accepted connections. Counts with policy.",
        },
        "force": {
            "type": "bool",
            "default": False,
            "description": "Load the table even where it does not let in the SSH port in use.",
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Ports that are none, addresses that are none, words that nft would read as syntax."""
        state = control.state
        found = []
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", str(state.get("table", "evenkeel"))):
            found.append(f"firewall.table is {state['table']!r}: allowed are small letters, digits and `_`")
        if not (state.get("policy") or state.get("allow") or state.get("sets")):
            found.append("firewall says neither policy nor allow nor sets")
        for name, addresses in (state.get("sets") or {}).items():
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,12}", str(name)):
                found.append(f"firewall.sets has the name {name!r}: allowed are 1 to 13 small letters, digits and `_`")
            found += _address_problems(f"firewall.sets.{name}", addresses)
        for number, rule in enumerate(state.get("allow") or []):
            found += rule_problems(f"firewall.allow[{number}]", rule)
        return found

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step per table; a table of which this scope says nothing any more loses its part of it."""
        plan = Plan()
        for name in sorted(
            {control.state["table"] for control in controls} | own_tables(self.host, self.planned.scope)
        ):
            members = [control for control in controls if control.state["table"] == name]
            try:
                self._plan_table(plan, name, members)
            except (ValueError, Unfit) as problem:
                plan.verdicts.update({control.id: Verdict(FAILED, reason=str(problem)) for control in members})
        return plan

    def _plan_table(self, plan: Plan, name: str, controls: list[Control]) -> None:
        table = FirewallTable(self.host, name, self.planned.scope)
        wanted: dict[str, Mapping[str, Any]] = {control.id: said_by(control) for control in controls}
        gone = table.before.keys() - wanted.keys()
        table.want({**wanted, **{control: table.before[control] for control in gone & self.planned.keep}})
        self._must_be_safe(table, controls)
        files, live = table.file_changes(), table.live_changes()
        step = Step(f"firewall {name}", [*files, *live] if table.parts() else [*live, *files], access=True)
        if any(target.startswith("/etc/systemd/") for change in files for _rest, target in change.touches()):
            step.reloads.append(DAEMON_RELOAD)
        if table.parts():
            step.validators.append(Validator(("nft", "--check", "--file", table.file)))
        if step.changes:
            plan.steps.append(step)
        for control in controls:
            plan.verdicts[control.id] = self._verdict(table, control, step)
        for control_id in sorted(gone - self.planned.keep):
            key = f"table {table.target}"
            plan.released.append({"id": control_id, "file": table.part, "key": key, "action": "removed", "reason": ""})

    def _verdict(self, table: FirewallTable, control: Control, step: Step) -> Verdict:
        before, after = table.before.get(control.id), table.after[control.id]
        drifted = bool(step.changes) and table.before == table.after
        if before == after and not drifted:
            return Verdict(COMPLIANT, before, after)
        verdict = Verdict(CHANGE, before, after, step=step.name, assumed=not self.host.has("nft"))
        verdict.reason = "the table in the kernel or its files were changed" if drifted else ""
        return verdict

    def _must_be_safe(self, table: FirewallTable, controls: list[Control]) -> None:
        """Unfit where the table cannot be loaded, or would shut out who loads it."""
        if not self.host.has("nft") and "nftables" not in self.planned.packages:
            raise Unfit("nft is not installed: add a control that installs the package nftables")
        undefined = table.undefined_sets()
        if undefined:
            raise Unfit(f"no control defines the set {', '.join(undefined)} of table {table.name}")
        if any(control.state["force"] for control in controls):
            return
        connection = ssh_connection(self.host, os.environ)
        client = connection[0] if connection else None
        closed = table.closed({connection[1]} if connection else sshd_ports(self.host), client)
        if closed:
            whom = f" from {client}" if client else ""
            words = ", ".join(str(port) for port in closed)
            raise Unfit(
                f"it would close the SSH port {words}{whom}: allow it in table {table.name}, or say `force: true`"
            )


def said_by(control: Control) -> dict[str, Any]:
    """The part of a control that goes into the table; the switches count only where it sets a policy."""
    keys = (*DATA, *SWITCHES) if control.state.get("policy") else DATA
    said = {key: control.state[key] for key in keys if control.state.get(key) not in (None, [], {})}
    said["allow"] = [_spoken(rule) for rule in said.get("allow", [])]
    said["policy"] = _spoken(said.get("policy", {}))
    return {key: value for key, value in said.items() if value not in ([], {})}


def _spoken(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value not in (None, [])}


def rule_problems(where: str, rule: Mapping[str, Any]) -> list[str]:
    """What is wrong with one rule."""
    found = []
    ports, protocol = rule.get("ports") or [], rule.get("protocol", "tcp")
    if ports and protocol not in PORT_PROTOCOLS:
        found.append(f"{where}.ports is given for {protocol}, which has no ports")
    for port in ports:
        try:
            port_range(port)
        except ValueError:
            found.append(f"{where}.ports has {port!r}: allowed are 1 to 65535, or a range such as 8000-8010")
    interface = rule.get("interface")
    if interface is not None and not re.fullmatch(r"[A-Za-z0-9_.:@-]{1,15}\*?", interface):
        found.append(f"{where}.interface is {interface!r}: allowed is the name of an interface")
    comment = rule.get("comment")
    if comment is not None and not re.fullmatch(r'[^"\\\n]{1,120}', comment):
        found.append(f"{where}.comment is {comment!r}: allowed are 1 to 120 characters without quotes and backslashes")
    sources = rule.get("sources") or []
    names = [source for source in sources if source.startswith("@")]
    found += [
        f"{where}.sources has {name!r}: that is no name of a set" for name in names if not name[1:].isidentifier()
    ]
    return found + _address_problems(f"{where}.sources", [source for source in sources if source not in names])


def _address_problems(where: str, addresses: Any) -> list[str]:
    if not isinstance(addresses, list):
        return [f"{where} is {addresses!r}: allowed is a list of addresses and networks"]
    found = []
    for address in addresses:
        try:
            split_families([str(address)])
        except ValueError:
            found.append(
                f"{where} has {address!r}: allowed are addresses and networks such as 192.0.2.0/24 or 2001:db8::1"
            )
    return found
