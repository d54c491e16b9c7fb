"""What the inventory says becomes containers, or one clear sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.lab import settings
from tools.lab.inventory import Host, Publish, hosts_of
from tools.lab.settings import LabError

PREFIX = "10.1.2"
GOOD = {"ansible_host": "10.1.2.11", "lab_distribution": "debian12"}


@pytest.fixture(autouse=True)
def every_host_has_its_own_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENKEEL_LAB_BASE", raising=False)


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
        (
            {"lab_distribution": "debian11"},
            ["web1", "lab_distribution", "debian11", "debian12, debian13, ubuntu2404, rocky9"],
        ),
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


@pytest.mark.parametrize("base", ["debian13", "ubuntu2404", "rocky9"])
def test_one_base_for_all_hosts_takes_the_place_of_their_own(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENKEEL_LAB_BASE", base)
    other = {"ansible_host": "10.1.2.12", "lab_distribution": "debian13"}
    assert {host.distribution for host in hosts_of(listing(web1=GOOD, web2=other), PREFIX)} == {base}


def test_an_unknown_base_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENKEEL_LAB_BASE", "rocky8")
    with pytest.raises(LabError, match="EVENKEEL_LAB_BASE is 'rocky8'; allowed: debian12.*rocky9"):
        hosts_of(listing(web1=GOOD), PREFIX)


def hosts_in(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Hosts of a group and of its children, as its file has them."""
    found = {name: data or {} for name, data in (group.get("hosts") or {}).items()}
    for child in (group.get("children") or {}).values():
        for name, data in hosts_in(child or {}).items():
            found[name] = found.get(name, {}) | data
    return found


def test_scenarios_and_lab_have_hosts_and_addresses_of_their_own() -> None:
    """Read as files: asking Ansible for every inventory takes a second each."""
    places = ("inventories/lab", "molecule/*/inventory", "tests/lab/inventory")
    seen: dict[str, Path] = {}
    for path in sorted(path for place in places for path in settings.CHECKOUT.glob(f"{place}/hosts.yml")):
        text = yaml.safe_load(path.read_text(encoding="utf-8"))
        hosts = hosts_of(listing(**hosts_in({"children": text})), PREFIX)
        for mark in [mark for host in hosts for mark in (host.name, host.address)]:
            assert seen.setdefault(mark, path) == path, f"{mark} is in {seen[mark]} and in {path}"
    assert {"web1", f"{PREFIX}.11"} <= set(seen)


@pytest.mark.parametrize("value", ["10.87", "300.1.2", "10.87.9.0", "lab"])
def test_a_network_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENKEEL_LAB_NETWORK", value)
    with pytest.raises(LabError, match=f"EVENKEEL_LAB_NETWORK is '{value}'.*allowed: three octets"):
        settings.network_prefix()
