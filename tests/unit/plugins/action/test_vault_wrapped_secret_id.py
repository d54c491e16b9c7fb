# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret-id is asked for only where a host needs one, and who used it is told when the host could not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.evenkeel.ops.plugins.action.vault_wrapped_secret_id import ActionModule

from tests.unit.plugins.fake_vault import FakeVault, fake_vault

ISSUE = "POST auth/approle/role/shop/secret-id"
LOOKUP = "POST sys/wrapping/lookup"
UNUSED = {"data": {"creation_path": "auth/approle/role/shop/secret-id"}}


class Action(ActionModule):
    """With a host that answers as told; `sent` is what it was given."""

    def __init__(self, args: dict[str, Any], found: dict[str, Any], logged: dict[str, Any], check: bool) -> None:
        task = SimpleNamespace(args=args, check_mode=check, async_val=0, delegate_to=None, _uuid="1", diff=False)
        super().__init__(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
        self.answers, self.sent = {"look": found, "log_in": logged}, []  # type: ignore[var-annotated]  # mappings

    def _module(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        self.sent.append(args)
        return dict(self.answers[args["phase"]])


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with fake_vault() as fake:
        fake.answer("GET auth/approle/role/shop/role-id", {"data": {"role_id": "r0le"}})
        fake.answer(ISSUE, {"wrap_info": {"token": "wr4pped"}})
        fake.answer(LOOKUP, UNUSED)
        yield fake


def run(vault: FakeVault, tmp_path: Path, check: bool = False, **world: Any) -> tuple[dict[str, Any], Action]:
    (tmp_path / "token").write_text("0perator", encoding="ascii")
    args = {"address": vault.address, "role": "shop", "token_file": str(tmp_path / "token"), **world.get("args", {})}
    found = {"logged_in": False, "running": False, **world.get("found", {})}
    action = Action(args, found, world.get("logged", {"changed": True, "invocation": {}}), check)
    return action.run(task_vars={"inventory_hostname": "web1"}), action


def test_a_host_that_is_logged_in_costs_no_secret_id(vault: FakeVault, tmp_path: Path) -> None:
    result, action = run(vault, tmp_path, found={"logged_in": True, "running": True})
    assert (result["changed"], result["issued"]) == (False, False)
    assert vault.asked == []
    assert len(action.sent) == 1


def test_an_agent_that_was_stopped_is_started_with_the_token_it_has(vault: FakeVault, tmp_path: Path) -> None:
    result, action = run(vault, tmp_path, found={"logged_in": True})
    assert (result["changed"], result["issued"], result["why"]) == (True, False, "the agent does not run")
    assert vault.asked == []
    assert "wrapping_token" not in action.sent[1]


def test_a_host_gets_the_wrapping_and_nothing_of_it_comes_back(vault: FakeVault, tmp_path: Path) -> None:
    result, action = run(vault, tmp_path)
    assert (action.sent[1]["role_id"], action.sent[1]["wrapping_token"]) == ("r0le", "wr4pped")
    assert result["issued"]
    assert "invocation" not in result
    assert not {"wr4pped", "0perator", "r0le"} & set(map(str, result.values()))
    assert '"host": "web1"' in vault.asked[1][2]["metadata"]


def test_check_mode_asks_for_none(vault: FakeVault, tmp_path: Path) -> None:
    result, action = run(vault, tmp_path, check=True)
    assert (result["changed"], result["issued"]) == (True, True)
    assert vault.asked == []
    assert len(action.sent) == 1


def test_a_token_that_was_used_before_the_host_had_it_is_not_handed_over(vault: FakeVault, tmp_path: Path) -> None:
    vault.answer(LOOKUP, {"errors": ["wrapping token is not valid or does not exist"]}, 400)
    with pytest.raises(AnsibleActionFail, match="was used already, or has expired, before the host had it"):
        run(vault, tmp_path, args={"wrapping_token": "st0len"})
    assert ISSUE not in vault.requests()


@pytest.mark.parametrize(
    ("afterwards", "words"),
    [
        ((200, UNUSED), "The wrapped secret-id was not used; it expires by itself."),
        ((400, {"errors": ["does not exist"]}), "somebody else used it: destroy the role's secret-ids"),
    ],
)
def test_a_failed_login_says_whether_somebody_used_the_secret_id(
    vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, afterwards: tuple[int, Any], words: str
) -> None:
    def told(self: Action, args: dict[str, Any], _variables: dict[str, Any]) -> dict[str, Any]:
        if args["phase"] == "log_in":
            vault.answers[LOOKUP] = afterwards
            return {"failed": True, "msg": "Everything was put back: the agent is not logged in."}
        return {"logged_in": False, "running": False}

    monkeypatch.setattr(Action, "_module", told)
    result, _action = run(vault, tmp_path)
    assert result["failed"]
    assert words in result["msg"]
    assert "wr4pped" not in result["msg"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"role": ""}, "role is missing; allowed is the name of an AppRole."),
        ({"wrap_ttl": 5}, "wrap_ttl is 5; allowed are 10 to 3600 seconds."),
        ({"wait": "long"}, "wait is 'long'; allowed are 5 to 120 seconds."),
    ],
)
def test_wrong_options_are_refused(vault: FakeVault, tmp_path: Path, args: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=words):
        run(vault, tmp_path, args=args)
