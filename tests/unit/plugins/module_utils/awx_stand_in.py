# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX: a mock. It answers as AWX's documentation says that its API does, over TLS.

AWX itself needs Kubernetes and images from registries, which no test of this repository may need. What the stand-in
cannot show: that a present release of AWX answers so. It is strict where AWX is known to be: tokens, names that are
taken, unknown fields, relations that do not exist, and schedules in the subset of RFC 5545 that AWX accepts.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "a-token-of-awx"  # noqa: S105 - of the stand-in only
COMMON = {"name", "description"}
FIELDS = {
    "job_templates": COMMON
    | {"job_type", "inventory", "project", "playbook", "forks", "limit", "verbosity", "extra_vars", "timeout"}
    | {"survey_enabled", "become_enabled", "diff_mode", "allow_simultaneous", "execution_environment"}
    | {f"ask_{what}_on_launch" for what in ("limit", "job_type", "diff_mode", "verbosity", "variables")},
    "workflow_job_templates": COMMON
    | {"organization", "inventory", "limit", "allow_simultaneous", "extra_vars"}
    | {"ask_variables_on_launch", "ask_limit_on_launch"},
    "workflow_job_template_nodes": {"identifier", "workflow_job_template", "unified_job_template", "limit"}
    | {"extra_data", "all_parents_must_converge"},
    "schedules": COMMON | {"rrule", "enabled", "unified_job_template", "extra_data"},
    "workflow_approval_templates": COMMON | {"timeout"},
}
NEEDED = {
    "job_templates": ("name", "project", "playbook"),
    "workflow_job_templates": ("name",),
    "workflow_job_template_nodes": ("workflow_job_template",),
    "schedules": ("name", "rrule", "unified_job_template"),
}
UNIQUE = {
    "job_templates": ("name", "organization"),
    "workflow_job_templates": ("name", "organization"),
    "workflow_job_template_nodes": ("identifier", "workflow_job_template"),
    "schedules": ("name", "unified_job_template"),
}


class Refusal(Exception):
    """A status and AWX's words."""

    def __init__(self, status: int, words: dict[str, Any]) -> None:
        super().__init__(str(words))
        self.status, self.words = status, words


