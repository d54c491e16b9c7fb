# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Vault agent of a host: whether it is logged in, what stands in its way, and how it logs in."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

from .changes import BlobStore, Change, ChangeFailed, State
from .host import Host
from .kinds.kept_files import listed
from .kinds.unit import read_units
from .probes import until_well
from .unit_log import UnitLog
from .vault_http import Vault, VaultError

AGENT = "vault-agent.service"
USER = "vault-agent"
RUNTIME = "/run/vault-agent"
TOKEN = "/var/lib/vault-agent/token"  # noqa: S105 - a path
LIST = "/var/lib/vault-agent-deliver/files.json"
DELIVER = "/usr/local/lib/vault-agent/deliver.py"
REFUSED = (400, 403)


def is_logged_in(vault: Vault, mount: str, role: str, host: Host) -> bool:
    """Whether the agent holds a token of this AppRole that the server accepts. VaultError where it cannot be asked."""
    try:
        vault.token = host.fs.read(host.path(TOKEN)).decode().strip()
    except FileNotFoundError:
        return False
    try:
        found = vault.ask("GET", "auth/token/lookup-self")["data"]
    except VaultError as error:
        if error.status not in REFUSED:
            raise
        return False
    finally:
        vault.token = ""
    return found.get("path") == f"auth/{mount}/login" and (found.get("meta") or {}).get("role_name") == role


def is_running(host: Host) -> bool:
    """Whether the agent's unit runs, and will at boot."""
    unit = read_units(host, [AGENT])[AGENT]
    return unit.active and unit.file_state == "enabled"


# --- what stands in its way ---


def delivered(host: Host) -> set[str]:
    """What the agent has delivered so far."""
    try:
        return set(listed(host.fs.read(host.path(LIST))))
    except (FileNotFoundError, ValueError):
        return set()


def obstacles(deliveries: Sequence[Mapping[str, Any]], host: Host) -> tuple[list[str], list[str]]:
    """What is wrong on this host; and what is missing, but may be brought by a package that is only planned."""
    wrong, missing, ours = [], [], delivered(host)
    names = sorted({item["unit"] for item in deliveries if item.get("unit")})
    units = read_units(host, names) if host.has_systemd else {}
    for item in deliveries:
        where, path = f"vault_agent_templates: {item['name']}", item["destination"]
        place = host.path(path)
        if not os.path.isdir(os.path.dirname(place)):
            missing.append(f"{where}: destination is {path!r}; allowed is a path in a directory that is on the host.")
        elif os.path.isdir(place) or (path not in ours and os.path.lexists(place)):
            wrong.append(
                f"{where}: destination is {path!r}, which is there and was not delivered by the agent; allowed is a "
                "new file: move that one away first."
            )
        for key, known in (("owner", _is_user), ("group", _is_group)):
            if not known(item[key]):
                missing.append(f"{where}: {key} is {item[key]!r}; allowed is one that the host knows.")
        unit = units.get(item.get("unit") or "")
        if unit and not unit.exists:
            missing.append(f"{where}: unit is {unit.name!r}; allowed is a unit that the host knows.")
    return wrong, missing


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


# --- how it logs in ---


class LogIn(Change):
    """Hands the agent its role-id and wrapped secret-id, where it needs them; starts it; waits for its deliveries."""

    def __init__(self, role_id: str, wrapping_token: str, wait: float) -> None:
        self.role_id = role_id
        self.wrapping_token = wrapping_token
        self.wait = wait

    def touches(self) -> Sequence[tuple[str, str]]:
        """The unit, and everything that the agent delivers from now on."""
        return [("kept_files", LIST), ("unit", AGENT)]

    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """Only the agent knows."""
        return None

    def apply(self, host: Host, blobs: BlobStore) -> None:
        """Do it; ChangeFailed with the agent's last words."""
        log = UnitLog(AGENT)
        log.mark(host)
        if self.wrapping_token:
            self._hand_over(host)
        host.must(["systemctl", "enable", "--quiet", "--", AGENT])
        host.must(["systemctl", "restart", "--", AGENT])
        words = until_well(lambda: self._missing(host), self.wait, stop=lambda words: words.startswith(AGENT))
        self._forget(host)
        if words:
            said = log.since(host).replace(self.wrapping_token or "\0", "********")
            raise ChangeFailed(f"{words}\nThe agent's last words:\n{said or '(none)'}")

    def _hand_over(self, host: Host) -> None:
        """Into memory only, readable by the agent only. A token that is not accepted is forgotten."""
        user = pwd.getpwnam(USER)
        if not host.fs.exists(host.path(RUNTIME)):
            host.fs.mkdir(host.path(RUNTIME), 0o700)
            host.fs.chown(host.path(RUNTIME), user.pw_uid, user.pw_gid)
        if host.fs.exists(host.path(TOKEN)):
            host.fs.unlink(host.path(TOKEN))
        for name, value in (("role-id", self.role_id), ("wrapped-secret-id", self.wrapping_token)):
            place = host.path(f"{RUNTIME}/{name}")
            host.fs.write_atomic(place, value.encode(), 0o600, user.pw_uid, user.pw_gid, {})

    def _forget(self, host: Host) -> None:
        """It serves once: nothing of it is left, whether it served or not."""
        for name in ("role-id", "wrapped-secret-id"):
            if host.fs.exists(host.path(f"{RUNTIME}/{name}")):
                host.fs.unlink(host.path(f"{RUNTIME}/{name}"))

    def _missing(self, host: Host) -> str:
        """What is not there yet; begins with the unit's name where waiting is no use."""
        state = host.run(["systemctl", "is-active", AGENT]).out.strip()
        if state == "failed":
            return f"{AGENT} has failed"
        if not host.fs.exists(host.path(TOKEN)):
            return f"The agent is not logged in after {self.wait:g} s."
        answer = host.run(["/usr/bin/python3", "-I", DELIVER, "check"])
        return "" if answer.ok else f"Not every file is at its destination after {self.wait:g} s: {answer.words}"
