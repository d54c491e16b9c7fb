# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes over certificates that changed on the host: `python3 -I certificates.pyz`, without Ansible.

A systemd path unit, a timer and certbot's hook start it. Each certificate is a transaction of its own: one that is
refused keeps none of the others back, and what was served before is served on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .certificate_files import SETTINGS, CertificateFiles
from .certificate_sources import ON_THE_HOST
from .host import Host
from .module_args import own_run
from .terminal import complain, say

# A writer may be between certificate and key: what is refused is looked at again.
ATTEMPTS = 3
PAUSE = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a certificate was refused or could not be put in force."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with open(words[0] if words else SETTINGS, encoding="utf-8") as stream:
            settings = json.load(stream)
    except FileNotFoundError:
        say("evenkeel: no certificate comes from this host")
        return 0
    return serve(settings, Host())


def serve(settings: Mapping[str, Any], host: Host, pause: float = PAUSE) -> int:
    """Until nothing changed while it was looked at."""
    seen: object = None
    waiting = {item["name"] for item in settings["certificates"] if item["source"] in ON_THE_HOST}
    problems: list[str] = []
    for attempt in range(ATTEMPTS):
        if attempt and not waiting and seen == _marks(settings, host):
            break
        seen = _marks(settings, host)
        problems = []
        for item in settings["certificates"]:
            if item["source"] in ON_THE_HOST:
                problem = take_over(item, settings, host)
                problems += [problem] if problem else []
                (waiting.add if problem else waiting.discard)(item["name"])
        if waiting and attempt + 1 < ATTEMPTS:
            time.sleep(pause)
    for problem in problems:
        complain(f"evenkeel: {problem}")
    return 1 if problems else 0


def take_over(item: Mapping[str, Any], settings: Mapping[str, Any], host: Host) -> str:
    """One certificate; returns why not."""
    options = {
        **settings,
        "certificates": [item],
        "others": {each["name"]: each["source"] for each in settings["certificates"]},
        "run": own_run(),
    }
    answer = CertificateFiles(options, False, host, whole=False).serve()
    for warning in answer.warnings:
        complain(f"evenkeel: {warning}")
    if answer.changed and not answer.error:
        told = answer.values["certificates"][0]
        say(f"evenkeel: {item['name']} has serial {told['serial']} now, until {told['not_after']}")
    return answer.error


def _marks(settings: Mapping[str, Any], host: Host) -> list[tuple[str, int, int]]:
    """What tells that a file was written since."""
    found = []
    for item in settings["certificates"]:
        for part in ("certificate_name", "key_name", "chain_name"):
            if item["source"] not in ON_THE_HOST or not item.get(part):
                continue
            path = os.path.join(item["directory"], item[part])
            try:
                status = os.stat(host.path(path))
            except OSError:
                continue
            found.append((path, status.st_ino, status.st_mtime_ns))
    return found
