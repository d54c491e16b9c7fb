# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic, as this host calls it."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import urllib.parse
from dataclasses import dataclass
from typing import Any

from .processes import SEARCH_PATH
from .settings import Settings
from .words import NAMED, Trouble, iso, parse_time, write_atomic

# What restic says of tries that it repeats, and where in its program it stood.
NOISE = re.compile(r"returned error, retrying after|^(github\.com/|golang\.org/|runtime\.|main\.)\S+$|\.(go|s):\d+$")
FILES_TAG, INCOMPLETE_TAG = "files", "incomplete"


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    rc: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of standard output."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]


class Restic:
    """Runs restic on the repository of this host. Its password is never an argument or a variable."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.hidden = settings.secrets()

    def argv(self, *arguments: str) -> list[str]:
        """The command line."""
        place = self.settings.configuration
        files = ["--repository-file", str(place / "repository"), "--password-file", str(place / "password")]
        return ["restic", *files, "--cache-dir", str(self.settings.cache), *self.settings.restic_options, *arguments]

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's; times in UTC, temporary files beside the cache."""
        return {
            "PATH": SEARCH_PATH,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "HOME": "/root",
            "TMPDIR": str(self.settings.cache),
            "RESTIC_PROGRESS_FPS": "0.01",
        }

    def run(self, *arguments: str) -> Answer:
        """Run to the end."""
        process = self.start(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process:
            out, err = process.communicate()
        return Answer(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        """Start it, with streams as `subprocess.Popen` takes them."""
        try:
            return subprocess.Popen(self.argv(*arguments), env=self.environment(), cwd="/", **streams)
        except OSError as error:
            raise Trouble(f"restic cannot be started: {error.strerror}") from error

    def ask(self, *arguments: str) -> Answer:
        """Run what has to succeed."""
        answer = self.run(*arguments)
        if answer.rc != 0:
            raise Trouble(f"restic {arguments[0]} failed: {self.words(answer)}")
        return answer

    def words(self, answer: Answer) -> str:
        """What restic said of a failure, in plain words and without secrets."""
        found = []
        for line in answer.err.splitlines():
            text = line.strip()
            if text.startswith("{"):
                with contextlib.suppress(ValueError):
                    told = json.loads(text)
                    error = told.get("error") or {}
                    text = f"{told.get('item', '')}: {error.get('message') or error}" if error else told.get("message")
            if text and text not in found and not NOISE.search(text):
                found.append(text)
        fatal = [text for text in found if text.startswith("Fatal: ")]
        said = self.mask("; ".join((fatal or found)[-NAMED:])) or f"status {answer.rc}"
        if re.search(r"\b(403|Forbidden)\b", said):
            return f"{said} (the server only lets this client append: prune on the server)"
        return said

    def mask(self, text: str) -> str:
        """The text without secrets."""
        for word in self.hidden:
            text = text.replace(word, "(secret)")
        return text

    def reach(self) -> None:
        """Say at once that a server is away; restic itself would try for a quarter of an hour."""
        if not self.settings.repository.startswith("rest:"):
            return
        parts = urllib.parse.urlsplit(self.settings.repository.partition(":")[2])
        address = (parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80))
        try:
            socket.create_connection(address, timeout=10).close()
        except OSError as error:
            raise Trouble(f"the server {address[0]} does not answer on port {address[1]}: {error}") from error

    def repository_id(self) -> str:
        """Which repository answers; "" where there is none yet."""
        answer = self.run("cat", "config")
        if answer.rc == 0:
            return str(json.loads(answer.out)["id"])
        if re.search(r"does not exist|no such file", answer.err) and "401" not in answer.err:
            return ""
        raise Trouble(f"the repository {self.settings.repository} cannot be opened: {self.words(answer)}")

    def runs(self) -> list[dict[str, Any]]:
        """The snapshots of complete runs, oldest first, with `at` in seconds."""
        tags = f"evenkeel,{FILES_TAG}"
        answer = self.ask("snapshots", "--json", "--host", self.settings.host, "--tag", tags)
        found = [each for each in json.loads(answer.out) or [] if INCOMPLETE_TAG not in (each.get("tags") or [])]
        return sorted(({**each, "at": parse_time(each["time"])} for each in found), key=lambda each: each["at"])

    def listing(self) -> list[dict[str, str]]:
        """The complete runs, for people."""
        self.reach()
        return [{"snapshot": each["id"], "data_of": iso(each["at"])} for each in self.runs()]


def summary(answer: Answer) -> dict[str, Any]:
    """What `restic backup --json` says at its end."""
    return next((line for line in reversed(answer.lines) if line.get("message_type") == "summary"), {})


def initialise(settings: Settings, restic: Restic) -> dict[str, Any]:
    """Make the repository once, and remember which one it is, so that another in its place is noticed."""
    restic.reach()
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = restic.repository_id()
    made = not found
    if made:
        restic.ask("init")
        found = restic.repository_id()
    write_atomic(settings.marker, f"{found}\n")
    return {"made": made, "id": found}