class StandIn:
    """Rooms of objects by id; the organization, project, inventory and credential of a team are there."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[int, dict[str, Any]]] = {}
        self.links: dict[tuple[str, int], set[int]] = {}
        self.surveys: dict[int, dict[str, Any]] = {}
        # Method and path of each request that changes something.
        self.writes: list[str] = []
        self.page = 200
        self._last = 0
        organization = self.put("organizations", name="Operations")
        self.put("projects", name="fleet", organization=organization)
        self.put("inventories", name="prod", organization=organization)
        self.put("credentials", name="ssh", organization=organization)

    def put(self, room: str, **values: Any) -> int:
        """An object as somebody made it by hand."""
        self._last += 1
        self.rooms.setdefault(room, {})[self._last] = {"id": self._last, **values}
        return self._last

    def named(self, room: str) -> dict[str, dict[str, Any]]:
        """The objects of a room by name."""
        return {str(each.get("name", each.get("identifier"))): each for each in self.rooms.get(room, {}).values()}

    def snapshot(self) -> str:
        """Everything, to compare."""
        links = {f"{room}/{number}": sorted(others) for (room, number), others in self.links.items()}
        return json.dumps([self.rooms, self.surveys, links], sort_keys=True, default=str)

    # --- answering ---

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        """Status and JSON."""
        parts = urlsplit(target)
        words = [word for word in parts.path.removeprefix("/api/v2/").split("/") if word]
        if not parts.path.startswith("/api/v2/") or not parts.path.endswith("/") or not words:
            raise Refusal(404, {"detail": "The requested resource could not be found."})
        if method != "GET":
            self.writes.append(f"{method} {parts.path}")
        if len(words) == 1:
            return self._room(method, words[0], dict(parse_qsl(parts.query)), body)
        room, number = words[0], int(words[1])
        if number not in self.rooms.get(room, {}):
            raise Refusal(404, {"detail": "Not found."})
        if len(words) == 2:
            return self._one(method, room, number, body)
        return self._below(method, room, number, words[2], body)

    def _room(self, method: str, room: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "POST":
            return 201, self._create(room, body)
        size, page = min(int(query.pop("page_size", 25)), self.page), int(query.pop("page", 1))
        query.pop("order_by", None)
        found = [
            each
            for each in self.rooms.get(room, {}).values()
            if all(str(each.get(key)) == value for key, value in query.items())
        ]
        part = found[(page - 1) * size : page * size]
        following = f"/api/v2/{room}/?page={page + 1}" if page * size < len(found) else None
        return 200, {"count": len(found), "next": following, "previous": None, "results": part}

    def _create(self, room: str, body: dict[str, Any]) -> dict[str, Any]:
        self._check(room, body)
        missing = [key for key in NEEDED[room] if not body.get(key)]
        if missing:
            raise Refusal(400, {key: ["This field is required."] for key in missing})
        values = dict(body)
        if room == "job_templates":
            values["organization"] = self.rooms["projects"][body["project"]]["organization"]
        unique = UNIQUE[room]
        if any(all(each.get(key) == values.get(key) for key in unique) for each in self.rooms.get(room, {}).values()):
            raise Refusal(400, {"__all__": [f"{room} with this {' and '.join(unique)} already exists."]})
        number = self.put(room, **values)
        return self.rooms[room][number]

    def _check(self, room: str, body: dict[str, Any]) -> None:
        if room not in FIELDS:
            raise Refusal(405, {"detail": 'Method "POST" not allowed.'})
        unknown = set(body) - FIELDS[room]
        if unknown:
            raise AssertionError(f"the loader sent {unknown} to {room}, which AWX would drop without a word")
        for key, target in (("project", "projects"), ("inventory", "inventories"), ("organization", "organizations")):
            if body.get(key) is not None and body[key] not in self.rooms.get(target, {}):
                raise Refusal(400, {key: [f'Invalid pk "{body[key]}" - object does not exist.']})
        if "rrule" in body:
            _check_rule(body["rrule"])

    def _one(self, method: str, room: str, number: int, body: Any) -> tuple[int, Any]:
        if method == "PATCH":
            self._check(room, body)
            self.rooms[room][number].update(body)
        return 200, self.rooms[room][number]

    def _below(self, method: str, room: str, number: int, what: str, body: Any) -> tuple[int, Any]:
        if what == "survey_spec":
            if method == "GET":
                return 200, self.surveys.get(number, {})
            for question in body["spec"]:
                if question["type"] == "multiplechoice" and question["default"] not in question["choices"]:
                    raise Refusal(400, {"error": "default is none of the choices"})
            # AWX keeps keys of its own beside ours.
            self.surveys[number] = {**body, "spec": [{**each, "new_question": True} for each in body["spec"]]}
            return 200, {}
        if what == "create_approval_template":
            approval = self.put("workflow_approval_templates", **body)
            self.rooms[room][number]["unified_job_template"] = approval
            return 201, self.rooms["workflow_approval_templates"][approval]
        target = "credentials" if what == "credentials" else room
        linked = self.links.setdefault((what, number), set())
        if method == "GET":
            found = [self.rooms[target][each] for each in sorted(linked)]
            return 200, {"count": len(found), "next": None, "previous": None, "results": found}
        if body["id"] not in self.rooms[target]:
            raise Refusal(400, {"detail": "not found"})
        (linked.discard if body.get("disassociate") else linked.add)(body["id"])
        return 204, None


def _check_rule(rule: str) -> None:
    """What AWX refuses in a schedule."""
    for pattern, words in (
        (r"^DTSTART(;TZID=[^:]+)?:[0-9]{8}T[0-9]{6}Z? ", "Valid DTSTART required in rrule."),
        (r"RRULE:", "RRULE required in rrule."),
        (r"INTERVAL=", "INTERVAL required in rrule."),
    ):
        if not re.search(pattern, rule):
            raise Refusal(400, {"rrule": [words]})
    for pattern, words in (
        (r"BYDAY=[^;]*[0-9]", "BYDAY with numeric prefix not supported."),
        (r"EXDATE|RDATE", "not allowed in rrule."),
        (r"DTSTART.*DTSTART", "Multiple DTSTART is not supported."),
    ):
        if re.search(pattern, rule):
            raise Refusal(400, {"rrule": [words]})


class Handler(BaseHTTPRequestHandler):
    """One request."""

    stand_in: StandIn

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        try:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refusal(401, {"detail": "Authentication credentials were not provided."})
            status, answer = self.stand_in.answer(self.command, self.path, body)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.words
        except Exception as error:
            status, answer = 500, {"detail": f"{type(error).__name__}: {error}"}
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the names that the base class calls


@contextmanager
def serving(directory: Path) -> Iterator[tuple[StandIn, str, Path]]:
    """The stand-in, its address, and the certificate that vouches for it."""
    key, certificate = directory / "key.pem", directory / "ca.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    stand_in = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"stand_in": stand_in}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stand_in, f"https://127.0.0.1:{server.server_address[1]}", certificate
    finally:
        server.shutdown()
        server.server_close()
