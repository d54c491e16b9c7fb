"""The lab's network, and what stands in its way."""

from __future__ import annotations

import ipaddress
import socket
import struct
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

from tools.lab.inventory import Publish
from tools.lab.settings import BRIDGE, LABEL, NETWORK, LabError, network_prefix


def check_network(client: docker.DockerClient) -> None:
    """Refuse a network that is in the way, before anything is touched."""
    try:
        network = client.networks.get(NETWORK)
    except NotFound:
        _refuse_overlap(client, _wanted())
        return
    if str(_wanted()) not in [pool.get("Subnet") for pool in network.attrs["IPAM"]["Config"] or []]:
        raise LabError(f"The lab runs in another network than {_wanted()}: run `make lab-down` first.")


def ensure_network(client: docker.DockerClient) -> None:
    """Make the lab's network unless it is there."""
    if not client.networks.list(names=[f"^{NETWORK}$"]):
        _create(client, _wanted())


def remove_network(client: docker.DockerClient) -> None:
    """Remove the lab's network when no container is left in it."""
    for network in client.networks.list(filters={"label": LABEL}):
        network.reload()
        if not network.attrs["Containers"]:
            network.remove()


def _wanted() -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"{network_prefix()}.0/24")


def _create(client: docker.DockerClient, wanted: ipaddress.IPv4Network) -> None:
    pool = docker.types.IPAMPool(subnet=str(wanted), gateway=str(wanted[1]))
    try:
        client.networks.create(
            NETWORK,
            driver="bridge",
            ipam=docker.types.IPAMConfig(pool_configs=[pool]),
            labels={LABEL: "1"},
            options={"com.docker.network.bridge.name": BRIDGE},
        )
    except APIError as error:
        raise LabError(f"The engine refuses the network {wanted}: {error.explanation}. {_remedy()}") from error


def _refuse_overlap(client: docker.DockerClient, wanted: ipaddress.IPv4Network) -> None:
    for network in client.networks.list():
        for pool in network.attrs["IPAM"]["Config"] or []:
            other = ipaddress.ip_network(pool.get("Subnet") or "0.0.0.0/32")
            if other.version == 4 and wanted.overlaps(other):
                raise LabError(
                    f"The lab's network {wanted} overlaps the container network '{network.name}' ({other}). {_remedy()}"
                )
    for interface, other in routes(Path("/proc/net/route").read_text(encoding="ascii")):
        if wanted.overlaps(other) and interface != BRIDGE:
            raise LabError(
                f"The lab's network {wanted} overlaps a route of this machine ({other} on {interface}). {_remedy()}"
            )


def routes(table: str) -> list[tuple[str, ipaddress.IPv4Network]]:
    """Interface and destination of every route but the default ones, from the text of /proc/net/route."""
    found = []
    for line in table.splitlines()[1:]:
        interface, destination, *_, mask = line.split()[:8]
        address, netmask = (socket.inet_ntoa(struct.pack("<L", int(word, 16))) for word in (destination, mask))
        network = ipaddress.IPv4Network(f"{address}/{netmask}")
        if network.prefixlen > 1:  # VPNs write a default route as two halves
            found.append((interface, network))
    return found


def _remedy() -> str:
    return "Set EVENKEEL_LAB_NETWORK to the first three octets of a free /24, for example 10.87.9."


def refuse_taken_port(host: str, publish: Publish) -> None:
    """Say which port is taken before a container is made."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((publish.address, publish.port))
        except OSError as error:
            raise LabError(
                f"Host {host} publishes {publish.address}:{publish.port}, which cannot be used: {error.strerror}. "
                "Free the port, or change lab_publish of the host."
            ) from error


def port_bindings(publish: tuple[Publish, ...]) -> dict[str, Any]:
    """The published ports as the engine wants them."""
    return {f"{item.target}/tcp": (item.address, item.port) for item in publish}
