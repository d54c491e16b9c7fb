# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading AWX, against a stand-in (a mock: see awx_stand_in.py for why, and for what it cannot show)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.awx_client import AwxClient, AwxError
from ansible_collections.evenkeel.ops.plugins.module_utils.awx_objects import Loader
from awx_stand_in import TOKEN, StandIn, serving

PLACES = {"organization": "Operations", "project": "fleet", "inventory": "prod", "credentials": ["ssh"]}
QUESTION = {"question": "Which?", "variable": "which", "type": "multiplechoice", "choices": ["a", "b"], "default": "a"}
TEMPLATES: list[dict[str, Any]] = [
    {"name": "audit", "playbook": "audit.yml", "job_type": "run", "extra_vars": {"evenkeel_audit_hosts": "all"}},
    {"name": "patch", "playbook": "patch.yml", "job_type": "run", "ask_limit_on_launch": True, "survey": [QUESTION]},
]
WORKFLOWS: list[dict[str, Any]] = [
    {
        "name": "waves",
        "nodes": [
            {"name": "look", "job_template": "audit", "success": ["ask"]},
            {"name": "ask", "approval": {"name": "Go on?", "timeout": 60}, "success": ["rest"]},
            {"name": "rest", "job_template": "patch", "limit": "all:!canaries"},
        ],
    }
]
RULE = "DTSTART;TZID=Europe/Berlin:20260101T220000 RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=TU"
SCHEDULES: list[dict[str, Any]] = [{"name": "weekly", "workflow": "waves", "rrule": RULE}]


