# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of this invocation of Ansible: one id for all its plays, forks, loops, delegates and handlers.

The id is made when this file is imported. Strategies load action plugins in the parent process, before they fork, so
every worker inherits the same id.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import socket
from collections.abc import Mapping
from datetime import datetime, timezone

# <UTC start>-<awx job | cli>-<8 hex>
RUN_ID_PATTERN = re.compile(r"[0-9]{8}T[0-9]{6}Z-(?:awx[0-9]+|cli)-[0-9a-f]{8}")
JOB_VARIABLES = ("JOB_ID", "AWX_JOB_ID")


def origin(environment: Mapping[str, str]) -> str:
    """`awx<job>` inside a job of AWX, else `cli`."""
    for name in JOB_VARIABLES:
        job = environment.get(name, "")
        if re.fullmatch(r"[0-9]+", job):
            return f"awx{job}"
    return "cli"


def make_run_id(started: datetime, environment: Mapping[str, str]) -> str:
    """A new run id; ids sort by their start, and two of one second differ in their random part."""
    stamp = started.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return f"{stamp}-{origin(environment)}-{secrets.token_hex(4)}"


RUN_ID = make_run_id(datetime.now(timezone.utc), os.environ)


def run_id() -> str:
    """The id of this run."""
    return RUN_ID


def run_by() -> str:
    """Who runs this, as `user@controller`; a user without a name is shown by number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an execution environment's uid need not be in its passwd
        user = f"uid{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
