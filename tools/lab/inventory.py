"""What the Ansible inventory says about the lab's hosts."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from tools.lab.settings import BASES, CHECKOUT, LabError, forced_base, network_prefix


@dataclass(frozen=True)
class Publish:
    """A port of the host, published on the controller."""

    address: str
    port: int
    target: int


@dataclass(frozen=True)
class Host:
    """One container that stands in for a machine."""

    name: str
    address: str
    distribution: str
    publish: tuple[Publish, ...] = ()

    @property
    def container(self) -> str:
        """Name of the container."""
        return f"evenkeel-{self.name}"

    def digest(self, image: str, options: dict[str, Any]) -> str:
        """Names everything that the container is made of: another digest means another container."""
        text = json.dumps([asdict(self), image, options], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_hosts(inventories: Iterable[Path]) -> list[Host]:
    """Hosts of these inventories that have `lab_distribution`."""
    arguments = [f"--inventory={path}" for path in inventories]
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "--list", *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise LabError(f"ansible-inventory refused {', '.join(map(str, inventories))}: {done.stderr.strip()}")
    return hosts_of(json.loads(done.stdout), network_prefix())


def hosts_of(listing: dict[str, Any], prefix: str) -> list[Host]:
    """Turn the output of `ansible-inventory --list` into hosts; refuse what cannot become a container."""
    variables: dict[str, dict[str, Any]] = listing["_meta"]["hostvars"]
    hosts = [_host(name, data, prefix) for name, data in sorted(variables.items()) if "lab_distribution" in data]
    for what, values in (
        ("address", [host.address for host in hosts]),
        ("published port", [f"{item.address}:{item.port}" for host in hosts for item in host.publish]),
    ):
        for value in sorted({value for value in values if values.count(value) > 1}):
            raise LabError(f"Two hosts of the inventory have the {what} {value}: give each its own.")
    return hosts


def _host(name: str, data: dict[str, Any], prefix: str) -> Host:
    distribution = data["lab_distribution"]
    if distribution not in BASES:
        raise LabError(f"Host {name}: lab_distribution is {distribution!r}; allowed: {', '.join(BASES)}.")
    if "ansible_host" not in data:
        raise LabError(f"Host {name}: ansible_host is missing; give it an address in {prefix}.0/24.")
    # ansible-inventory does not template; the prefix is the one variable that addresses are built from.
    address = jinja2.Template(str(data["ansible_host"])).render(lab_network=prefix)
    try:
        inside = ipaddress.ip_address(address) in ipaddress.ip_network(f"{prefix}.0/24")
    except ValueError:
        inside = False
    if not inside or address.endswith((".0", ".1", ".255")):
        raise LabError(f"Host {name}: ansible_host is {address!r}; allowed: {prefix}.2 to {prefix}.254.")
    publish = tuple(_publish(name, text) for text in data.get("lab_publish", []))
    return Host(name, address, forced_base() or distribution, publish)


def _publish(name: str, text: str) -> Publish:
    try:
        address, port, target = str(text).split(":")
        ipaddress.ip_address(address)
        if not (0 < int(port) < 65536 and 0 < int(target) < 65536):
            raise ValueError
    except ValueError:
        raise LabError(
            f"Host {name}: lab_publish has {text!r}; allowed: address:port:port, for example 127.0.0.1:8080:80."
        ) from None
    return Publish(address, int(port), int(target))
