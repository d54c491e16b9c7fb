# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role keepalived, beyond their types: of one host, and of hosts together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks
from ansible_collections.evenkeel.ops.plugins.plugin_utils.virtual_routers import (
    Entry,
    advert_interval,
    between_hosts,
    floating,
    interface,
    ip,
    other_family,
    shared_network,
    twice,
)

__all__ = ["between_hosts", "problems"]

INTERFACE, INTERFACE_TEXT = r"[A-Za-z0-9_.@-]{1,15}", "the name of an interface, up to 15 characters"
LABEL, LABEL_TEXT = r"[A-Za-z0-9_.:@-]{1,15}", "a text of up to 15 letters, digits, '_', '.', ':', '@' and '-'"
# The configuration gives further characters a meaning of their own: blanks, quotes, braces, '$', '#', '!'.
WORD = r"[A-Za-z0-9_@%+=:,./?&~*-]+"
URL = r"http://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9_@%+=:,./?&~*-]*)?"
USER = r"[a-z_][a-z0-9_-]{0,31}"
PROCESS, PROCESS_TEXT = r"[A-Za-z0-9_.:/@-]{1,15}", "the name of a process, up to 15 characters without blanks"
PATH = r"(/[A-Za-z0-9_.-]+)+"
LONGEST_PASSWORD = 8
NUMBERS = (
    ("priority", 1, 254),
    ("preempt_delay", 0, 1000),
    ("garp_delay", 0, 1000),
    ("garp_repeat", 1, 100),
    ("garp_refresh", 0, 86400),
)


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    instances = checks.entries(inputs.get("keepalived_instances"))
    tracked = [*_tracked(inputs, "keepalived_processes"), *_tracked(inputs, "keepalived_checks")]
    names = [entry.get("name") for entry in tracked]
    return [
        *_general(inputs),
        *_hosts(inputs),
        *(problem for entry in _tracked(inputs, "keepalived_processes") for problem in _process(entry)),
        *(problem for entry in _tracked(inputs, "keepalived_checks") for problem in _check(entry)),
        *checks.duplicate_problems("keepalived_processes and keepalived_checks: name", names),
        *(problem for instance in instances for problem in _instance(instance, tracked)),
        *checks.duplicate_problems("keepalived_instances: name", (each.get("name") for each in instances)),
        *_together(instances),
    ]


def _tracked(inputs: Mapping[str, Any], name: str) -> list[Entry]:
    return checks.entries(inputs.get(name))


def _general(inputs: Mapping[str, Any]) -> Iterator[str]:
    if "keepalived_instances" in inputs and not checks.entries(inputs["keepalived_instances"]):
        yield "keepalived_instances is empty; allowed is a list with at least one instance."
    if "keepalived_priority" in inputs:
        yield from checks.range_problems("keepalived_priority", inputs["keepalived_priority"], 1, 254)
    if "keepalived_script_user" in inputs:
        yield from checks.pattern_problems(
            "keepalived_script_user", inputs["keepalived_script_user"], USER, "the name of a user of the host"
        )
    if inputs.get("keepalived_metrics_dir"):
        allowed = "empty or a plain absolute path, like /var/lib/prometheus/node-exporter"
        yield from checks.pattern_problems("keepalived_metrics_dir", inputs["keepalived_metrics_dir"], PATH, allowed)
    for name in ("keepalived_global_lines", "keepalived_lines"):
        yield from checks.line_problems(name, inputs.get(name) or [])


def _hosts(inputs: Mapping[str, Any]) -> Iterator[str]:
    hosts = [str(host) for host in inputs.get("keepalived_hosts") or []]
    known, own = inputs.get("__keepalived_known_hosts"), inputs.get("__keepalived_host")
    yield from checks.duplicate_problems("keepalived_hosts", hosts)
    if len(set(hosts)) == 1:
        yield (
            f"keepalived_hosts has only {hosts[0]!r}; allowed are two hosts or more that share the addresses, or none."
        )
    for host in hosts:
        if known is not None and host not in known:
            yield f"keepalived_hosts has {host!r}; allowed are hosts of the inventory."
    if hosts and own and own not in hosts:
        yield f"keepalived_hosts is {hosts!r}; allowed is a list that has {own!r} too, the host that gets it."


# What is tracked ---------------------------------------------------------------------------------------------------


