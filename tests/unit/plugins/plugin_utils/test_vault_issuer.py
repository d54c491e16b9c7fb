# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller asks of Vault: a wrapped secret-id, only for the right role, and only when it is still unused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import VaultError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.vault_issuer import (
    Issuer,
    issuer_of,
    operator_token,
    read_ca,
    server,
)

from tests.unit.plugins.fake_vault import FakeVault, fake_vault

ROLE = "auth/approle/role/shop"
SECRET_ID = f"{ROLE}/secret-id"
CAPABILITIES = "POST sys/capabilities-self"


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with fake_vault() as fake:
        fake.answer(f"GET {ROLE}/role-id", {"data": {"role_id": "r0le"}})
        yield fake


@pytest.fixture
def issuer(vault: FakeVault, tmp_path: Path) -> Issuer:
    (tmp_path / "token").write_text("0perator\n", encoding="ascii")
    return issuer_of({"address": vault.address, "ca": "", "role": "shop", "token_file": str(tmp_path / "token")})


def test_a_secret_id_is_asked_for_wrapped_with_what_the_audit_log_shall_show(vault: FakeVault, issuer: Issuer) -> None:
    vault.answer(f"POST {SECRET_ID}", {"wrap_info": {"token": "wr4pped"}})
    assert issuer.issue(60, '{"host": "web1"}') == "wr4pped"
    _request, headers, body = vault.asked[0]
    assert (headers["x-vault-token"], headers["x-vault-wrap-ttl"]) == ("0perator", "60")
    assert body == {"metadata": '{"host": "web1"}'}


def test_a_secret_id_that_comes_unwrapped_is_refused(vault: FakeVault, issuer: Issuer) -> None:
    vault.answer(f"POST {SECRET_ID}", {"data": {"secret_id": "open"}})
    with pytest.raises(VaultError, match="answered without wrapping the secret-id") as caught:
        issuer.issue(60, "{}")
    assert "open" not in str(caught.value)


def test_a_wrapping_token_is_looked_up(vault: FakeVault, issuer: Issuer) -> None:
    vault.answer("POST sys/wrapping/lookup", {"data": {"creation_path": SECRET_ID}})
    assert issuer.is_unused("wr4pped")
    vault.answer("POST sys/wrapping/lookup", {"data": {"creation_path": "sys/wrapping/wrap"}})
    with pytest.raises(VaultError, match="was made for sys/wrapping/wrap, not for auth/approle/role/shop/secret-id"):
        issuer.is_unused("wr4pped")
    vault.answer("POST sys/wrapping/lookup", {"errors": ["wrapping token is not valid or does not exist"]}, 400)
    assert not issuer.is_unused("wr4pped")
    vault.answer("POST sys/wrapping/lookup", {"errors": ["Vault is sealed"]}, 503)
    with pytest.raises(VaultError, match="Vault is sealed"):
        issuer.is_unused("wr4pped")


def test_whether_it_can_issue_is_known_before(vault: FakeVault, issuer: Issuer) -> None:
    vault.answer(CAPABILITIES, {"data": {SECRET_ID: ["update"]}})
    issuer.must_be_able_to_issue()
    assert f"POST {SECRET_ID}" not in vault.requests()
    vault.answer(CAPABILITIES, {"errors": ["permission denied"]}, 403)
    issuer.must_be_able_to_issue()
    vault.answer(CAPABILITIES, {"data": {SECRET_ID: ["deny"]}})
    with pytest.raises(VaultError, match=f"give it update on {SECRET_ID}"):
        issuer.must_be_able_to_issue()


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, f"has no {ROLE}: name an AppRole that is there"), (403, "does not let the operator's token read")],
)
def test_a_role_that_cannot_be_used_is_named(vault: FakeVault, issuer: Issuer, status: int, words: str) -> None:
    vault.answer(f"GET {ROLE}/role-id", {"errors": []}, status)
    with pytest.raises(VaultError, match=words):
        issuer.must_be_able_to_issue()


# --- the operator's side ---


def test_where_the_operators_token_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    with pytest.raises(
        AnsibleActionFail, match="there is no operator's token: token_file is '', VAULT_TOKEN is not set"
    ):
        operator_token("")
    (tmp_path / ".vault-token").write_text("h0me\n", encoding="ascii")
    assert operator_token("") == "h0me"
    monkeypatch.setenv("VAULT_TOKEN", "3nvironment")
    assert operator_token("") == "3nvironment"
    (tmp_path / "own").write_text("0wn", encoding="ascii")
    assert operator_token(str(tmp_path / "own")) == "0wn"
    with pytest.raises(AnsibleActionFail, match="token_file is '/nowhere'"):
        operator_token("/nowhere")


def test_ca_files_and_addresses_that_cannot_be_used(tmp_path: Path) -> None:
    assert read_ca("") == ""
    with pytest.raises(AnsibleActionFail, match=r"ca_file is '/nowhere', which cannot be read \(No such file"):
        read_ca("/nowhere")
    (tmp_path / "ca").write_bytes(b"\xff\xfe")
    with pytest.raises(AnsibleActionFail, match=r"which cannot be read \(it is no text\)"):
        read_ca(str(tmp_path / "ca"))
    with pytest.raises(AnsibleActionFail, match="address is 'vault'; allowed is an address like"):
        server({"address": "vault"}, "")
    with pytest.raises(AnsibleActionFail, match="ca_file is 'x'. The CA file holds no certificate"):
        server({"address": "https://v", "ca_file": "x"}, "nothing")
