# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a Vault server: what it says becomes one sentence, and a token goes nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import Vault, VaultError, address_problem

from tests.unit.plugins.fake_vault import FakeVault, fake_vault

TOKEN = "t0ken"  # noqa: S105 - no server takes it


@pytest.fixture
def server() -> Iterator[FakeVault]:
    with fake_vault() as fake:
        yield fake


def test_token_namespace_and_wrap_time_travel_as_headers(server: FakeVault) -> None:
    server.answer("POST a/b", {"wrap_info": {"token": "w"}})
    vault = Vault(f"{server.address}/", token=TOKEN, namespace="north")
    assert vault.ask("POST", "a/b", {"key": "value"}, 60) == {"wrap_info": {"token": "w"}}
    _request, headers, body = server.asked[0]
    sent = {name: headers.get(name) for name in ("x-vault-token", "x-vault-namespace", "x-vault-wrap-ttl")}
    assert sent == {"x-vault-token": TOKEN, "x-vault-namespace": "north", "x-vault-wrap-ttl": "60"}
    assert body == {"key": "value"}


def test_a_refusal_quotes_the_server_and_not_the_token(server: FakeVault) -> None:
    server.answer("GET a", {"errors": ["permission denied"]}, 403)
    with pytest.raises(VaultError, match="answered 403 to GET a: permission denied") as caught:
        Vault(server.address, token=TOKEN).ask("GET", "a")
    assert caught.value.status == 403
    assert TOKEN not in str(caught.value)


def test_a_redirect_is_not_followed(server: FakeVault) -> None:
    server.answer("GET a", {}, 307)
    with pytest.raises(VaultError, match="answered 307 to GET a: no reason given"):
        Vault(server.address, token=TOKEN).ask("GET", "a")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"initialized": True, "sealed": True}, "is sealed: unseal it first"),
        ({"initialized": False, "sealed": True}, "is not initialised: nothing can log in to it"),
        ({"hello": "world"}, "answers, but not as a Vault server does"),
    ],
)
def test_a_server_that_cannot_serve_is_named(server: FakeVault, state: dict[str, object], words: str) -> None:
    server.answer("GET sys/health", state, 503)
    with pytest.raises(VaultError, match=words):
        Vault(server.address).health()


def test_nobody_there() -> None:
    with pytest.raises(VaultError, match="cannot be reached: Connection refused") as caught:
        Vault("http://127.0.0.1:9").health()
    assert caught.value.status == 0


def test_a_ca_file_without_certificates() -> None:
    with pytest.raises(VaultError, match="holds no certificate in PEM form"):
        Vault("https://127.0.0.1:9", ca="nothing")


@pytest.mark.parametrize(
    ("address", "allow_http", "words"),
    [
        ("https://vault.example.net:8200", False, ""),
        ("http://127.0.0.1:8200", True, ""),
        ("http://127.0.0.1:8200", False, "allowed is https"),
        ("vault.example.net", False, "allowed is an address like"),
        ("https://vault.example.net/v1", False, "allowed is an address like"),
        ("ftp://vault.example.net", True, "allowed is an address like"),
    ],
)
def test_addresses(address: str, allow_http: bool, words: str) -> None:
    problem = address_problem(address, allow_http)
    assert problem.startswith(words)
    assert bool(problem) == bool(words)
