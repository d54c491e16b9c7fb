# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of playbooks/audit.yml: one sentence each, with variable, value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.providers.spec import did_you_mean

from .audit_diff import NoReport, load

PREFIX = "evenkeel_audit_"


def problems(variables: Mapping[str, Any]) -> list[str]:
    """All problems of the variables whose names begin with the playbook's prefix."""
    found = []
    for name, value in sorted(variables.items()):
        if name in CHECKS:
            said = CHECKS[name](value)
            found += [f"{name} is {value!r}: {said}"] if said else []
        else:
            hint = did_you_mean(name, CHECKS)
            found.append(f"{name} is no input of the audit: allowed are {', '.join(sorted(CHECKS))}{hint}")
    return found


def threshold(value: Any) -> str:
    """Why a value is no threshold; empty where it is one."""
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    return "" if 1 <= number <= 100 else "allowed is a score in per cent, from 1 to 100"


def directory(value: Any) -> str:
    """Why reports cannot be written there."""
    if not isinstance(value, str) or not value.strip():
        return "allowed is a directory on the controller"
    path = Path(value).expanduser()
    if path.exists() and not path.is_dir():
        return "it is a file; allowed is a directory on the controller"
    return ""


def previous(value: Any) -> str:
    """Why a file is no earlier report."""
    if not isinstance(value, str) or not value.strip():
        return "allowed is the audit.json of an earlier audit"
    try:
        load(Path(value).expanduser())
    except NoReport as error:
        return f"{error}; allowed is the audit.json of an earlier audit"
    return ""


def _hosts(value: Any) -> str:
    names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return "" if names or (isinstance(value, str) and value.strip()) else "allowed is a pattern of hosts"


def _boolean(value: Any) -> str:
    words = ("true", "false", "yes", "no", "1", "0", "on", "off")
    return "" if str(value).strip().lower() in words else "allowed is true or false"


def _host_directory(value: Any) -> str:
    good = isinstance(value, str) and value.startswith("/") and ".." not in Path(value).parts and value != "/"
    return "" if good else "allowed is an absolute directory on the hosts, such as /var/lib/prometheus/node-exporter"


CHECKS: dict[str, Callable[[Any], str]] = {
    f"{PREFIX}hosts": _hosts,
    f"{PREFIX}hardening": _boolean,
    f"{PREFIX}report": directory,
    f"{PREFIX}previous": previous,
    f"{PREFIX}threshold": threshold,
    f"{PREFIX}textfile": _host_directory,
}