class Awx:
    """The stand-in and what a test asks of it."""

    def __init__(self, stand_in: StandIn, url: str, ca_path: Path) -> None:
        self.stand_in, self.url, self.ca_path = stand_in, url, str(ca_path)

    def load(self, check_mode: bool = False, **parts: Any) -> list[str]:
        """Load; the parts of the data that are not given are those above."""
        data = {"templates": TEMPLATES, "workflows": WORKFLOWS, "schedules": SCHEDULES, "places": PLACES, **parts}
        client = AwxClient(self.url, data.get("token", TOKEN), self.ca_path)
        loader = Loader(client, data["places"], check_mode)
        return loader.load(data["templates"], data["workflows"], data["schedules"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Awx]:
    with serving(tmp_path_factory.mktemp("awx")) as (stand_in, url, ca_path):
        yield Awx(stand_in, url, ca_path)


@pytest.fixture
def awx(server: Awx) -> Awx:
    server.stand_in.__init__()  # type: ignore[misc]  # each test finds a new AWX, without a new certificate
    return server


def test_everything_is_made_and_a_second_load_changes_nothing(awx: Awx) -> None:
    changes = awx.load()
    templates = awx.stand_in.named("job_templates")
    assert set(templates) == {"audit", "patch"}
    assert json.loads(templates["audit"]["extra_vars"]) == {"evenkeel_audit_hosts": "all"}
    assert templates["patch"]["survey_enabled"]
    (question,) = awx.stand_in.surveys[templates["patch"]["id"]]["spec"]
    assert (question["variable"], question["choices"]) == ("which", ["a", "b"])
    nodes = awx.stand_in.named("workflow_job_template_nodes")
    assert awx.stand_in.links["success_nodes", nodes["look"]["id"]] == {nodes["ask"]["id"]}
    assert awx.stand_in.links["success_nodes", nodes["ask"]["id"]] == {nodes["rest"]["id"]}
    assert nodes["rest"]["limit"] == "all:!canaries"
    assert awx.stand_in.named("workflow_approval_templates")["Go on?"]["timeout"] == 60
    assert awx.stand_in.named("schedules")["weekly"]["rrule"] == RULE
    assert "new: schedules weekly" in changes
    before, writes = awx.stand_in.snapshot(), len(awx.stand_in.writes)
    assert awx.load() == []
    assert (awx.stand_in.snapshot(), len(awx.stand_in.writes)) == (before, writes)


def test_check_mode_says_the_same_and_writes_nothing(awx: Awx) -> None:
    predicted = awx.load(check_mode=True)
    assert awx.stand_in.writes == []
    assert awx.load() == predicted


def test_what_differs_is_changed_and_nothing_else(awx: Awx) -> None:
    awx.load()
    by_hand = awx.stand_in.put("job_templates", name="theirs", playbook="x.yml", organization=1)
    templates = copy.deepcopy(TEMPLATES)
    templates[1]["ask_limit_on_launch"] = False
    templates[1]["survey"][0]["choices"] = ["a", "b", "c"]
    workflows = copy.deepcopy(WORKFLOWS)
    workflows[0]["nodes"][0]["success"] = ["rest"]
    workflows[0]["nodes"][1]["approval"]["timeout"] = 90
    writes = len(awx.stand_in.writes)
    changes = awx.load(templates=templates, workflows=workflows)
    assert changes == [
        "job_templates patch: ask_limit_on_launch",
        "survey of patch",
        "approval of waves: ask",
        "waves: look → rest (success)",
        "waves: look no more → ask (success)",
    ]
    assert len(awx.stand_in.writes) == writes + len(changes)
    assert awx.stand_in.rooms["job_templates"][by_hand]["playbook"] == "x.yml"


def test_objects_of_other_organizations_are_left_alone(awx: Awx) -> None:
    other = awx.stand_in.put("organizations", name="Others")
    theirs = awx.stand_in.put("job_templates", name="patch", playbook="theirs.yml", organization=other)
    awx.load()
    assert awx.stand_in.rooms["job_templates"][theirs]["playbook"] == "theirs.yml"


def test_lists_of_several_pages_are_read_to_their_end(awx: Awx) -> None:
    awx.stand_in.page = 2
    for number in range(5):
        awx.stand_in.put("labels", name=f"label {number}")
    assert len(AwxClient(awx.url, TOKEN, awx.ca_path).all("labels")) == 5


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"places": {**PLACES, "organization": "Sales"}}, "organization is 'Sales', which 127"),
        ({"places": {**PLACES, "project": "flit"}}, "project is 'flit'"),
        ({"places": {**PLACES, "inventory": "production"}}, "inventory is 'production'"),
        ({"places": {**PLACES, "credentials": ["key"]}}, "credentials is 'key'"),
        ({"places": {**PLACES, "execution_environment": "ee"}}, "execution_environment is 'ee'"),
        ({"templates": [*TEMPLATES, TEMPLATES[0]]}, "job_templates has 'audit' 2 times; allowed is once"),
        ({"templates": TEMPLATES[1:]}, "node 'look': job_template is 'audit'; allowed are patch"),
        ({"schedules": [{"name": "s", "workflow": "wave", "rrule": RULE}]}, "is for 'wave'; allowed are waves, audit"),
        ({"workflows": [{"name": "w", "nodes": [{"name": "n"}]}]}, "exactly one of job_template and approval"),
        (
            {"workflows": [{"name": "w", "nodes": [{"name": "n", "job_template": "audit", "always": ["m"]}]}]},
            "node 'n': always names 'm'; allowed are n",
        ),
        ({"token": "another"}, "answered 401 to GET /api/v2/organizations/"),
        ({"token": ""}, "token is empty or no token"),
    ],
)
def test_what_cannot_be_is_named_before_anything_is_written(awx: Awx, parts: dict[str, Any], says: str) -> None:
    with pytest.raises(AwxError) as caught:
        awx.load(**parts)
    assert says in str(caught.value)
    assert awx.stand_in.writes == []


def test_awx_s_own_words_are_quoted(awx: Awx) -> None:
    wrong = RULE.replace("BYDAY=TU", "BYDAY=2TU")
    with pytest.raises(AwxError, match="rrule: BYDAY with numeric prefix not supported"):
        awx.load(schedules=[{**SCHEDULES[0], "rrule": wrong}])


def test_a_certificate_that_nobody_vouches_for_is_refused(awx: Awx) -> None:
    with pytest.raises(AwxError, match="a certificate that nobody here vouches for"):
        AwxClient(awx.url, TOKEN).all("organizations")
    assert awx.stand_in.writes == []


@pytest.mark.parametrize("url", ["http://awx.example.net", "awx.example.net", "https://me:secret@awx.example.net", ""])
def test_an_address_that_is_not_safe_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(AwxError, match="allowed is an address like https://") as caught:
        AwxClient(url, TOKEN)
    assert "secret" not in str(caught.value)


def test_an_awx_that_is_not_there_is_said_so_without_the_token(awx: Awx) -> None:
    with pytest.raises(AwxError, match="cannot be reached") as caught:
        AwxClient("https://127.0.0.1:1", TOKEN, awx.ca_path).all("organizations")
    assert TOKEN not in str(caught.value)
