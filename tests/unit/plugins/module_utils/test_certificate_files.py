# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates are installed as a whole or not at all, go on without the controller, and can be taken back."""

from __future__ import annotations

import json
import os
import ssl
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import certificate_probe, certificates_main
from ansible_collections.evenkeel.ops.plugins.module_utils.certificate_files import Answer, CertificateFiles, program
from ansible_collections.evenkeel.ops.plugins.module_utils.certificate_pair import Material, verify
from ansible_collections.evenkeel.ops.plugins.module_utils.certificate_sources import Reader, completed
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.journal import Journal
from certificate_material import contents, material

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what is installed belongs to root")


class World(Host):
    """A host below a directory, whose systemd does nothing."""

    reloaded: Sequence[str] = ()

    @property
    def has_systemd(self) -> bool:
        return False

    def options(self, *certificates: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "certificates": [completed(item) for item in certificates],
            "directory": "/etc/evenkeel/certificates",
            "reload": ["nginx.service"],
            "warn_days": 14,
            "metrics_dir": "/metrics",
            "state_dir": f"{self.root}/state",
            "scope": "certificates",
            **more,
        }

    def install(self, *certificates: dict[str, Any], check: bool = False, **more: Any) -> Answer:
        return CertificateFiles(self.options(*certificates, **more), check, self).serve()

    def files(self) -> dict[str, bytes]:
        """Everything but the journal."""
        places = [place for place in Path(self.root).rglob("*") if place.is_file()]
        return {
            str(place.relative_to(self.root)): place.read_bytes()
            for place in places
            if "state" not in place.relative_to(self.root).parts
        }


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "etc/shop").mkdir(parents=True)
    # The journal lies in a directory of this machine, the lists of files in the same one of the host.
    tmp_path.joinpath(*tmp_path.parts[1:], "state").mkdir(parents=True)
    return World(str(tmp_path))


def put(world: World, name: str) -> None:
    """What a Vault agent does: each file by itself."""
    for target, source in (("privkey.pem", f"{name}.key"), ("fullchain.pem", f"{name}.pem")):
        Path(world.root, "etc/shop", target).write_bytes(material()[source])


SHOP = {"name": "shop", "source": "files", "names": ["shop.example.net"]}
API = {"name": "api", "source": "directory", "directory": "/etc/shop"}
LAB = {"name": "lab", "source": "self_signed", "names": ["lab.example.net", "2001:db8::1"], "days": 30}


def test_all_sources_are_installed_once(world: World) -> None:
    put(world, "second")
    wanted = ({**SHOP, **contents("first")}, API, LAB)
    foreseen = world.install(*wanted, check=True)
    assert foreseen.changed
    assert not any(path.startswith("etc/evenkeel") for path in world.files())
    answer = world.install(*wanted)
    assert (answer.error, answer.changed, answer.warnings) == ("", True, [])
    place = Path(world.root, "etc/evenkeel/certificates/shop")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in place.iterdir()}
    assert modes == {"fullchain.pem": 0o644, "privkey.pem": 0o600, "combined.pem": 0o600}
    assert (place / "combined.pem").read_bytes() == material()["first.pem"] + material()["first.key"]
    assert [(each["name"], each["changed"]) for each in answer.values["certificates"]] == [
        ("shop", True),
        ("api", True),
        ("lab", True),
    ]
    before = world.files()
    assert not world.install(*wanted).changed
    assert not world.install(*wanted, check=True).changed
    assert world.files() == before


def test_dates_are_told_as_metrics(world: World) -> None:
    world.install({**SHOP, **contents("first")})
    lines = world.files()["metrics/evenkeel_certificates.prom"].decode().splitlines()
    leaf = Reader(world, "/etc/evenkeel/certificates").installed("shop").leaf
    sample = 'evenkeel_certificate_not_after_timestamp_seconds{certificate="shop",source="files"}'
    assert f"{sample} {int(leaf.not_after)}" in lines


def test_one_bad_certificate_keeps_all_of_them_back(world: World) -> None:
    world.install({**SHOP, **contents("first")})
    before = world.files()
    answer = world.install({**SHOP, **contents("second")}, {**SHOP, **contents("expired"), "name": "old"}, API)
    assert "certificates: 'old': certificate holds a certificate (CN=shop.example.net" in answer.error
    assert "certificates: 'api': /etc/shop/fullchain.pem is not there; allowed is a file" in answer.error
    assert world.files() == before


def test_what_is_not_there_yet_is_foreseen(world: World) -> None:
    answer = world.install(API, check=True)
    assert (answer.error, answer.changed) == ("", True)
    assert (
        "A real run would be refused as things are: certificates: 'api': /etc/shop/fullchain.pem" in answer.warnings[0]
    )


def test_what_is_no_longer_named_is_removed(world: World) -> None:
    put(world, "second")
    world.install({**SHOP, **contents("first")}, API)
    answer = world.install({**SHOP, **contents("first")})
    assert any(path.endswith("/api/privkey.pem") for path in answer.values["removed"])
    kept = sorted(path for path in world.files() if path.startswith(("etc/evenkeel", "usr")))
    assert kept == [f"etc/evenkeel/certificates/shop/{name}.pem" for name in ("combined", "fullchain", "privkey")]


