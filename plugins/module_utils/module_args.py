# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every module of the engine has, and the transaction that they describe."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Any

from .host import Host
from .journal import Journal
from .lock import HostLock
from .retention import MEBIBYTE, Retention
from .switch import MAX_DEADLINE, MIN_DEADLINE
from .transaction import Confirm, Transaction

DEFAULT_STATE_DIR = "/var/lib/evenkeel"
NO_SCOPE = "play"
LIMITS = {"runs": (1, 10_000), "megabytes": (1, 1_048_576)}

ENGINE_ARGS: dict[str, dict[str, Any]] = {
    "run": {"type": "str"},
    "run_by": {"type": "str"},
    "scope": {"type": "str"},
    "state_dir": {"type": "path", "default": DEFAULT_STATE_DIR},
    "retention": {
        "type": "dict",
        "options": {"runs": {"type": "int", "default": 100}, "megabytes": {"type": "int", "default": 512}},
    },
}

CONFIRM_ARGS: dict[str, dict[str, Any]] = {
    "confirm": {
        "type": "dict",
        "options": {
            "deadline": {"type": "int", "default": 120},
            "units": {"type": "list", "elements": "str", "default": []},
        },
    },
    "confirm_token": {"type": "str", "no_log": True},
}

# How a Vault server is reached.
VAULT_ARGS: dict[str, dict[str, Any]] = {
    "address": {"type": "str", "required": True},
    "ca_file": {"type": "str", "default": ""},
    "namespace": {"type": "str", "default": ""},
    "ca": {"type": "str", "default": ""},
}

# Whose secret-ids a Vault agent logs in with, and who may ask for them.
APPROLE_ARGS: dict[str, dict[str, Any]] = {
    "mount": {"type": "str", "default": "approle"},
    "role": {"type": "str", "required": True},
    "token_file": {"type": "str", "default": "", "no_log": False},
}


def problems(params: Mapping[str, Any]) -> list[str]:
    """What is wrong with the common options beyond their types: one sentence each."""
    found = []
    if not os.path.isabs(params["state_dir"]):
        found.append(f"state_dir is {params['state_dir']!r}; allowed is an absolute path.")
    for name, value in (params.get("retention") or {}).items():
        low, high = LIMITS[name]
        if not low <= value <= high:
            found.append(f"retention.{name} is {value}; allowed are {low} to {high}.")
    confirm = params.get("confirm")
    if confirm and not MIN_DEADLINE <= confirm["deadline"] <= MAX_DEADLINE:
        found.append(
            f"confirm.deadline is {confirm['deadline']}; allowed are {MIN_DEADLINE} to {MAX_DEADLINE} seconds."
        )
    return found


def own_run() -> str:
    """The id of a run that no action plugin named."""
    return f"host-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}"


def own_name() -> str:
    """user@host, where no action plugin says who runs it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.geteuid())
    return f"{user}@{socket.gethostname()}"


def transaction(params: Mapping[str, Any], module: str, check_mode: bool, host: Host | None = None) -> Transaction:
    """The transaction of a module call."""
    host = host or Host()
    kept = params.get("retention")
    confirm = params.get("confirm")
    return Transaction(
        Journal(params["state_dir"], host),
        HostLock(params["state_dir"], host.fs),
        params.get("run") or own_run(),
        params.get("scope") or NO_SCOPE,
        params.get("run_by") or own_name(),
        module,
        host,
        confirm=Confirm(confirm["deadline"], confirm["units"], params.get("confirm_token") or "") if confirm else None,
        check_mode=check_mode,
        retention=Retention(kept["runs"], kept["megabytes"] * MEBIBYTE) if kept else Retention(),
    )
