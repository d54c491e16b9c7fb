# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual routers of VRRP: their networks, and whether what several hosts say of them can be true together."""

from __future__ import annotations

import ipaddress
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

# An address without a prefix says nothing of its network; it counts for its surroundings.
SURROUNDINGS = {4: 24, 6: 64}
# Seconds between two signs of life where an instance does not say, by version; what the role's template says too.
INTERVALS = {2: 1.0, 3: 0.5}

Entry = Mapping[str, Any]
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# The value of a host's variable, by the names of both; nothing where it has none.
Ask = Callable[[str, str], Any]


def between_hosts(host: str, values: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], ask: Ask) -> list[str]:
    """What is wrong with `values` of `host` beside those of the other hosts of the play."""
    found = list(_host_addresses(host, values, ask))
    for instance in checks.entries(values.get("keepalived_instances")):
        own = _own_addresses(instance, host, values, ask)
        peers = [str(peer) for peer in instance.get("unicast_peers") or []]
        for peer in sorted(own & set(peers)):
            found.append(
                f"keepalived_instances: instance {instance.get('name')!r}: unicast_peers has {peer!r}, which is "
                f"{host!r} itself; allowed are the other hosts."
            )
        if values.get("keepalived_hosts") and instance.get("unicast_peers") is None and other_family(instance, own):
            found.append(
                f"keepalived_instances: instance {instance.get('name')!r}: {host!r} {other_family(instance, own)} Give "
                "them in unicast_peers and unicast_source, or another variable in keepalived_address_from."
            )
        for name, theirs in sorted(others.items()):
            for other in checks.entries(theirs.get("keepalived_instances")):
                found += _beside(instance, other, name, peers, _own_addresses(other, name, theirs, ask))
    return found


def _host_addresses(host: str, values: Mapping[str, Any], ask: Ask) -> Iterator[str]:
    variable = str(values.get("keepalived_address_from", "ansible_host"))
    for name in values.get("keepalived_hosts") or []:
        address = ask(str(name), variable)
        if ip(address) is None:
            yield (
                f"keepalived_hosts has {name!r}, whose {variable} is {address!r}; allowed is an IP address, or another "
                "variable in keepalived_address_from."
            )


def _own_addresses(instance: Entry, host: str, values: Mapping[str, Any], ask: Ask) -> set[str]:
    variable = str(values.get("keepalived_address_from", "ansible_host"))
    return {
        str(address) for address in (instance.get("unicast_source"), ask(host, variable)) if ip(address) is not None
    }


def _beside(instance: Entry, other: Entry, host: str, peers: Sequence[str], theirs: set[str]) -> Iterator[str]:
    where = f"keepalived_instances: instance {instance.get('name')!r}"
    there = f"instance {other.get('name')!r} of {host!r}"
    mine, foreign = ({each.ip for each in floating(entry)} for entry in (instance, other))
    same_id = checks.as_int(instance.get("router_id")) == checks.as_int(other.get("router_id"))
    if not mine & foreign:
        if same_id and shared_network(instance, other):
            yield twice(instance, other, f" of {host!r}")
        return
    if not same_id:
        yield (
            f"{where}: router_id is {instance.get('router_id')}, and {there}, which has the same address "
            f"{min(map(str, mine & foreign))}, has {other.get('router_id')}; allowed is one id for the hosts that "
            "share an address."
        )
        return
    if mine != foreign:
        yield (
            f"{where}: addresses are {_listed(mine)}, and those of {there} with the same router_id {_listed(foreign)}; "
            "allowed are the same ones on all hosts that share an address."
        )
    for key, value, their in (
        ("version", checks.as_int(instance.get("version", 3)), checks.as_int(other.get("version", 3))),
        ("advert_interval", advert_interval(instance), advert_interval(other)),
    ):
        if value != their:
            yield (
                f"{where}: {key} is {value}, and {their} in {there}; allowed is the same on all hosts that share an "
                "address."
            )
    if peers and theirs and not theirs & set(peers):
        yield (
            f"{where}: unicast_peers is {peers!r}, without {' or '.join(sorted(theirs))} of {host!r}, which has the "
            "same address; allowed is a list with every other host that shares it, or both would have it at a time."
        )


def _listed(addresses: set[Any]) -> str:
    return ", ".join(sorted(map(str, addresses)))


def twice(instance: Entry, other: Entry, host: str) -> str:
    """The sentence for an id that two virtual routers have."""
    network = shared_network(instance, other)
    return (
        f"keepalived_instances: instance {instance.get('name')!r}: router_id is {instance.get('router_id')}, which "
        f"instance {other.get('name')!r}{host} has too{f' in the network {network}' if network else ''}; allowed is an "
        "id from 1 to 255 that no other virtual router of a network has."
    )


def interface(address: Any) -> Interface | None:
    """The address with its network; nothing where it is none."""
    try:
        return ipaddress.ip_interface(str(address))
    except ValueError:
        return None


def ip(address: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address; nothing where it is none."""
    try:
        return ipaddress.ip_address(str(address))
    except ValueError:
        return None


def floating(instance: Entry) -> list[Interface]:
    """The addresses of an instance that are some."""
    found = (interface(entry.get("address")) for entry in checks.entries(instance.get("addresses")))
    return [each for each in found if each is not None]


def other_family(instance: Entry, hosts: Iterable[str]) -> str:
    """Empty, or the rest of a sentence that names an address of a host; keepalived ignores floating ones of another "
    "family."""
    families = {each.version for each in floating(instance)}
    for address in hosts:
        found = ip(address)
        if found is not None and families and found.version not in families:
            return (
                f"has {address!r}, and the floating addresses are IPv{min(families)}; allowed are addresses of one "
                "family for hosts and floating addresses."
            )
    return ""


def _networks(instance: Entry) -> Iterator[Network]:
    for each in floating(instance):
        alone = each.network.prefixlen == each.max_prefixlen
        yield ipaddress.ip_network(f"{each.ip}/{SURROUNDINGS[each.version]}", strict=False) if alone else each.network


def shared_network(one: Entry, other: Entry) -> Network | None:
    """A network in which both instances have addresses."""
    for mine, theirs in itertools.product(_networks(one), _networks(other)):
        if mine.version == theirs.version and mine.overlaps(theirs):
            return mine
    return None


def advert_interval(instance: Entry) -> float | None:
    """Seconds between two signs of life; nothing where no number is given."""
    value = instance.get("advert_interval")
    if value is None:
        return INTERVALS.get(checks.as_int(instance.get("version", 3)) or 0)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and not isinstance(value, bool) else None
