# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a host: whether it is logged in, what stands in its way, and what a failed login leaves."""

from __future__ import annotations

import getpass
import grp
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import vault_login
from ansible_collections.evenkeel.ops.plugins.module_utils.blobs import MemoryBlobs
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import ChangeFailed
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import Vault, VaultError

from tests.unit.plugins.fake_vault import FakeVault, fake_vault

ME, MY_GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
LOOKUP = "GET auth/token/lookup-self"


@pytest.fixture
def server() -> Iterator[FakeVault]:
    with fake_vault() as fake:
        yield fake


def with_token(root: Path) -> Host:
    place = root / vault_login.TOKEN.lstrip("/")
    place.parent.mkdir(parents=True)
    place.write_text("hvs.token\n", encoding="ascii")
    return Host(str(root))


def ask(server: FakeVault, host: Host, role: str = "shop") -> bool:
    return vault_login.is_logged_in(Vault(server.address), "approle", role, host)


def test_a_host_without_a_token_is_not_logged_in_and_nobody_is_asked(server: FakeVault, tmp_path: Path) -> None:
    assert not ask(server, Host(str(tmp_path)))
    assert server.asked == []


def test_a_token_counts_while_the_server_takes_it_for_this_approle(server: FakeVault, tmp_path: Path) -> None:
    host = with_token(tmp_path)
    server.answer(LOOKUP, {"data": {"path": "auth/approle/login", "meta": {"role_name": "shop"}}})
    assert ask(server, host)
    assert server.asked[0][1]["x-vault-token"] == "hvs.token"
    assert not ask(server, host, "bank")
    server.answer(LOOKUP, {"data": {"path": "auth/token/create", "meta": None}})
    assert not ask(server, host)
    server.answer(LOOKUP, {"errors": ["permission denied"]}, 403)
    assert not ask(server, host)


def test_a_server_in_trouble_is_no_answer(server: FakeVault, tmp_path: Path) -> None:
    server.answer(LOOKUP, {"errors": ["Vault is sealed"]}, 503)
    with pytest.raises(VaultError, match="Vault is sealed"):
        ask(server, with_token(tmp_path))


# --- what stands in its way ---


class Systemd(Runner):
    """Knows one unit; answers `is-active` and `deliver.py check` as told."""

    def __init__(self, active: str = "active", check: tuple[int, str] = (0, "")) -> None:
        self.active, self.check, self.done = active, check, []  # type: ignore[var-annotated]  # texts

    def run(self, argv: Sequence[str], *_args: object, **_options: object) -> Result:
        if argv[:2] == ["systemctl", "show"]:
            known = [
                f"Id={name}\nLoadState={'loaded' if name == 'shop.service' else 'not-found'}\n" for name in argv[5:]
            ]
            return Result(tuple(argv), 0, "\n".join(known), "")
        if "is-active" in argv:
            return Result(tuple(argv), 0, self.active, "")
        if vault_login.DELIVER in argv:
            return Result(tuple(argv), self.check[0], "", self.check[1])
        self.done.append(" ".join(argv[:2]))
        return Result(tuple(argv), 0, "", "")


def delivery(**other: str) -> dict[str, str]:
    own = {"name": "db", "destination": "/etc/shop/env", "owner": ME, "group": MY_GROUP, "unit": "shop.service"}
    return {**own, **other}


def obstacles(root: Path, *deliveries: dict[str, str]) -> tuple[list[str], list[str]]:
    (root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    (root / "etc/shop").mkdir(parents=True, exist_ok=True)
    return vault_login.obstacles(deliveries, Host(str(root), runner=Systemd()))


def test_nothing_in_the_way(tmp_path: Path) -> None:
    assert obstacles(tmp_path, delivery(), delivery(unit="")) == ([], [])


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (
            {"destination": "/etc/none/env"},
            "destination is '/etc/none/env'; allowed is a path in a directory that is on",
        ),
        ({"owner": "nobody-here"}, "owner is 'nobody-here'; allowed is one that the host knows."),
        ({"group": "nobody-here"}, "group is 'nobody-here'; allowed is one that the host knows."),
        ({"unit": "none.service"}, "unit is 'none.service'; allowed is a unit that the host knows."),
    ],
)
def test_what_a_planned_package_may_bring(tmp_path: Path, other: dict[str, str], sentence: str) -> None:
    wrong, missing = obstacles(tmp_path, delivery(**other))
    assert wrong == []
    assert len(missing) == 1
    assert missing[0].startswith(f"vault_agent_templates: db: {sentence}")


def test_somebody_elses_file_is_not_overwritten_but_our_own_is(tmp_path: Path) -> None:
    (tmp_path / "etc/shop").mkdir(parents=True)
    (tmp_path / "etc/shop/env").write_text("theirs", encoding="ascii")
    wrong, _missing = obstacles(tmp_path, delivery())
    assert "destination is '/etc/shop/env', which is there and was not delivered by the agent" in wrong[0]
    note(tmp_path, files=["/etc/shop/env"])
    assert obstacles(tmp_path, delivery()) == ([], [])


def note(root: Path, **listed: Any) -> Path:
    place = root / vault_login.LIST.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"files": [], "directories": [], "due": [], **listed}), encoding="ascii")
    return place


# --- how it logs in ---


def log_in(root: Path, runner: Systemd, monkeypatch: pytest.MonkeyPatch, wait: float = 0.1) -> None:
    monkeypatch.setattr(vault_login, "USER", ME)
    (root / "run").mkdir()
    change = vault_login.LogIn("role-id", "hvs.wrapping", wait)
    change.apply(Host(str(root), runner=runner), MemoryBlobs())


def handed_over(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "run/vault-agent").iterdir())


def test_a_login_restarts_the_agent_and_leaves_nothing_to_log_in_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Agent(Systemd):
        """Logs in when it is started, and unwraps what it finds."""

        def run(self, argv: Sequence[str], *_args: object, **_options: object) -> Result:
            if argv[:2] == ["systemctl", "restart"]:
                found = {path.name: path for path in (tmp_path / "run/vault-agent").iterdir()}
                assert {path.stat().st_mode & 0o777 for path in found.values()} == {0o600}
                assert found.pop("wrapped-secret-id").read_text(encoding="ascii") == "hvs.wrapping"
                place = tmp_path / vault_login.TOKEN.lstrip("/")
                place.parent.mkdir(parents=True)
                place.write_text("hvs.token", encoding="ascii")
            return super().run(argv)

    agent = Agent()
    log_in(tmp_path, agent, monkeypatch)
    assert agent.done == ["systemctl enable", "systemctl restart"]
    assert handed_over(tmp_path) == []


@pytest.mark.parametrize(
    ("runner", "words"),
    [
        (Systemd(active="failed"), "vault-agent.service has failed"),
        (Systemd(), "The agent is not logged in after 0.1 s."),
    ],
)
def test_a_failed_login_takes_back_what_it_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: Systemd, words: str
) -> None:
    with pytest.raises(ChangeFailed, match=words) as caught:
        log_in(tmp_path, runner, monkeypatch)
    assert "hvs.wrapping" not in str(caught.value)
    assert handed_over(tmp_path) == []