def _process(process: Entry) -> Iterator[str]:
    where = f"keepalived_processes: process {process.get('name')!r}"
    yield from checks.name_problems("keepalived_processes: name", process.get("name"))
    named = process.get("process", process.get("name"))
    yield from checks.pattern_problems(f"{where}: process", named, PROCESS, PROCESS_TEXT)
    yield from checks.range_problems(f"{where}: delay", process.get("delay", 1), 0, 60)
    yield from checks.range_problems(f"{where}: weight", process.get("weight", 0), -253, 253)


def _check(check: Entry) -> Iterator[str]:
    where = f"keepalived_checks: check {check.get('name')!r}"
    yield from checks.name_problems("keepalived_checks: name", check.get("name"))
    given = [key for key in ("command", "url") if check.get(key)]
    if len(given) != 1:
        yield (
            f"{where} has {' and '.join(given) or 'neither command nor url'}; allowed is exactly one of command and "
            "url."
        )
    yield from _command(where, check.get("command") or [])
    if check.get("url"):
        allowed = "a URL like http://127.0.0.1/healthz, without blanks and quotes"
        yield from checks.pattern_problems(f"{where}: url", check["url"], URL, allowed)
    for key, low, high, usual in (
        ("interval", 1, 3600, 1),
        ("timeout", 1, 3600, 3),
        ("rise", 1, 255, 2),
        ("fall", 1, 255, 2),
        ("weight", -253, 253, 0),
    ):
        yield from checks.range_problems(f"{where}: {key}", check.get(key, usual), low, high)


def _command(where: str, command: Sequence[Any]) -> Iterator[str]:
    words = [str(word) for word in command]
    if words and not words[0].startswith("/"):
        yield f"{where}: command is {words[0]!r}; allowed is a program with its absolute path."
    for word in words:
        if not re.fullmatch(WORD, word):
            yield (
                f"{where}: command has {word!r}; allowed are letters, digits and _@%+=:,./?&~*- without blanks and "
                "quotes. Put the rest into a program of your own."
            )


# Instances ---------------------------------------------------------------------------------------------------------


def _instance(instance: Entry, tracked: Sequence[Entry]) -> Iterator[str]:
    where = f"keepalived_instances: instance {instance.get('name')!r}"
    yield from checks.name_problems("keepalived_instances: name", instance.get("name"))
    yield from checks.range_problems(f"{where}: router_id", instance.get("router_id"), 1, 255)
    for key, low, high in NUMBERS:
        if instance.get(key) is not None:
            yield from checks.range_problems(f"{where}: {key}", instance[key], low, high)
    for name in (instance.get("interface"), *(instance.get("track_interfaces") or [])):
        if name is not None:
            yield from checks.pattern_problems(f"{where}: interface", name, INTERFACE, INTERFACE_TEXT)
    yield from _addresses(where, instance)
    yield from _peers(where, instance)
    yield from _protocol(where, instance)
    yield from _preemption(where, instance, tracked)
    yield from checks.line_problems(f"{where}: lines", instance.get("lines") or [])


def _addresses(where: str, instance: Entry) -> Iterator[str]:
    entries = checks.entries(instance.get("addresses"))
    if not entries:
        yield f"{where}: addresses is empty; allowed is a list with at least one address."
    for entry in entries:
        address = str(entry.get("address"))
        if interface(address) is None:
            yield f"{where}: address is {address!r}; allowed is an IP address with its prefix, like 192.0.2.10/24."
        if entry.get("device") is not None:
            yield from checks.pattern_problems(f"{where}: device", entry["device"], INTERFACE, INTERFACE_TEXT)
        if entry.get("label") is not None:
            yield from checks.pattern_problems(f"{where}: label", entry["label"], LABEL, LABEL_TEXT)
    if {each.version for each in floating(instance)} == {4, 6}:
        given = [str(entry.get("address")) for entry in entries]
        yield f"{where}: addresses are {given!r}; allowed are only IPv4 or only IPv6 ones, and an instance for each."


