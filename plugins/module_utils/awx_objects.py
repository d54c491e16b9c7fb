# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings job templates, workflows and schedules of AWX to what data says. What it does not name is left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .awx_client import AwxClient, AwxError

# What a job template may say beside its name, playbook and survey; AWX's own names.
TEMPLATE_KEYS = (
    "description",
    "job_type",
    "forks",
    "limit",
    "verbosity",
    "timeout",
    "become_enabled",
    "diff_mode",
    "allow_simultaneous",
    "ask_limit_on_launch",
    "ask_job_type_on_launch",
    "ask_diff_mode_on_launch",
    "ask_verbosity_on_launch",
    "ask_variables_on_launch",
)
LINKS = ("success", "failure", "always")
# Stands for the id of what check mode would create.
NEW = -1


@dataclass
class Loader:
    """One load. `places` are names of what AWX has already: organization, project, inventory, …"""

    client: AwxClient
    places: Mapping[str, Any]
    check_mode: bool = False
    changes: list[str] = field(default_factory=list)
    _ids: dict[tuple[str, str], int] = field(default_factory=dict)

    def load(
        self,
        templates: Sequence[Mapping[str, Any]],
        workflows: Sequence[Mapping[str, Any]],
        schedules: Sequence[Mapping[str, Any]],
    ) -> list[str]:
        """All of it; returns what was changed, or would be. AwxError, before any change, where a name is unknown."""
        self._look_up_places()
        _check_names(templates, workflows, schedules)
        for template in templates:
            self._template(template)
        for workflow in workflows:
            self._workflow(workflow)
        for schedule in schedules:
            self._schedule(schedule)
        return self.changes

    # --- what has to be there ---

    def _look_up_places(self) -> None:
        self._place("organizations", "organization", str(self.places["organization"]))
        owned = {"organization": self._ids["organizations", str(self.places["organization"])]}
        self._place("projects", "project", str(self.places["project"]), **owned)
        self._place("inventories", "inventory", str(self.places["inventory"]), **owned)
        if self.places.get("execution_environment"):
            self._place("execution_environments", "execution_environment", str(self.places["execution_environment"]))
        for name in self.places.get("credentials") or ():
            self._place("credentials", "credentials", str(name))

    def _place(self, room: str, option: str, name: str, **filters: Any) -> None:
        found = self.client.find(room, name=name, **filters)
        if found is None:
            raise AwxError(
                f"{option} is {name!r}, which {self.client.place} does not have in {room}; make it there first."
            )
        self._ids[room, name] = int(found["id"])

    def _id(self, room: str, option: str) -> int | None:
        name = self.places.get(option)
        return self._ids[room, str(name)] if name else None

    # --- job templates ---

    def _template(self, wanted: Mapping[str, Any]) -> None:
        body: dict[str, Any] = {key: wanted[key] for key in TEMPLATE_KEYS if key in wanted}
        body.update(
            name=wanted["name"],
            playbook=wanted["playbook"],
            organization=self._id("organizations", "organization"),
            project=self._id("projects", "project"),
            inventory=self._id("inventories", "inventory"),
            survey_enabled=bool(wanted.get("survey")),
        )
        environment = self._id("execution_environments", "execution_environment")
        if environment is not None:
            body["execution_environment"] = environment
        if wanted.get("extra_vars"):
            body["extra_vars"] = _as_text(wanted["extra_vars"])
        # AWX derives the organization from the project, and takes none.
        organization = body.pop("organization")
        number = self._object("job_templates", body, {"name": wanted["name"], "organization": organization})
        self._survey(f"job_templates/{number}", str(wanted["name"]), number, wanted.get("survey") or ())
        self._credentials(number, str(wanted["name"]))

    def _survey(self, path: str, name: str, number: int, questions: Sequence[Mapping[str, Any]]) -> None:
        asked = [_question(question) for question in questions]
        spec = {"name": "", "description": "", "spec": asked}
        present = self.client.ask("GET", f"{path}/survey_spec/") if number != NEW else {}
        same = [_known(question) for question in present.get("spec") or ()] == [_known(each) for each in asked]
        if not same:
            self._change(f"survey of {name}", "POST", f"{path}/survey_spec/", spec)

    def _credentials(self, number: int, name: str) -> None:
        """Those of the data are added; others stay."""
        path = f"job_templates/{number}/credentials"
        present = {int(each["id"]) for each in self.client.all(path)} if number != NEW else set()
        for credential in self.places.get("credentials") or ():
            wanted = self._ids["credentials", str(credential)]
            if wanted not in present:
                self._change(f"credential {credential} of {name}", "POST", f"{path}/", {"id": wanted})

    # --- workflows ---

    def _workflow(self, wanted: Mapping[str, Any]) -> None:
        organization = self._id("organizations", "organization")
        keys = ("description", "allow_simultaneous", "ask_variables_on_launch", "ask_limit_on_launch")
        body = {key: wanted[key] for key in keys if key in wanted}
        body.update(name=wanted["name"], organization=organization, inventory=self._id("inventories", "inventory"))
        number = self._object("workflow_job_templates", body, {"name": wanted["name"], "organization": organization})
        nodes = {node["name"]: self._node(number, wanted["name"], node) for node in wanted["nodes"]}
        for node in wanted["nodes"]:
            for link in LINKS:
                self._links(str(wanted["name"]), node, link, nodes)

    def _node(self, workflow: int, title: str, wanted: Mapping[str, Any]) -> int:
        """A node is known by its identifier, which is the name in the data."""
        name = str(wanted["name"])
        body: dict[str, Any] = {"identifier": name, "workflow_job_template": workflow}
        body["all_parents_must_converge"] = bool(wanted.get("all_parents_must_converge", False))
        if "job_template" in wanted:
            body["unified_job_template"] = self._ids["job_templates", str(wanted["job_template"])]
            body["limit"] = str(wanted.get("limit", ""))
            body["extra_data"] = dict(wanted.get("extra_vars") or {})
        filters = {"workflow_job_template": workflow, "identifier": name}
        number = self._object("workflow_job_template_nodes", body, filters, f"node {name} of {title}")
        if "approval" in wanted:
            self._approval(number, f"{title}: {name}", wanted["approval"])
        return number

    def _approval(self, node: int, what: str, approval: Mapping[str, Any]) -> None:
        body = {"name": approval["name"], "description": approval.get("description", "")}
        body["timeout"] = int(approval.get("timeout", 0))
        present = self.client.ask("GET", f"workflow_job_template_nodes/{node}/") if node != NEW else {}
        number = present.get("unified_job_template")
        if not number:
            self._change(
                f"approval of {what}", "POST", f"workflow_job_template_nodes/{node}/create_approval_template/", body
            )
            return
        path = f"workflow_approval_templates/{number}/"
        if _differs(self.client.ask("GET", path), body):
            self._change(f"approval of {what}", "PATCH", path, body)

    def _links(self, title: str, node: Mapping[str, Any], link: str, nodes: Mapping[str, int]) -> None:
        """The nodes that follow; one that the data does not name any more is unlinked."""
        number = nodes[node["name"]]
        room = f"workflow_job_template_nodes/{number}/{link}_nodes"
        present = {int(each["id"]) for each in self.client.all(room)} if number != NEW else set()
        names = {known: name for name, known in nodes.items()}
        wanted = {name: nodes[name] for name in node.get(link) or ()}
        for name, other in wanted.items():
            if other not in present:
                self._change(f"{title}: {node['name']} → {name} ({link})", "POST", f"{room}/", {"id": other})
        for other in sorted(present - set(wanted.values())):
            what = f"{title}: {node['name']} no more → {names.get(other, other)} ({link})"
            self._change(what, "POST", f"{room}/", {"id": other, "disassociate": True})

    # --- schedules ---

    def _schedule(self, wanted: Mapping[str, Any]) -> None:
        room = "workflow_job_templates" if "workflow" in wanted else "job_templates"
        number = self._ids[room, str(wanted.get("workflow") or wanted.get("job_template"))]
        body = {"name": wanted["name"], "unified_job_template": number, "rrule": wanted["rrule"]}
        body.update(enabled=bool(wanted.get("enabled", True)), description=str(wanted.get("description", "")))
        self._object("schedules", body, {"name": wanted["name"], "unified_job_template": number})

    # --- one object ---

    def _object(self, room: str, body: Mapping[str, Any], filters: Mapping[str, Any], what: str = "") -> int:
        """Create it, or change what differs; returns its id."""
        name = str(body.get("name", body.get("identifier")))
        what = what or f"{room} {name}"
        present = None if NEW in filters.values() else self.client.find(room, **filters)
        if present is None:
            number = int(self._change(f"new: {what}", "POST", f"{room}/", body).get("id", NEW))
        else:
            number = int(present["id"])
            different = _differs(present, body)
            if different:
                self._change(
                    f"{what}: {', '.join(different)}", "PATCH", f"{room}/{number}/", {k: body[k] for k in different}
                )
        self._ids[room, name] = number
        return number

    def _change(self, what: str, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.changes.append(what)
        return {} if self.check_mode else self.client.ask(method, path, body)


def _differs(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The keys whose value is another; AWX says null where nothing was ever said."""
    return [key for key, value in wanted.items() if present.get(key) != value and (present.get(key) or value)]


def _check_names(
    templates: Sequence[Mapping[str, Any]],
    workflows: Sequence[Mapping[str, Any]],
    schedules: Sequence[Mapping[str, Any]],
) -> None:
    """Every name that is referred to is there; AwxError names the first that is not."""
    known = [str(template["name"]) for template in templates]
    flows = [str(workflow["name"]) for workflow in workflows]
    for option, names in (("job_templates", known), ("workflows", flows)):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise AwxError(f"{option} has {twice!r} {names.count(twice)} times; allowed is once.")
    for workflow in workflows:
        nodes = [str(node["name"]) for node in workflow["nodes"]]
        for node in workflow["nodes"]:
            _check_node(f"workflow {workflow['name']!r}: node {node['name']!r}", node, nodes, known)
    for schedule in schedules:
        name = str(schedule.get("workflow") or schedule.get("job_template"))
        if name not in (flows if "workflow" in schedule else known):
            raise AwxError(f"schedule {schedule['name']!r} is for {name!r}; allowed are {', '.join([*flows, *known])}.")


def _check_node(where: str, node: Mapping[str, Any], nodes: Sequence[str], templates: Sequence[str]) -> None:
    if ("job_template" in node) == ("approval" in node):
        raise AwxError(f"{where}: allowed is exactly one of job_template and approval.")
    if "job_template" in node and node["job_template"] not in templates:
        raise AwxError(f"{where}: job_template is {node['job_template']!r}; allowed are {', '.join(templates)}.")
    for link in LINKS:
        for name in node.get(link) or ():
            if name not in nodes:
                raise AwxError(f"{where}: {link} names {name!r}; allowed are {', '.join(nodes)}.")


def _question(question: Mapping[str, Any]) -> dict[str, Any]:
    """A question of a survey in AWX's words."""
    return {
        "question_name": question["question"],
        "question_description": question.get("description", ""),
        "variable": question["variable"],
        "type": question.get("type", "text"),
        "required": bool(question.get("required", False)),
        "default": question.get("default", ""),
        "choices": list(question.get("choices") or []),
        "min": question.get("min", 0),
        "max": question.get("max", 1024),
    }


def _known(question: Mapping[str, Any]) -> dict[str, Any]:
    """What both sides say of a question; AWX adds keys of its own, and gives choices as a list or as lines."""
    found = {key: question.get(key) for key in _question({"question": "", "variable": ""})}
    choices = found["choices"] or []
    found["choices"] = choices.splitlines() if isinstance(choices, str) else list(choices)
    found["question_description"] = found["question_description"] or ""
    return found


def _as_text(variables: Mapping[str, Any]) -> str:
    """Extra variables as AWX keeps them: a text, here always in the same order."""
    return json.dumps(variables, sort_keys=True)
