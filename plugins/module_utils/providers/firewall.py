# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One nftables table of our own; every other table stays as it is."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from ..changes import Reload, Step, Validator
from ..firewall_table import FirewallTable, own_tables
from ..listening_ports import Socket, read_owners, read_sockets
from ..nft_rules import CHAINS, PORT_PROTOCOLS, SWITCHES, port_range, split_families
from ..operator_session import ssh_connection, sshd_ports
from .base import CHANGE, COMPLIANT, FAILED, Control, Plan, Provider, ShutOut, Unfit, Verdict

DATA = ("policy", "allow", "sets")
FIRST_EPHEMERAL = 32768
DHCP_CLIENTS = (68, 546)
DAEMON_RELOAD = Reload(("systemctl", "daemon-reload"))


class Firewall(Provider):
    """The parts that scopes add to one table, its file, the unit that loads it at boot, and the live table."""

    key = "firewall"
    summary = "Rules of one nftables table that evenkeel owns; other tables are never touched."
    order = 45
    releases = True
    can_shut_out = True
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
                    "elements": "raw",
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
        "ssh": {
            "type": "bool",
            "default": False,
            "description": "Accept SSH on the ports of sshd, and on the one that this run came in through.",
        },
        "ssh_sources": {
            "type": "list",
            "elements": "str",
            "default": [],
            "description": "Addresses, networks or sets (@admins) that ssh lets in. Empty: everybody.",
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
        "dhcp": {
            "type": "bool",
            "default": True,
            "description": "Accept what DHCP servers answer, so that the host keeps its address. Counts with policy.",
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
        if not any(state.get(key) for key in ("policy", "allow", "ssh", "sets")):
            found.append("firewall says neither policy nor allow nor ssh nor sets")
        found += source_problems("firewall.ssh_sources", state.get("ssh_sources") or [])
        found += set_problems("firewall.sets", state.get("sets") or {})
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
            except ValueError as problem:
                plan.verdicts.update({control.id: Verdict(FAILED, reason=str(problem)) for control in members})
            except Unfit as problem:
                plan.verdicts.update({control.id: problem.verdict() for control in members})
        return plan

    def _plan_table(self, plan: Plan, name: str, controls: list[Control]) -> None:
        table = self.wanted_table(name, controls)
        gone = table.before.keys() - {control.id for control in controls}
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

    def wanted_table(self, name: str, controls: Sequence[Control]) -> FirewallTable:
        """The table as it would be with these controls of this scope, and those of it that are kept."""
        table = FirewallTable(self.host, name, self.planned.scope)
        ports = self._ssh_ports()
        wanted: dict[str, Mapping[str, Any]] = {control.id: said_by(control, ports) for control in controls}
        gone = table.before.keys() - wanted.keys()
        table.want({**wanted, **{control: table.before[control] for control in gone & self.planned.keep}})
        return table

    def _verdict(self, table: FirewallTable, control: Control, step: Step) -> Verdict:
        before, after = table.before.get(control.id), table.after[control.id]
        drifted = bool(step.changes) and table.before == table.after
        if before == after and not drifted:
            return Verdict(COMPLIANT, before, after)
        verdict = Verdict(CHANGE, before, after, step=step.name, assumed=not self.host.has("nft"))
        verdict.reason = "the table in the kernel or its files were changed" if drifted else self._shut(table)
        return verdict

    def _shut(self, table: FirewallTable) -> str:
        """What listens and is out of everybody's reach then, in words."""
        sockets = [socket for socket in read_sockets(self.host.path("/proc")) if waits_for_others(socket)]
        owners = read_owners(self.host.path("/proc")) if sockets else {}
        closed = dict.fromkeys(
            f"{socket.protocol} {socket.port}" + (f" ({owners[socket.inode].name})" if socket.inode in owners else "")
            for socket in sockets
            if not table.opens(socket.port, None, socket.protocol)
        )
        return f"nobody reaches any more: {', '.join(closed)}" if closed else ""

    def _ssh_ports(self) -> set[int]:
        """Where SSH is waited for: what sshd says, and where this session came in."""
        connection = ssh_connection(self.host, os.environ)
        return sshd_ports(self.host) | ({connection[1]} if connection else set())

    def _must_be_safe(self, table: FirewallTable, controls: list[Control]) -> None:
        """Unfit where the table cannot be loaded, or would shut out who loads it."""
        undefined = table.undefined_sets()
        if undefined:
            raise Unfit(f"no control defines the set {', '.join(undefined)} of table {table.name}")
        if not any(control.state["force"] for control in controls):
            self._must_let_the_operator_in(table)
        if not self.host.has("nft") and "nftables" not in self.planned.packages:
            raise Unfit("nft is not installed: add a control that installs the package nftables")

    def _must_let_the_operator_in(self, table: FirewallTable) -> None:
        connection = ssh_connection(self.host, os.environ)
        client = connection[0] if connection else None
        closed = table.closed({connection[1]} if connection else sshd_ports(self.host), client)
        if closed:
            whom = f" from {client}" if client else ""
            words = ", ".join(str(port) for port in closed)
            raise ShutOut(
                f"it would close the SSH port {words}{whom}: allow it in table {table.name}, or say `force: true`"
            )


def said_by(control: Control, ssh_ports: Collection[int]) -> dict[str, Any]:
    """The part of a control that goes into the table; the switches count only where it sets a policy."""
    keys = (*DATA, *SWITCHES) if control.state.get("policy") else DATA
    said = {key: control.state[key] for key in keys if control.state.get(key) not in (None, [], {})}
    rules = [{**rule, "ports": [str(port) for port in rule.get("ports") or []]} for rule in said.get("allow", [])]
    if control.state.get("ssh") and ssh_ports:
        ports = [str(port) for port in sorted(ssh_ports)]
        rules.insert(0, {"ports": ports, "sources": control.state["ssh_sources"], "comment": "ssh"})
    said["allow"] = [_spoken(rule) for rule in rules]
    # Inventories list the members of groups in no fixed order: a set in another order is the same set.
    said["sets"] = {name: sorted(set(addresses)) for name, addresses in said.get("sets", {}).items()}
    said["policy"] = _spoken(said.get("policy", {}))
    return {key: value for key, value in said.items() if value not in ([], {})}


def waits_for_others(socket: Socket) -> bool:
    """Whether peers outside the host may want to reach it: no loopback, no port that a client got by chance."""
    if ipaddress.ip_address(socket.address).is_loopback:
        return False
    return socket.protocol == "tcp" or (socket.port < FIRST_EPHEMERAL and socket.port not in DHCP_CLIENTS)


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
    return found + source_problems(f"{where}.sources", rule.get("sources") or [])


def set_problems(where: str, sets: Mapping[str, Any]) -> list[str]:
    """Names and members that nft would refuse."""
    found = []
    for name, addresses in sets.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,12}", str(name)):
            found.append(f"{where} has the name {name!r}: allowed are 1 to 13 small letters, digits and `_`")
        found += _address_problems(f"{where}.{name}", addresses)
    return found


def source_problems(where: str, sources: Sequence[str]) -> list[str]:
    """What is neither an address, nor a network, nor the name of a set."""
    names = [source for source in sources if str(source).startswith("@")]
    found = [f"{where} has {name!r}: that is no name of a set" for name in names if not name[1:].isidentifier()]
    return found + _address_problems(where, [source for source in sources if source not in names])


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
