# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a backup goes, and what the programs on the hosts are told: from the inputs of backup and backup_server."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.checks import as_bool

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
KEEP = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)"
USER = r"[A-Za-z_][A-Za-z0-9_.-]*"
REST = re.compile(
    rf"rest:(?P<scheme>https?)://(?P<host>{HOST})(?::(?P<port>[0-9]{{1,5}}))?(?P<path>/[A-Za-z0-9_./-]*)?"
)
SFTP = (
    re.compile(rf"sftp:(?:(?P<user>{USER})@)?(?P<host>{HOST}):(?P<path>/?[A-Za-z0-9_./-]+)"),
    re.compile(
        rf"sftp://(?:(?P<user>{USER})@)?(?P<host>{HOST})(?::(?P<port>[0-9]{{1,5}}))?/(?P<path>/?[A-Za-z0-9_./-]+)"
    ),
)
LOCAL = re.compile(r"/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
CONFIGURATION = "/etc/evenkeel-backup"


class Repository(NamedTuple):
    """A repository's place, taken apart."""

    kind: str
    host: str = ""
    port: int | None = None
    path: str = ""
    user: str = ""


def repository(text: str) -> Repository | None:
    """Take the place of a repository apart; None where restic would not understand it, or it holds a password."""
    match = REST.fullmatch(text)
    if match:
        return Repository("rest", match["host"], _port(match), match["path"] or "/")
    for pattern in SFTP:
        match = pattern.fullmatch(text)
        if match:
            return Repository("sftp", match["host"], _port(match), match["path"], match["user"] or "")
    return Repository("local", path=text) if LOCAL.fullmatch(text) else None


def _port(match: re.Match[str]) -> int | None:
    given = match.groupdict().get("port")
    return int(given) if given else None


def seconds(text: Any) -> int | None:
    """A length of time like 30m or 26h in seconds; None where it is none."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", str(text))
    return int(match[1]) * UNITS[match[2]] if match else None


def location(inputs: Mapping[str, Any]) -> str:
    """What restic is told: the place of the repository, with user and password at a REST server."""
    place, user = str(inputs["backup_repository"]), str(inputs.get("backup_rest_user") or "")
    if not user:
        return place
    parts = urlsplit(place.partition(":")[2])
    login = f"{quote(user, safe='')}:{quote(str(inputs.get('backup_rest_password') or ''), safe='')}"
    return f"rest:{parts.scheme}://{login}@{parts.netloc}{parts.path or '/'}"


def restic_options(inputs: Mapping[str, Any]) -> list[str]:
    """Arguments of every call of restic."""
    options = ["--cacert", f"{CONFIGURATION}/ca.pem"] if inputs.get("backup_rest_ca") else []
    place = repository(str(inputs["backup_repository"]))
    if place is None or place.kind != "sftp":
        return options
    ssh = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    ssh += ["-o", f"UserKnownHostsFile={CONFIGURATION}/known_hosts", "-o", "GlobalKnownHostsFile=none"]
    # A server that goes away is noticed, and not waited for.
    ssh += ["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=4"]
    ssh += ["-o", "IdentitiesOnly=yes", "-i", f"{CONFIGURATION}/ssh_key"] if inputs.get("backup_sftp_key") else []
    ssh += ["-p", str(place.port)] if place.port else []
    target = f"{place.user}@{place.host.strip('[]')}" if place.user else place.host.strip("[]")
    return [*options, "--option", f"sftp.command={' '.join([*ssh, target])} -s sftp"]


def program_settings(inputs: Mapping[str, Any], host: str) -> dict[str, Any]:
    """The configuration of evenkeel-backup; no secret is in it."""
    return {
        "host": host,
        "repository": str(inputs["backup_repository"]),
        "paths": sorted(map(str, inputs["backup_paths"])),
        "excludes": [str(each) for each in inputs["backup_excludes"]],
        "databases": [
            {"name": each["name"], "port": int(each.get("port") or 5432)} for each in inputs["backup_databases"]
        ],
        "database_user": str(inputs["backup_database_user"]),
        "database_roles": as_bool(inputs["backup_database_roles"]),
        "keep": {name: int(inputs[f"backup_keep_{name}"]) for name in KEEP},
        "prune": as_bool(inputs["backup_prune"]),
        "metrics_dir": str(inputs["backup_metrics_dir"]),
        "drill_dir": str(inputs["backup_drill_dir"]),
        "rpo": seconds(inputs["backup_rpo"]),
        "rto": seconds(inputs["backup_rto"]),
        "restic_options": restic_options(inputs),
    }


def htpasswd(users: Iterable[Mapping[str, Any]]) -> str:
    """The password file of restic's REST server, by name.

    Of the two forms that the server reads this is the quick one: the other would cost the controller a quarter of a
    second for each client and run. It is quick to guess at, too, and has no salt. So short passwords are refused; 20
    random characters cannot be guessed.
    """
    lines = []
    for user in sorted(users, key=lambda each: str(each["name"])):
        # The format of the file asks for this hash.
        digest = hashlib.sha1(str(user["password"]).encode(), usedforsecurity=False).digest()
        lines.append(f"{user['name']}:{{SHA}}{base64.b64encode(digest).decode('ascii')}\n")
    return "".join(lines)
