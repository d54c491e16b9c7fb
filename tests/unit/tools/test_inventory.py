"""What the inventory says becomes containers, or one clear sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.lab import settings
from tools.lab.inventory import Host, Publish, hosts_of, read_hosts
from tools.lab.settings import LabError

PREFIX = "10.1.2"
GOOD = {"ansible_host": "10.1.2.11", "lab_distribution": "debian12"}


def listing(**hosts: dict[str, Any]) -> dict[str, Any]:
    return {"_meta": {"hostvars": hosts}}


def test_a_host_is_a_container_with_an_address_and_ports() -> None:
    [host] = hosts_of(listing(web1=GOOD | {"lab_publish": ["127.0.0.1:8080:80"]}), PREFIX)
    assert host == Host("web1", "10.1.2.11", "debian12", (Publish("127.0.0.1", 8080, 80),))
    assert host.container == "evenkeel-web1"


def test_addresses_are_built_from_the_network() -> None:
    [host] = hosts_of(listing(web1=GOOD | {"ansible_host": "{{ lab_network }}.77"}), PREFIX)
    assert host.address == "10.1.2.77"


def test_hosts_that_are_no_containers_are_left_out() -> None:
    assert hosts_of(listing(switch={"ansible_host": "192.0.2.1"}), PREFIX) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lab_distribution": "debian11"}, ["web1", "lab_distribution", "debian11", "debian12, debian13"]),
        ({"ansible_host": "10.1.3.11"}, ["web1", "ansible_host", "10.1.3.11", "10.1.2.2 to 10.1.2.254"]),
        ({"ansible_host": "web1.example"}, ["web1", "ansible_host", "web1.example", "10.1.2.2 to 10.1.2.254"]),
        ({"ansible_host": "10.1.2.1"}, ["web1", "ansible_host", "10.1.2.1'", "10.1.2.2 to 10.1.2.254"]),
        ({"lab_publish": ["8080:80"]}, ["web1", "lab_publish", "8080:80", "127.0.0.1:8080:80"]),
        ({"lab_publish": ["127.0.0.1:99999:80"]}, ["web1", "lab_publish", "127.0.0.1:99999:80", "address:port:port"]),
        ({"lab_publish": ["localhost:8080:80"]}, ["web1", "lab_publish", "localhost:8080:80", "address:port:port"]),
    ],
)
def test_bad_values_are_named_with_what_is_allowed(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(LabError) as caught:
        hosts_of(listing(web1=GOOD | changes), PREFIX)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_host_without_address_is_named() -> None:
    with pytest.raises(LabError, match=r"Host web1: ansible_host is missing.*10\.1\.2\.0/24"):
        hosts_of(listing(web1={"lab_distribution": "debian12"}), PREFIX)


def test_two_hosts_cannot_share_an_address_or_a_port() -> None:
    with pytest.raises(LabError, match=r"address 10\.1\.2\.11"):
        hosts_of(listing(web1=GOOD, web2=GOOD), PREFIX)
    port = {"lab_publish": ["127.0.0.1:80:80"]}
    with pytest.raises(LabError, match=r"published port 127\.0\.0\.1:80"):
        hosts_of(listing(web1=GOOD | port, web2=GOOD | port | {"ansible_host": "10.1.2.12"}), PREFIX)


def test_the_digest_changes_with_everything_the_container_is_made_of() -> None:
    host = Host("web1", "10.1.2.11", "debian12")
    digests = {
        host.digest("image", {"cap_add": ["NET_ADMIN"]}),
        host.digest("other image", {"cap_add": ["NET_ADMIN"]}),
        host.digest("image", {"cap_add": []}),
        Host("web1", "10.1.2.12", "debian12").digest("image", {"cap_add": ["NET_ADMIN"]}),
        Host("web1", "10.1.2.11", "debian12", (Publish("127.0.0.1", 1, 2),)).digest(
            "image", {"cap_add": ["NET_ADMIN"]}
        ),
    }
    assert len(digests) == 5
    assert host.digest("image", {"a": 1, "b": 2}) == host.digest("image", {"b": 2, "a": 1})


def test_scenarios_and_lab_have_hosts_and_addresses_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENKEEL_LAB_NETWORK", raising=False)
    inventories = [settings.CHECKOUT / "inventories/lab", *sorted(settings.CHECKOUT.glob("molecule/*/inventory"))]
    seen: dict[str, Path] = {}
    for inventory in inventories:
        for host in read_hosts([inventory]):
            for mark in (host.name, host.address):
                assert seen.setdefault(mark, inventory) == inventory, f"{mark} is in {seen[mark]} and in {inventory}"
    assert seen


@pytest.mark.parametrize("value", ["10.87", "300.1.2", "10.87.9.0", "lab"])
def test_a_network_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENKEEL_LAB_NETWORK", value)
    with pytest.raises(LabError, match=f"EVENKEEL_LAB_NETWORK is '{value}'.*allowed: three octets"):
        settings.network_prefix()
