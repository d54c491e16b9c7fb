"""Inputs of the role deploy: what is refused, with which sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.deploy import problems

HOSTS = ["web1", "web2", "web3"]
ROLE = {"deploy_role": "app"}


def planned(floor: int | str = "50%", hosts: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Return inputs as the play sees them, with the pool of three hosts."""
    pool = {"name": "web_servers", "hosts": HOSTS, "floor": floor}
    return {**ROLE, "deploy_floor": floor, "__deploy_hosts": hosts or HOSTS, "__deploy_floors": [pool], **more}


@pytest.mark.parametrize(
    "good",
    [
        ROLE,
        {"deploy_tasks": __file__, "deploy_rollback_tasks": __file__, "deploy_role": ""},
        planned(),
        planned(floor=2, deploy_canary=0, deploy_waves=[1, 2, "100%"]),
        planned(hosts=["web2"]),
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({}, "deploy_tasks is '' and deploy_role is ''; allowed is exactly one of them."),
        ({**ROLE, "deploy_tasks": __file__}, "and deploy_role is 'app'; allowed is exactly one of them."),
        (
            {"deploy_tasks": "no/such.yml"},
            "deploy_tasks is 'no/such.yml', which is no file on the controller (seen from",
        ),
        ({**ROLE, "deploy_rollback_tasks": "gone.yml"}, "deploy_rollback_tasks is 'gone.yml', which is no file on the"),
        (
            planned(floor="100%"),
            "deploy_floor: pool 'web_servers': floor is '100%', which keeps 3 of 3 hosts in service, so none",
        ),
        (planned(floor=4), "deploy_floor: pool 'web_servers': floor is 4, which keeps 4 of 3 hosts in service"),
        (planned(floor="half"), "deploy_floor is 'half'; allowed is a number of hosts from 0, or a percentage"),
        (planned(deploy_canary="25%"), "deploy_canary is '25%'; allowed is a number of hosts, 0 for no canary."),
        (planned(deploy_canary=-1), "deploy_canary is -1; allowed is a number of hosts from 0"),
        (planned(deploy_waves=["50%"]), "deploy_waves is ['50%'], which ends with 1 of 3 hosts done; allowed are"),
        (planned(deploy_waves=["50%", "25%"]), "deploy_waves[1] is '25%' after '50%'; allowed are cumulative sizes"),
        (planned(deploy_waves=["x"]), "deploy_waves[0] is 'x'; allowed is a number of hosts from 0"),
    ],
)
def test_a_problem_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    found = problems(bad)
    assert len(found) == 1
    assert sentence in found[0]


def test_a_path_may_begin_with_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "app.yml").touch()
    assert problems({"deploy_tasks": "~/app.yml"}) == []
