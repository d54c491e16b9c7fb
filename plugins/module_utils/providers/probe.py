# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a host that nothing answers by itself: read only."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
from collections.abc import Sequence
from typing import Any

from ..host import COMMAND_PATH
from .base import COMPLIANT, FAILED, UNKNOWN, Control, Plan, Provider, Unfit, Verdict

TYPES = ("command", "file", "listening", "member")
LISTEN = "0A"  # TCP's state in /proc/net/tcp
LONGEST = 200


class Probe(Provider):
    """Asks after everything else is done. Holds (compliant), does not hold (failed), or cannot be asked (unknown)."""

    key = "probe"
    summary = "A statement about the host holds; nothing is ever changed."
    order = 90
    example = {"command": ["sshd", "-T"], "matches": "^permitrootlogin no$"}
    spec = {
        "command": {
            "type": "list",
            "elements": "str",
            "description": "A command that only reads, as a list; it runs in check mode, too.",
            "example": ["sshd", "-T"],
        },
        "rc": {
            "type": "int",
            "default": 0,
            "min": 0,
            "max": 255,
            "description": "The return code that the command has to give.",
        },
        "timeout": {
            "type": "int",
            "default": 30,
            "min": 1,
            "max": 300,
            "description": "Seconds until the command is unknown.",
        },
        "file": {"type": "path", "description": "A file whose text is looked at; one that is missing has no text."},
        "matches": {
            "type": "str",
            "description": "A regular expression found in the output or text, line by line (^ and $).",
        },
        "not_matches": {"type": "str", "description": "A regular expression not found in it."},
        "listening": {
            "type": "dict",
            "description": "Whether something listens on a TCP port.",
            "options": {
                "port": {"type": "int", "required": True, "min": 1, "max": 65535, "description": "The port."},
                "state": {
                    "type": "str",
                    "choices": ["open", "local", "closed"],
                    "default": "open",
                    "description": "open: on any address. local: on loopback addresses only. closed: not at all.",
                },
            },
        },
        "member": {
            "type": "dict",
            "description": "Whether a user is in a group.",
            "options": {
                "user": {"type": "str", "required": True, "description": "The user's name."},
                "group": {"type": "str", "required": True, "description": "The group's name."},
                "state": {
                    "type": "str",
                    "choices": ["present", "absent"],
                    "default": "present",
                    "description": "Whether the user is in it or not.",
                },
            },
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """One question, and expressions that compile."""
        asked = [name for name in TYPES if control.state[name]]
        faults = (
            []
            if len(asked) == 1
            else [f"probe asks {', '.join(asked) or 'nothing'}: allowed is one of {', '.join(TYPES)}"]
        )
        if asked == ["file"] and not (control.state["matches"] or control.state["not_matches"]):
            faults.append("probe.file needs matches or not_matches")
        for name in ("matches", "not_matches"):
            try:
                re.compile(control.state[name] or "")
            except re.error as error:
                faults.append(
                    f"probe.{name} is {control.state[name]!r}: {error}; allowed is a regular expression of Python"
                )
        return faults

    def plan(self, controls: Sequence[Control]) -> Plan:
        """Ask each; there are never steps."""
        return Plan({control.id: self._ask(control) for control in controls})

    def _ask(self, control: Control) -> Verdict:
        state = control.state
        question = next(name for name in TYPES if state[name])
        try:
            answer: Verdict = getattr(self, f"_{question}")(state)
            return answer
        except Unfit as unfit:
            return unfit.verdict()
        except PermissionError as error:
            return Verdict(UNKNOWN, reason=f"{error.filename} cannot be read: it needs root")
        except OSError as error:
            return Verdict(UNKNOWN, reason=str(error))

    def _command(self, state: Any) -> Verdict:
        argv = state["command"]
        if shutil.which(argv[0], path=COMMAND_PATH) is None:
            raise Unfit(f"there is no program {argv[0]}", UNKNOWN)
        result = self.host.run(argv, timeout=state["timeout"])
        if result.rc == 124:
            raise Unfit(f"{result.words}", UNKNOWN)
        if result.rc != state["rc"]:
            if os.geteuid() != 0 and re.search(
                r"permission denied|not permitted|must be root", result.words, re.IGNORECASE
            ):
                raise Unfit(f"{argv[0]} needs root: {result.words[:LONGEST]}", UNKNOWN)
            reason = f"{argv[0]} returned {result.rc}, not {state['rc']}: {result.words[:LONGEST]}"
            return Verdict(FAILED, result.rc, reason=reason)
        return self._text(state, result.out + result.err, " ".join(argv)) or Verdict(COMPLIANT, result.rc, result.rc)

    def _file(self, state: Any) -> Verdict:
        try:
            text = self.host.fs.read(self.host.path(state["file"])).decode("utf-8", "replace")
        except FileNotFoundError:
            text = ""
        return self._text(state, text, state["file"]) or Verdict(COMPLIANT, "holds", "holds")

    @staticmethod
    def _text(state: Any, text: str, where: str) -> Verdict | None:
        """Why a text is not as it should be, or None."""
        if state["matches"] and not re.search(state["matches"], text, re.MULTILINE):
            return Verdict(FAILED, reason=f"{where} has nothing that matches {state['matches']!r}")
        found = re.search(state["not_matches"], text, re.MULTILINE) if state["not_matches"] else None
        if found:
            return Verdict(FAILED, found.group(0)[:LONGEST], reason=f"{where} matches {state['not_matches']!r}")
        return None

    def _listening(self, state: Any) -> Verdict:
        wanted = state["listening"]
        addresses = [address for address, port in self._listeners() if port == wanted["port"]]
        now = "closed" if not addresses else "local" if all(map(_is_loopback, addresses)) else "open"
        if now == wanted["state"] or (now == "local" and wanted["state"] == "open"):
            return Verdict(COMPLIANT, now, now)
        return Verdict(FAILED, now, reason=f"TCP port {wanted['port']} is {now}, not {wanted['state']}")

    def _listeners(self) -> list[tuple[str, int]]:
        found = []
        for name in ("tcp", "tcp6"):
            try:
                lines = self.host.fs.read(self.host.path(f"/proc/net/{name}")).decode().splitlines()[1:]
            except FileNotFoundError:
                continue
            fields = [line.split() for line in lines]
            found += [
                (f[1].split(":")[0], int(f[1].split(":")[1], 16)) for f in fields if len(f) > 3 and f[3] == LISTEN
            ]
        return found

    def _member(self, state: Any) -> Verdict:
        wanted = state["member"]
        try:
            group, user = grp.getgrnam(wanted["group"]), pwd.getpwnam(wanted["user"])
            now = "present" if wanted["user"] in group.gr_mem or user.pw_gid == group.gr_gid else "absent"
        except KeyError:
            now = "absent"
        if now == wanted["state"]:
            return Verdict(COMPLIANT, now, now)
        return Verdict(FAILED, now, reason=f"user {wanted['user']} is {now} in group {wanted['group']}")


def _is_loopback(address: str) -> bool:
    """Addresses as /proc/net writes them: 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104."""
    if len(address) == 8:
        return address.endswith("7F")
    return address == "0" * 24 + "01000000" or (address.startswith("0" * 16 + "FFFF0000") and address.endswith("7F"))