def test_soon_is_warned_of(world: World) -> None:
    answer = world.install({**SHOP, **contents("soon")})
    assert "The certificate 'shop' expires on" in answer.warnings[0]
    assert world.install({**SHOP, **contents("soon")}, warn_days=3).warnings == []


def test_acme_has_a_placeholder_until_it_is_issued(world: World) -> None:
    item = {"name": "www", "source": "acme", "names": ["shop.example.net"]}
    told = world.install(item).values["certificates"][0]
    assert told["placeholder"]
    assert not world.install(item).changed
    live = Path(world.root, "etc/letsencrypt/live/www")
    live.mkdir(parents=True)
    (live / "privkey.pem").write_bytes(material()["first.key"])
    (live / "fullchain.pem").write_bytes(material()["first.pem"])
    told = world.install(item).values["certificates"][0]
    assert (told["placeholder"], told["changed"]) == (False, True)


@pytest.mark.parametrize(
    "other",
    [{**LAB, "names": ["lab.example.net"]}, {**LAB, "days": 90}],
)
def test_a_self_signed_one_is_made_anew_where_other_things_are_wanted(world: World, other: dict[str, Any]) -> None:
    first = world.install(LAB).values["certificates"][0]
    assert world.install(LAB).values["certificates"][0]["sha256"] == first["sha256"]
    assert world.install(other).values["certificates"][0]["sha256"] != first["sha256"]


def test_a_self_signed_one_is_made_anew_in_its_last_quarter(world: World) -> None:
    world.install(LAB)
    kept = Reader(world, "/etc/evenkeel/certificates").installed("lab").leaf
    for share, same in ((0.7, True), (0.8, False)):
        now = kept.not_before + share * (kept.not_after - kept.not_before)
        pair = Reader(world, "/etc/evenkeel/certificates", now).pair(LAB).pair
        assert (pair.leaf.sha256 == kept.sha256) is same


def test_the_host_goes_on_by_itself(world: World) -> None:
    """A change is taken over, journalled in the same scope; a bad one is told and the old one stays."""
    put(world, "first")
    world.install(API, {**SHOP, **contents("second")})
    settings = json.loads(world.files()["etc/evenkeel/certificates.json"])
    assert "PRIVATE" not in json.dumps(settings)
    put(world, "third")
    assert certificates_main.serve(settings, world, pause=0) == 0
    served = world.files()
    assert served["etc/evenkeel/certificates/api/fullchain.pem"] == material()["third.pem"]
    assert served["metrics/evenkeel_certificates.prom"].decode().count('certificate="shop"') == 2
    records = Journal(f"{world.root}/state", world).records()
    assert [record.state for record in records] == ["committed"] * 2
    assert records[-1].run.startswith("host-")
    put(world, "mismatch")
    assert certificates_main.serve(settings, world, pause=0) == 1
    assert world.files() == {**served, **{path: world.files()[path] for path in served if path.startswith("etc/shop")}}
    put(world, "third")
    assert certificates_main.serve(settings, world, pause=0) == 0
    assert not world.install(API, {**SHOP, **contents("second")}).changed


def test_a_pipe_or_a_secret_elsewhere_gives_nothing_away(world: World) -> None:
    """Another user writes that directory."""
    put(world, "first")
    os.mkfifo(f"{world.root}/etc/shop/pipe")
    Path(world.root, "secret").write_text("root:$y$hash", encoding="ascii")
    Path(world.root, "etc/shop/link").symlink_to(Path(world.root, "secret"))
    for name, words in (("pipe", "is no regular file"), ("link", "holds 0 private keys")):
        error = world.install({**API, "key_name": name}).error
        assert words in error
        assert "hash" not in error


def test_the_program_lives_without_ansible(tmp_path: Path) -> None:
    place = tmp_path / "certificates.pyz"
    place.write_bytes(program())
    argv = [sys.executable, "-I", str(place), str(tmp_path / "none.json")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no certificate comes from this host" in done.stdout


def test_a_server_that_shows_another_certificate_is_named(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    first, second = (
        verify(world, Material(material()[f"{name}.pem"], material()[f"{name}.key"])).leaf
        for name in ("first", "second")
    )
    monkeypatch.setattr(certificate_probe, "WITHIN", 0)
    monkeypatch.setattr(certificate_probe, "is_due", lambda reload, host: True)
    monkeypatch.setattr(
        certificate_probe, "shown_certificate", lambda *place: ssl.PEM_cert_to_DER_cert(first.pem.decode())
    )
    place = {"host": "127.0.0.1", "port": 443, "server_name": "shop.example.net"}
    assert certificate_probe.HandshakeProbe("shop", place, first, ["nginx.service"]).failure(world) == ""
    words = certificate_probe.HandshakeProbe("shop", place, second, ["nginx.service"]).failure(world)
    assert words.startswith("certificates: 'shop': 127.0.0.1:443 does not show the new certificate (serial ")
    assert f"(serial {second.serial}) in a new handshake" in words


def test_a_host_without_certificates_stays_as_it_is(world: World) -> None:
    answer = world.install(metrics_dir="")
    assert (answer.error, answer.changed, answer.values["watched"]) == ("", False, False)
    assert world.files() == {}
