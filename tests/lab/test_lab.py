"""The lab's promises, with real containers: up can be repeated and killed, down takes what is the lab's."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from commands import COMMAND, INVENTORY, lab, lab_works
from docker.models.containers import Container

from tools.lab import containers as containers_module
from tools.lab import network
from tools.lab.containers import Lab
from tools.lab.inventory import read_hosts
from tools.lab.settings import CHECKOUT, NETWORK, LabError

Look = Callable[[], dict[str, str]]
SEED = 20260
KILLED = "labtest-d12"


def test_up_leaves_alone_what_is_up(hosts_up: None, containers: Look) -> None:
    before = containers()
    assert {"evenkeel-labtest-d12", "evenkeel-labtest-d13"} <= set(before)
    lab_works("up")
    assert containers() == before


@pytest.fixture(scope="module")
def up_seconds(hosts_up: None) -> float:
    """How long it takes to replace one host."""
    start = time.monotonic()
    lab_works("up", "--fresh", "--limit", KILLED)
    return time.monotonic() - start


def moments() -> Iterator[float]:
    """Three parts of the way: early, in the middle, late; drawn from a seed, so that a failure can be repeated."""
    draw = random.Random(SEED)  # noqa: S311  # no secret
    for third in range(3):
        yield (third + draw.random()) / 3


@pytest.mark.parametrize("moment", [pytest.param(moment, id=f"{moment:.0%}") for moment in moments()])
def test_a_killed_up_is_mended_by_the_next(moment: float, up_seconds: float, containers: Look) -> None:
    others = {name: found for name, found in containers().items() if name != f"evenkeel-{KILLED}"}
    command = [*COMMAND, "up", "--fresh", "--limit", KILLED, "--inventory", str(INVENTORY)]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(timeout=moment * up_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    lab_works("up", "--limit", KILLED)  # ends well only when the host answers over SSH
    lab_works("status", "--limit", KILLED)
    assert others.items() <= containers().items()


def test_a_stopped_host_that_cannot_start_again_is_made_anew(hosts_up: None, client: docker.DockerClient) -> None:
    """As after a restart of the machine, when the network was removed meanwhile."""
    container = client.containers.get(f"evenkeel-{KILLED}")
    client.networks.get(NETWORK).disconnect(container, force=True)
    lost = client.networks.create("labtest-lost")
    lost.connect(container)
    container.stop(timeout=0)
    lost.remove()
    lab_works("up", "--limit", KILLED)
    lab_works("status", "--limit", KILLED)


def test_a_taken_port_is_refused_by_name(inventory_of: Callable[[str, str], Path], containers: Look) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        publish = f'ansible_host: "{{{{ lab_network }}}}.183", lab_publish: ["127.0.0.1:{port}:80"]'
        done = lab("up", inventory=inventory_of("labtest-port", publish))
    assert done.returncode == 1
    assert f"Host labtest-port publishes 127.0.0.1:{port}, which cannot be used" in done.stderr
    assert "evenkeel-labtest-port" not in containers()


def test_an_overlapping_network_is_refused_by_name(
    client: docker.DockerClient, foreign: Container, monkeypatch: pytest.MonkeyPatch, containers: Look
) -> None:
    subnet = client.networks.get("labtest-foreign").attrs["IPAM"]["Config"][0]["Subnet"]
    monkeypatch.setenv("EVENKEEL_LAB_NETWORK", subnet.rpartition(".")[0])
    # As on a machine where no lab is up: the network of one that runs beside this test is not looked at.
    for module in (network, containers_module):
        monkeypatch.setattr(module, "NETWORK", "labtest-absent")
    before = containers()
    with pytest.raises(LabError, match=f"overlaps the container network 'labtest-foreign' \\({subnet}\\)"):
        Lab(client).up(read_hosts([INVENTORY]))
    assert containers() == before
    assert client.networks.list(names=["labtest-absent"]) == []


def test_a_container_of_somebody_else_is_in_the_way_and_stays(
    foreign: Container, inventory_of: Callable[[str, str], Path]
) -> None:
    mine = inventory_of("labtest-foreign", 'ansible_host: "{{ lab_network }}.184"')
    done = lab("up", inventory=mine)
    assert done.returncode == 1
    assert "A container named 'evenkeel-labtest-foreign' exists that is not the lab's" in done.stderr
    assert lab("down", inventory=mine).returncode == 0
    foreign.reload()
    assert foreign.status == "running"


def test_down_removes_its_hosts_and_nothing_else(
    client: docker.DockerClient, hosts_up: None, foreign: Container, containers: Look
) -> None:
    before = containers()
    lab_works("down")
    assert set(before) - set(containers()) == {"evenkeel-labtest-d12", "evenkeel-labtest-d13"}
    foreign.reload()
    assert foreign.status == "running"
    assert client.networks.list(names=["labtest-foreign"])
