"""What a fleet costs the controller: the audit and a second run of the hardening on 100 hosts.

One container is hardened with the profile strict; the others are started from an image of it. All of them, and the
image, are gone at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.models.containers import Container

from tools.lab import access
from tools.lab.containers import Lab, container_options
from tools.lab.inventory import Host
from tools.lab.progress import say
from tools.lab.settings import CHECKOUT, LABEL, LOGIN, NETWORK, LabError, network_prefix
from tools.runs import Result, run_playbook

HOSTS = 100
FIRST_ADDRESS = 101
IMAGE = "evenkeel/fleet:bench"
DISTRIBUTION = "debian13"
PLACE = CHECKOUT / "build/bench"
PLAYBOOK = CHECKOUT / "tools/bench_harden.yml"
# Two processors start so many at a time without any of them running out of patience.
AT_ONCE = 8


@dataclass(frozen=True)
class FleetCost:
    """Two runs over the whole fleet, and one over a single host."""

    audit: Result
    second_run: Result
    alone: Result


def measure() -> FleetCost:
    """Make the fleet, run over it, take it away."""
    client = docker.from_env()
    with _fleet(client) as inventory:
        options = [f"--inventory={inventory}"]
        audit = run_playbook(
            "evenkeel.ops.audit",
            "bench-fleet-audit",
            variables={"evenkeel_audit_hosts": "fleet", "evenkeel_audit_hardening": True},
            options=[*options, "--become"],
        )
        second = run_playbook(str(PLAYBOOK), "bench-fleet-second-run", options=options)
        alone = run_playbook(str(PLAYBOOK), "bench-fleet-alone", options=[*options, "--limit=fleet-000"])
    return FleetCost(audit, second, alone)


@contextmanager
def _fleet(client: docker.DockerClient) -> Iterator[Path]:
    """The inventory of a fleet that is up."""
    names = [f"fleet-{number:03}" for number in range(HOSTS)]
    seed = Host(names[0], _address(0), DISTRIBUTION)
    try:
        Lab(client).up([seed], fresh=True)
        inventory = _inventory(names, _known_hosts(client, seed))
        run_playbook(str(PLAYBOOK), "bench-fleet-seed", options=[f"--inventory={inventory}", f"--limit={seed.name}"])
        say(f"{HOSTS} hosts: starting the others from an image of the first one")
        client.containers.get(seed.container).commit("evenkeel/fleet", "bench")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: _start(client, names[number], number), range(1, HOSTS)))
        yield inventory
    finally:
        for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
            if container.name.startswith("evenkeel-fleet-"):
                container.remove(force=True, v=True)
        if client.images.list(IMAGE):
            client.images.remove(IMAGE, force=True)
        access.remember_hosts({seed.address: []})


def _address(number: int) -> str:
    return f"{network_prefix()}.{FIRST_ADDRESS + number}"


def _known_hosts(client: docker.DockerClient, seed: Host) -> Path:
    """All hosts of the fleet have the keys of the first one."""
    keys = client.containers.get(seed.container).exec_run(["sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub"]).output
    path = PLACE / "known_hosts"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [" ".join(line.split()[:2]) for line in keys.decode("ascii").splitlines()]
    path.write_text("".join(f"{network_prefix()}.* {line}\n" for line in lines), encoding="ascii")
    return path


def _inventory(names: Sequence[str], known_hosts: Path) -> Path:
    """The fleet as Ansible sees it; JSON is YAML."""
    # Of each host: those of its group would go behind the group_vars/all of the lab, which is an inventory too.
    variables = {
        "ansible_user": LOGIN,
        "ansible_ssh_private_key_file": str(access.key_path()),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts} -o IdentitiesOnly=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    path = PLACE / "fleet.yml"
    hosts = {name: {"ansible_host": _address(number), **variables} for number, name in enumerate(names)}
    path.write_text(json.dumps({"fleet": {"hosts": hosts}}, indent=2), encoding="utf-8")
    return path


def _start(client: docker.DockerClient, name: str, number: int) -> Container:
    """One more host, which answers when this returns."""
    endpoint = client.api.create_endpoint_config(ipv4_address=_address(number))
    container = client.containers.run(
        IMAGE,
        name=f"evenkeel-{name}",
        hostname=name,
        labels={LABEL: "1"},
        network=NETWORK,
        networking_config={NETWORK: endpoint},
        detach=True,
        **container_options(client.info().get("CgroupVersion", "1")),
    )
    asked = "for i in $(seq 600); do systemctl is-active --quiet ssh && exit 0; sleep 0.2; done; exit 1"
    if container.exec_run(["sh", "-c", asked]).exit_code:
        raise LabError(f"Host {name} of the fleet did not start sshd within two minutes.")
    return container
