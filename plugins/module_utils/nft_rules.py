# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders firewall data into one nftables table. Equal data gives equal text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CHAINS = ("input", "forward", "output")
PORT_PROTOCOLS = ("tcp", "udp", "sctp", "dccp")
# Without these IPv6 does not work at all, and paths with a smaller packet size hang.
ICMP4 = "destination-unreachable, echo-request, parameter-problem, time-exceeded"
ICMP6 = (
    "destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, "
    "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, "
    "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"
)

# What a policy brings along, unless it says otherwise.
SWITCHES = {"log_dropped": False, "icmp": True, "dhcp": True, "loopback": True, "established": True}
# Answers to a broadcast or multicast belong to no known connection.
DHCP_ANSWERS = ("udp sport 67 udp dport 68 accept", "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept")


def port_range(text: str) -> tuple[int, int]:
    """`443` or `8000-8010`; ValueError where it is neither."""
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", str(text))
    if match is None:
        raise ValueError(f"{text!r} is no port")
    first, last = int(match.group(1)), int(match.group(2) or match.group(1))
    if not 1 <= first <= last <= 65535:
        raise ValueError(f"{text!r} is no port")
    return first, last


def split_families(addresses: Iterable[str]) -> tuple[list[str], list[str]]:
    """IPv4 and IPv6 networks, merged where they overlap, in order; ValueError for what is no address."""
    networks = [ipaddress.ip_network(address, strict=False) for address in addresses]
    four = ipaddress.collapse_addresses(net for net in networks if isinstance(net, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(net for net in networks if isinstance(net, ipaddress.IPv6Network))
    return [_short(net) for net in sorted(four)], [_short(net) for net in sorted(six)]


def _short(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if single else str(network)


def merge_parts(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All parts of a table as one: policies and sets by name, rules in the order of the parts' names."""
    policy: dict[str, str] = {}
    sets: dict[str, list[str]] = {}
    switches: dict[str, dict[str, bool]] = {}
    rules: list[Mapping[str, Any]] = []
    for name in sorted(parts):
        part = parts[name]
        said = {chain: verdict for chain, verdict in (part.get("policy") or {}).items() if verdict}
        policy.update(said)
        switches.update({chain: {name: part.get(name, usual) for name, usual in SWITCHES.items()} for chain in said})
        rules += part.get("allow") or []
        for set_name, addresses in (part.get("sets") or {}).items():
            sets[set_name] = [*sets.get(set_name, []), *addresses]
    return {"policy": policy, "sets": sets, "rules": rules, "switches": switches}


def render_table(table: str, parts: Mapping[str, Mapping[str, Any]]) -> str:
    """`table inet <name> { … }` in the form in which nft itself lists it, as far as that is known."""
    merged = merge_parts(parts)
    lines = [f"table inet {table} {{"]
    for name, addresses in sorted(merged["sets"].items()):
        lines += _render_set(name, addresses)
    for chain in CHAINS:
        rules = [rule for rule in merged["rules"] if rule.get("chain", "input") == chain]
        if chain in merged["policy"] or rules:
            lines += _render_chain(chain, merged, rules)
    return "\n".join([*lines, "}"]) + "\n"


def _render_set(name: str, addresses: Sequence[str]) -> list[str]:
    lines = []
    for family, kind, elements in zip("46", ("ipv4_addr", "ipv6_addr"), split_families(addresses)):
        lines += [f"\tset {name}_{family} {{", f"\t\ttype {kind}", "\t\tflags interval"]
        lines += [f"\t\telements = {{ {', '.join(elements)} }}"] if elements else []
        lines += ["\t}", ""]
    return lines


def _render_chain(chain: str, merged: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> list[str]:
    policy = merged["policy"].get(chain, "accept")
    lines = [f"\tchain {chain} {{", f"\t\ttype filter hook {chain} priority filter; policy {policy};"]
    switches = merged["switches"].get(chain, SWITCHES)
    if policy == "drop":
        lines += [f"\t\t{rule}" for rule in _base_rules(chain, switches)]
    for rule in rules:
        lines += [f"\t\t{text}" for text in render_rule(rule)]
    if policy == "drop" and switches["log_dropped"]:
        lines.append(f'\t\tlimit rate 5/minute log prefix "dropped {chain}: "')
    return [*lines, "\t}", ""]


def _base_rules(chain: str, switches: Mapping[str, bool]) -> list[str]:
    rules = []
    if switches["established"]:
        rules += ["ct state established,related accept", "ct state invalid drop"]
    if switches["loopback"] and chain != "forward":
        rules.append(f'{"iifname" if chain == "input" else "oifname"} "lo" accept')
    if switches["loopback"] and chain == "input":
        rules += ["ip saddr 127.0.0.0/8 drop", "ip6 saddr ::1 drop"]
    if switches["icmp"]:
        rules += [f"icmp type {{ {ICMP4} }} accept", f"icmpv6 type {{ {ICMP6} }} accept"]
    if switches["dhcp"] and chain == "input":
        rules += DHCP_ANSWERS
    return rules


def render_rule(rule: Mapping[str, Any]) -> list[str]:
    """One rule of the data: a line for all addresses, or one for each family."""
    interface = rule.get("interface")
    side = "oifname" if rule.get("chain") == "output" else "iifname"
    head = f'{side} "{interface}" ' if interface else ""
    tail = f"{_protocol(rule)} accept"
    if rule.get("comment"):
        tail += f' comment "{rule["comment"]}"'
    return [f"{head}{match}{tail}" for match in _address_matches(rule)]


def _address_matches(rule: Mapping[str, Any]) -> list[str]:
    which = "daddr" if rule.get("chain") == "output" else "saddr"
    sources = rule.get("sources") or []
    if not sources:
        return [""]
    four, six = split_families(source for source in sources if not source.startswith("@"))
    lines = []
    for word, addresses in (("ip", four), ("ip6", six)):
        if addresses:
            several = addresses[0] if len(addresses) == 1 else f"{{ {', '.join(addresses)} }}"
            lines.append(f"{word} {which} {several} ")
    for name in (source[1:] for source in sources if source.startswith("@")):
        lines += [f"ip {which} @{name}_4 ", f"ip6 {which} @{name}_6 "]
    return lines


def _protocol(rule: Mapping[str, Any]) -> str:
    protocol = rule.get("protocol", "tcp")
    if protocol not in PORT_PROTOCOLS:
        return f"meta l4proto {'ipv6-icmp' if protocol == 'icmpv6' else protocol}"
    ranges = sorted({port_range(port) for port in rule.get("ports") or []})
    if not ranges:
        return f"meta l4proto {protocol}"
    words = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    return f"{protocol} dport {words[0]}" if len(words) == 1 else f"{protocol} dport {{ {', '.join(words)} }}"


def opens(parts: Mapping[str, Mapping[str, Any]], port: int, client: str | None, protocol: str = "tcp") -> bool:
    """Whether `client`, or anybody, can begin to talk to `port`. The interface is taken to be the right one."""
    merged = merge_parts(parts)
    if merged["policy"].get("input", "accept") == "accept":
        return True
    rules = [rule for rule in merged["rules"] if rule.get("chain", "input") == "input"]
    rules = [rule for rule in rules if rule.get("protocol", "tcp") == protocol]
    return any(_lets_in(rule, merged["sets"], port, client) for rule in rules)


def _lets_in(rule: Mapping[str, Any], sets: Mapping[str, Sequence[str]], port: int, client: str | None) -> bool:
    ranges = [port_range(text) for text in rule.get("ports") or []] or [(1, 65535)]
    if not any(first <= port <= last for first, last in ranges):
        return False
    sources = rule.get("sources") or []
    if not sources or client is None:
        return True
    addresses = [a for source in sources for a in (sets.get(source[1:], []) if source.startswith("@") else [source])]
    return any(ipaddress.ip_address(client) in ipaddress.ip_network(address, strict=False) for address in addresses)
