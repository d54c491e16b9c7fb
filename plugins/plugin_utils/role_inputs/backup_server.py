# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role backup_server, beyond their types."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

# The server's file holds unsalted hashes: a password has to be beyond guessing.
SHORTEST_PASSWORD = 20
PATH = r"(/[A-Za-z0-9_.-]+)+"
SYSTEM = tuple(
    f"/{name}"
    for name in ("bin", "boot", "dev", "etc", "lib", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var/tmp")
)


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    return [*_users(inputs), *_listener(inputs), *_data(inputs), *_certificate(inputs)]


def _users(inputs: Mapping[str, Any]) -> Iterator[str]:
    users = checks.entries(inputs.get("backup_server_users"))
    if "backup_server_users" in inputs and not users:
        yield "backup_server_users is empty; allowed is a list with at least one user."
    for user in users:
        name = user.get("name")
        yield from checks.name_problems("backup_server_users: name", name)
        password = str(user.get("password") or "")
        if len(password) < SHORTEST_PASSWORD:
            yield (
                f"backup_server_users: {name!r}: password has {len(password)} characters; "
                f"allowed are {SHORTEST_PASSWORD} or more, made at random."
            )
        if re.search(r"[\x00-\x1f]", password):
            yield f"backup_server_users: {name!r}: password has control characters; allowed is a single line."
    yield from checks.duplicate_problems("backup_server_users: name", (user.get("name") for user in users))


def _listener(inputs: Mapping[str, Any]) -> Iterator[str]:
    if "backup_server_port" in inputs:
        yield from checks.port_problems("backup_server_port", inputs["backup_server_port"])
    address = inputs.get("backup_server_listen_address") or ""
    try:
        ipaddress.ip_address(address or "::")
    except ValueError:
        yield f"backup_server_listen_address is {address!r}; allowed is empty or an address, like 192.0.2.61."


def _data(inputs: Mapping[str, Any]) -> Iterator[str]:
    if "backup_server_data_dir" not in inputs:
        return
    place = str(inputs["backup_server_data_dir"])
    if not re.fullmatch(PATH, place) or posixpath.normpath(place) != place:
        yield f"backup_server_data_dir is {place!r}; allowed is a plain absolute path, like /srv/restic."
    elif any(place == system or place.startswith(f"{system}/") for system in SYSTEM):
        yield f"backup_server_data_dir is {place!r}; allowed is a directory for data, outside of {', '.join(SYSTEM)}."


def _certificate(inputs: Mapping[str, Any]) -> Iterator[str]:
    certificate = str(inputs.get("backup_server_tls_certificate") or "")
    key = str(inputs.get("backup_server_tls_key") or "")
    if bool(certificate) != bool(key):
        given, missing = ("certificate", "key")[:: 1 if certificate else -1]
        names = [f"backup_server_tls_{each}" for each in (given, missing)]
        yield f"{names[0]} is set and {names[1]} is empty; allowed are both or none of them."
    if certificate and "-----BEGIN CERTIFICATE-----" not in certificate:
        yield "backup_server_tls_certificate holds no certificate; allowed is PEM, with -----BEGIN CERTIFICATE-----."
    if key and not re.search(r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----", key):
        yield "backup_server_tls_key holds no private key; allowed is PEM without a passphrase."


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    return checks.listener_of(inputs, "backup_server")