def _peers(where: str, instance: Entry) -> Iterator[str]:
    peers = [str(peer) for peer in instance.get("unicast_peers") or []]
    source = instance.get("unicast_source")
    addresses = {str(each.ip) for each in floating(instance)}
    yield from checks.duplicate_problems(f"{where}: unicast_peers", peers)
    for key, value in [*(("unicast_peers", peer) for peer in peers), *([("unicast_source", source)] if source else [])]:
        if ip(value) is None:
            yield f"{where}: {key} has {value!r}; allowed is an IP address, like 192.0.2.12."
        elif str(ip(value)) in addresses:
            yield (
                f"{where}: {key} has {value!r}, which is one of its floating addresses; allowed is an address of a "
                "host."
            )
    if other_family(instance, peers):
        yield f"{where}: unicast_peers {other_family(instance, peers)}"
    if source in peers:
        yield f"{where}: unicast_peers has {source!r}, its own unicast_source; allowed are the other hosts."


def _protocol(where: str, instance: Entry) -> Iterator[str]:
    version, interval = checks.as_int(instance.get("version", 3)), advert_interval(instance)
    if version == 2:
        if interval is None or interval != int(interval) or not 1 <= interval <= 255:
            yield (
                f"{where}: advert_interval is {instance.get('advert_interval')!r}; allowed with version 2 is a whole "
                "number of seconds from 1 to 255."
            )
        if any(each.version == 6 for each in floating(instance)):
            yield f"{where}: version is 2 and its addresses are IPv6; allowed is version 3."
    elif interval is None or not 0.01 <= interval <= 40.95 or abs(interval * 100 - round(interval * 100)) > 1e-6:
        yield (
            f"{where}: advert_interval is {instance.get('advert_interval')!r}; allowed are seconds from 0.01 to 40.95 "
            "in steps of 0.01."
        )
    yield from _password(where, instance.get("password"), version)


def _password(where: str, password: Any, version: int | None) -> Iterator[str]:
    if password is None:
        return
    if version != 2:
        yield f"{where}: password is given, which VRRP version 3 does not know; allowed is none, or version: 2."
    elif not 1 <= len(str(password)) <= LONGEST_PASSWORD:
        yield (
            f"{where}: password has {len(str(password))} characters, of which VRRP sends {LONGEST_PASSWORD}; allowed "
            f"are 1 to {LONGEST_PASSWORD}."
        )
    elif not re.fullmatch(r"[A-Za-z0-9_@%+=:,./?&~*-]+", str(password)):
        yield (
            f"{where}: password has characters that keepalived would read in its own way; allowed are letters, digits "
            "and _@%+=:,./?&~*-."
        )


def _preemption(where: str, instance: Entry, tracked: Sequence[Entry]) -> Iterator[str]:
    preempt = checks.as_bool(instance.get("preempt", False))
    if checks.as_int(instance.get("preempt_delay", 0)) and not preempt:
        yield (
            f"{where}: preempt_delay is {instance['preempt_delay']!r}, but preempt is false; allowed is 0, or preempt: "
            "true."
        )
    names = {str(entry.get("name")) for entry in tracked}
    wanted = names if instance.get("track") is None else {str(name) for name in instance["track"]}
    for name in sorted(wanted - names):
        known = ", ".join(sorted(names)) or "none, since keepalived_processes and keepalived_checks are empty"
        yield f"{where}: track has {name!r}; allowed are {known}."
    for entry in tracked:
        if entry.get("name") in wanted and checks.as_int(entry.get("weight", 0)) and not preempt:
            yield (
                f"{where} tracks {entry.get('name')!r} with weight {entry['weight']!r}, but preempt is false: nobody "
                "would take the addresses from a host that only lost priority; allowed is weight 0, or preempt: true."
            )


def _together(instances: Sequence[Entry]) -> Iterator[str]:
    """What instances of one host may not have in common."""
    places = [(str(each.ip), instance) for instance in instances for each in floating(instance)]
    yield from checks.duplicate_problems("keepalived_instances: address", (address for address, _instance in places))
    for one, other in itertools.combinations(instances, 2):
        ids = checks.as_int(one.get("router_id")), checks.as_int(other.get("router_id"))
        if ids[0] is not None and ids[0] == ids[1] and _same_link(one, other):
            yield twice(other, one, "")


def _same_link(one: Entry, other: Entry) -> bool:
    families = [{each.version for each in floating(instance)} for instance in (one, other)]
    if not families[0] & families[1]:
        return False
    return one.get("interface") == other.get("interface") or shared_network(one, other) is not None
