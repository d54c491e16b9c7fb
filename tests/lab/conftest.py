"""The engine to look behind the lab, and hosts that no other test uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from commands import lab_works
from docker.models.containers import Container

from tools.lab import engine
from tools.lab.image import image_name
from tools.lab.settings import LABEL, forced_base


@pytest.fixture(scope="session")
def client() -> docker.DockerClient:
    """The engine that the lab uses."""
    return engine.connect()


@pytest.fixture
def containers(client: docker.DockerClient) -> Callable[[], dict[str, str]]:
    """Names and ids of all of the lab's containers, of other inventories too."""

    def look() -> dict[str, str]:
        found = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
        return {str(container.name): str(container.id) for container in found}

    return look


@pytest.fixture(scope="module")
def hosts_up() -> Iterator[None]:
    """The hosts of the inventory are up; afterwards they are gone."""
    try:
        lab_works("up")
        yield
    finally:
        lab_works("down")


@pytest.fixture
def inventory_of(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes an inventory of one host with these further variables."""

    def make(name: str, variables: str) -> Path:
        path = tmp_path / "hosts.yml"
        path.write_text(f"all: {{hosts: {{{name}: {{lab_distribution: debian12, {variables}}}}}}}\n", encoding="utf-8")
        return path

    return make


@pytest.fixture
def foreign(client: docker.DockerClient) -> Iterator[Container]:
    """A container, in a network, that the lab did not make, although the name looks like it."""
    network = client.networks.create("labtest-foreign")
    try:
        container = client.containers.run(
            image_name(forced_base() or "debian12"),
            ["sleep", "infinity"],
            name="evenkeel-labtest-foreign",
            network=network.name,
            detach=True,
        )
        try:
            yield container
        finally:
            container.remove(force=True)
    finally:
        network.remove()
