"""`evenkeel.ops.load_awx` loads the shipped data into a stand-in for AWX (a mock; it says why)."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import ROOT, Place, succeeded

sys.path.insert(0, str(ROOT / "tests/unit/plugins/module_utils"))
from awx_stand_in import TOKEN, StandIn, serving

INVENTORY = """\
---
canaries:
  hosts:
    one:
all:
  hosts:
    two:
  vars:
    patching_windows:
      - {name: monthly, when: third Tuesday 22:00, timezone: Europe/Berlin, duration: 4h}
"""
WANTED = {"awx_organization": "Operations", "awx_project": "fleet", "awx_inventory": "prod", "awx_credentials": ["ssh"]}


class Awx:
    """The stand-in, and the playbook that loads it."""

    def __init__(self, place: Place, stand_in: StandIn, url: str, ca_path: Path) -> None:
        self.place, self.stand_in = place, stand_in
        self.variables = {**WANTED, "awx_url": url, "awx_ca_path": str(ca_path)}
        self.inventory = ca_path.with_name("hosts.yml")
        self.inventory.write_text(INVENTORY, encoding="utf-8")

    def load(self, *more: str, **variables: object) -> tuple[int, str]:
        """Return code and output of a run."""
        given = json.dumps({**self.variables, **variables})
        done = self.place.run("ansible-playbook", "evenkeel.ops.load_awx", "-i", self.inventory, "-e", given, *more)
        return done.returncode, done.stdout + done.stderr

    def insist(self, *more: str) -> str:
        """A run that has to succeed."""
        code, printed = self.load(*more)
        assert code == 0, printed
        return printed


@pytest.fixture
def awx(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Awx]:
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", TOKEN)
    with serving(tmp_path) as (stand_in, url, ca_path):
        yield Awx(place, stand_in, url, ca_path)


def test_shipped_data_is_loaded_once(awx: Awx) -> None:
    """Check mode writes nothing, the first run makes everything, the second changes nothing; none shows the token."""
    printed = awx.insist("--check")
    assert awx.stand_in.writes == []
    assert "new: job_templates evenkeel site" in printed
    printed += awx.insist("-vvv")
    assert set(awx.stand_in.named("job_templates")) >= {"evenkeel site", "evenkeel patch", "evenkeel undo"}
    nodes = awx.stand_in.named("workflow_job_template_nodes")
    assert {name: node["limit"] for name, node in nodes.items() if "limit" in node} == {
        "audit": "all",
        "canaries": "canaries",
        "fleet": "all:!canaries",
    }
    (schedule,) = awx.stand_in.named("schedules").values()
    assert schedule["rrule"].endswith("RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=TU;BYMONTHDAY=15,16,17,18,19,20,21")
    (workflow,) = awx.stand_in.named("workflow_job_templates").values()
    assert schedule["unified_job_template"] == workflow["id"]
    before = awx.stand_in.snapshot()
    again = awx.insist()
    assert re.search(r"^localhost\s+: ok=\d+\s+changed=0\s", again, re.MULTILINE), again
    assert awx.stand_in.snapshot() == before
    assert TOKEN not in printed + again


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"awx_url": "http://127.0.0.1"}, "url is 'http://127.0.0.1'; allowed is an address like https://"),
        ({"awx_organization": "Sales"}, "organization is 'Sales', which"),
        ({"awx_project": ""}, 'awx_project is \\"\\"; needed is a text.'),
        ({"awx_ca_path": ""}, "a certificate that nobody here vouches for"),
        ({"awx_data": "/no/such/place"}, 'awx_data is \\"/no/such/place\\"; allowed is a directory'),
        ({"patching_windows": [{"name": "w", "when": "fourth 22:00", "timezone": "UTC", "duration": "1h"}]}, "'w'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_input_is_refused_and_nothing_written(awx: Awx, variables: dict[str, object], says: str) -> None:
    """Named with its value and what is allowed."""
    code, printed = awx.load(**variables)
    assert code != 0, printed
    assert says in printed, printed
    assert awx.stand_in.writes == []


def test_without_a_token_nothing_is_asked(awx: Awx, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module says what is missing."""
    monkeypatch.delenv("CONTROLLER_OAUTH_TOKEN")
    code, printed = awx.load()
    assert code != 0
    assert "token" in printed
    assert awx.stand_in.writes == []


def test_a_thin_project_may_import_it(awx: Awx) -> None:
    """The data is found beside the playbook that was imported."""
    thin = awx.place.directory / "load_awx.yml"
    thin.write_text(
        "---\n- name: Load AWX\n  ansible.builtin.import_playbook: evenkeel.ops.load_awx\n", encoding="utf-8"
    )
    given = json.dumps(awx.variables)
    succeeded(awx.place.run("ansible-playbook", thin, "-i", awx.inventory, "-e", given, "--check"))
    assert awx.stand_in.writes == []
