"""Pure pieces of the lab: recipe digest, routes, known hosts, the archive with the key, container options."""

from __future__ import annotations

import io
import ipaddress
import shutil
import socket
import tarfile
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from tools.lab import __main__, access, containers, image, machine, network, settings
from tools.lab.inventory import Publish
from tools.lab.settings import LabError


def test_the_recipe_digest_names_content_and_distribution(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    shutil.copytree(image.RECIPE, recipe)
    before = image.recipe_digest("debian12", recipe)
    assert before == image.recipe_digest("debian12") != image.recipe_digest("debian13")
    with (recipe / "packages.txt").open("a", encoding="utf-8") as stream:
        stream.write("one-more\n")
    assert image.recipe_digest("debian12", recipe) != before


class NoRegistry:
    """An engine that has no images, and no registry to ask."""

    images: NoRegistry

    def __init__(self) -> None:
        self.images = self

    def get(self, name: str) -> None:
        raise ImageNotFound(name)


@pytest.mark.parametrize("base", sorted(set(settings.BASES) - set(settings.SUITES)))
def test_a_base_that_only_a_registry_has_is_refused_without_one(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "_registry_answers", lambda public: False)
    monkeypatch.setattr(image, "_bootstrap", lambda *_: pytest.fail("made from a Debian mirror"))
    with pytest.raises(LabError, match=f"{base} is made from the public image {settings.BASES[base]}.*no way to build"):
        image._base(NoRegistry(), base)


@pytest.mark.parametrize("base", sorted(settings.SUITES))
def test_debian_is_made_from_a_mirror_when_no_registry_answers(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(image, "_registry_answers", lambda public: False)
    monkeypatch.setattr(image, "_bootstrap", lambda _client, distribution, _name: made.append(distribution))
    assert image._base(NoRegistry(), base) == f"evenkeel/base:{base}"
    assert made == [base]


def test_a_forced_base_is_the_one_image_that_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[list[str]] = []
    monkeypatch.setattr(__main__.engine, "connect", lambda: None)
    monkeypatch.setattr(__main__.image, "build", lambda _client, names: built.append(list(names)))
    for value in ("", "rocky9"):
        monkeypatch.setenv("EVENKEEL_LAB_BASE", value)
        __main__.run(__main__.parse(["build"]))
    assert built == [["debian12", "debian13"], ["rocky9"]]


@pytest.mark.parametrize("name", ["packages.txt", "packages-dnf.txt"])
def test_packages_have_no_line_twice(name: str) -> None:
    lines = (image.RECIPE / name).read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert sorted(set(names)) == sorted(names)


def test_a_full_disk_is_named_first() -> None:
    text = str(image.failure("Building it", "write error: No space left on device\nE: other\n"))
    assert text.splitlines()[0] == "Building it failed: the disk is full; its log ends with:"
    assert "disk" not in str(image.failure("Building it", "E: other"))


ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00000080\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t00591EAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def test_routes_but_the_default_ones_are_read() -> None:
    assert network.routes(ROUTES) == [("tun0", ipaddress.IPv4Network("172.30.89.0/24"))]


def test_a_taken_port_is_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(LabError, match=f"Host lb1 publishes 127.0.0.1:{port}.*lab_publish"):
            network.refuse_taken_port("lb1", Publish("127.0.0.1", port, 80))
    network.refuse_taken_port("lb1", Publish("127.0.0.1", port, 80))


def test_known_hosts_of_an_address_are_replaced_and_others_kept() -> None:
    old = "10.0.0.1 ssh-ed25519 OLD\n10.0.0.2 ssh-ed25519 KEPT\n"
    assert access.merge_known_hosts(old, {"10.0.0.1": ["ssh-ed25519 NEW", "ssh-rsa NEW"]}) == (
        "10.0.0.2 ssh-ed25519 KEPT\n10.0.0.1 ssh-ed25519 NEW\n10.0.0.1 ssh-rsa NEW\n"
    )
    assert access.merge_known_hosts(old, {"10.0.0.1": [], "10.0.0.2": []}) == ""


def test_the_key_lands_where_sshd_trusts_it() -> None:
    data = access.authorized_keys_archive("ssh-ed25519 KEY\n", {"root": (0, 0), "home/operator": (1000, 100)})
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {item.name: (oct(item.mode), item.uid, item.gid) for item in archive}
        content = archive.extractfile("root/.ssh/authorized_keys")
        assert content is not None
        assert content.read() == b"ssh-ed25519 KEY\n"
    assert members == {
        "root/.ssh/authorized_keys": ("0o600", 0, 0),
        "home/operator/.ssh/authorized_keys": ("0o600", 1000, 100),
    }


@pytest.mark.parametrize(("version", "namespace", "mounted"), [("1", "host", True), ("2", "private", False)])
def test_the_host_gives_its_cgroups_only_where_they_have_no_namespace(
    version: str, namespace: str, mounted: bool
) -> None:
    options = containers.container_options(version)
    assert options["cgroupns"] == namespace
    assert ("volumes" in options) == mounted
    assert "privileged" not in options


def test_os_release_is_read_with_and_without_quotes() -> None:
    assert machine.os_release('ID=debian\nVERSION_CODENAME="trixie"\n# c\n') == {
        "ID": "debian",
        "VERSION_CODENAME": "trixie",
    }


def test_a_missing_command_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "may_install", lambda: False)
    with pytest.raises(LabError, match="'no-such-command' is missing: install the package 'some-package'"):
        machine.need("no-such-command", "some-package")


@pytest.mark.parametrize(("before", "after"), [("128", "2048"), ("8192", "8192")])
def test_the_limit_on_watches_is_raised_and_never_lowered(
    before: str, after: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "max_user_instances"
    setting.write_text(before + "\n", encoding="ascii")
    monkeypatch.setattr(machine, "INOTIFY", setting)
    machine.allow_watches()
    assert setting.read_text(encoding="ascii").strip() == after


def test_a_limit_that_cannot_be_raised_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "INOTIFY", tmp_path / "none")
    machine.allow_watches()
    assert "More than 12 hosts at a time may not start: " in capsys.readouterr().out
