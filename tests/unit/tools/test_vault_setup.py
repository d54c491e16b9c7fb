"""The lab's Vault server comes to its plan: a new one is initialised, and nothing is written before it leads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugins.fake_vault import FakeVault, fake_vault
from tools.lab import certificates, vault_setup
from tools.lab.settings import LabError

NEW = {"keys_base64": ["k3y"], "root_token": "r00t"}
PLAN: dict[str, Any] = {
    "kv": "secret",
    "policies": {"p": "path"},
    "approles": {"web": {"token_period": 60}},
    "secrets": {"web/token": {"value": "s3cret"}},
    "operator_policies": ["p"],
}


@pytest.fixture
def server() -> Iterator[FakeVault]:
    with fake_vault() as fake:
        fake.answer("GET sys/init", {"initialized": False})
        fake.answer("PUT sys/init", NEW)
        fake.answer("GET sys/seal-status", {"sealed": True})
        for request in ("GET sys/mounts", "GET sys/auth"):
            fake.answer(request, {"data": {}})
        for request in (
            *("PUT sys/unseal", "POST sys/mounts/secret", "POST sys/auth/approle", "POST sys/policies/acl/p"),
            *("POST auth/approle/role/web", "POST secret/data/web/token"),
        ):
            fake.answer(request, {})
        fake.answer("POST auth/token/create-orphan", {"auth": {"client_token": "0perator"}})
        yield fake


def setup(server: FakeVault, place: Path) -> vault_setup.Setup:
    certificates.authority(place)
    return vault_setup.Setup(server.address, place)


def test_a_new_server_is_opened_and_its_keys_stay_in_the_cache(server: FakeVault, tmp_path: Path) -> None:
    (tmp_path / "init.json").write_text("of a server that is gone", encoding="ascii")
    made = setup(server, tmp_path)
    made.open()
    made.bring_about(PLAN)
    assert made.changed
    assert json.loads((tmp_path / "init.json").read_text(encoding="ascii")) == {"unseal": "k3y", "root": "r00t"}
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("init.json", "operator-token")} == {0o600}
    assert {"POST sys/mounts/secret", "POST secret/data/web/token"} <= set(server.requests())


def test_nothing_is_written_before_the_server_leads(
    server: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer("GET sys/health", {"initialized": True, "sealed": False, "standby": True}, 429)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            server.answer("GET sys/health", {"initialized": True, "sealed": False})

    monkeypatch.setattr(vault_setup.time, "sleep", wait)
    setup(server, tmp_path).open()
    assert len(waited) == 3


def test_a_server_whose_keys_are_lost_is_said(server: FakeVault, tmp_path: Path) -> None:
    server.answer("GET sys/init", {"initialized": True})
    with pytest.raises(LabError, match="is initialised, but .* is not there: remove its host and make it again"):
        setup(server, tmp_path).open()
