# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role vault_agent, beyond their types."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import address_problem
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"
MOUNT = r"[A-Za-z0-9][A-Za-z0-9_/-]*[A-Za-z0-9]|[A-Za-z0-9]"
UNIT = r"[A-Za-z0-9:_.\\@-]+\.(service|socket|target)"
MODE = r"0?[0-7][0-7]0"
SOURCES = ("vault_agent_program_file", "vault_agent_program_url", "vault_agent_program_package")
# Where the agent and its helper keep their own files.
OURS = ("/etc/vault-agent/", "/run/vault-agent/", "/var/lib/vault-agent/", "/var/lib/vault-agent-deliver/")
VOLATILE = ("/proc/", "/sys/", "/dev/", "/tmp/", "/var/tmp/")  # noqa: S108 - refused, not used


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    templates = checks.entries(inputs.get("vault_agent_templates"))
    found = [*_server(inputs), *_program(inputs)]
    if not templates:
        found.append("vault_agent_templates is []; allowed is a list with at least one template.")
    for key in ("name", "destination"):
        found += checks.duplicate_problems(f"vault_agent_templates: {key}", (item.get(key) for item in templates))
    return found + [problem for item in templates for problem in _template(item)]


def _server(inputs: Mapping[str, Any]) -> list[str]:
    address = inputs.get("vault_agent_address", "")
    found = []
    if problem := address_problem(address, checks.as_bool(inputs.get("vault_agent_allow_http"))):
        found.append(f"vault_agent_address is {address!r}; {problem}.")
    ca_file = inputs.get("vault_agent_ca_file") or ""
    if ca_file and not Path(ca_file).is_file():
        found.append(
            f"vault_agent_ca_file is {ca_file!r}; allowed is a file on the controller with certificates (PEM)."
        )
    found += checks.pattern_problems(
        "vault_agent_approle", inputs.get("vault_agent_approle", ""), NAME, "the name of an AppRole, like shop"
    )
    mount = inputs.get("vault_agent_approle_mount", "approle")
    found += checks.pattern_problems("vault_agent_approle_mount", mount, MOUNT, "a mount, like approle")
    if inputs.get("vault_agent_namespace"):
        found += checks.pattern_problems(
            "vault_agent_namespace", inputs["vault_agent_namespace"], rf"({MOUNT})/?", "a path like shops/north"
        )
    found += checks.range_problems("vault_agent_wrap_ttl", inputs.get("vault_agent_wrap_ttl", 120), 10, 3600)
    found += checks.range_problems("vault_agent_wait", inputs.get("vault_agent_wait", 60), 5, 120)
    return found + checks.pattern_problems(
        "vault_agent_refresh", inputs.get("vault_agent_refresh", "5m"), r"[1-9][0-9]*[smh]", "a time like 30s, 5m or 1h"
    )


def _program(inputs: Mapping[str, Any]) -> list[str]:
    given = [name for name in SOURCES if inputs.get(name)]
    if len(given) != 1:
        return [f"{' and '.join(given) or 'none'} of {', '.join(SOURCES)} is given; allowed is exactly one of them."]
    if given == ["vault_agent_program_package"]:
        path = inputs.get("vault_agent_program_path", "")
        return checks.pattern_problems("vault_agent_program_path", path, r"/[!-~]+", "an absolute path without blanks")
    found = checks.pattern_problems(
        "vault_agent_program_sha256",
        inputs.get("vault_agent_program_sha256", ""),
        r"[0-9a-f]{64}",
        "the SHA-256 of the file, 64 hex digits",
    )
    value = inputs[given[0]]
    if given == ["vault_agent_program_file"] and not Path(value).is_file():
        found.append(f"vault_agent_program_file is {value!r}; allowed is a file on the controller.")
    if given == ["vault_agent_program_url"]:
        found += checks.pattern_problems("vault_agent_program_url", value, r"https://[!-~]+", "a URL with https")
    return found


def _template(item: Mapping[str, Any]) -> list[str]:
    name = item.get("name")
    where = f"vault_agent_templates: {name}"
    allowed = "letters, digits, '_' and '-', the first a letter or digit"
    found = checks.pattern_problems("vault_agent_templates: name", name, NAME, allowed)
    found += _destination(where, str(item.get("destination", "")))
    if not str(item.get("content") or "").strip():
        found.append(f"{where}: content is empty; allowed is a template of the agent.")
    found += checks.pattern_problems(
        f"{where}: mode", item.get("mode", "0400"), MODE, 'a quoted octal mode that gives others nothing, like "0440"'
    )
    for key in ("owner", "group"):
        found += checks.pattern_problems(f"{where}: {key}", item.get(key, "root"), r"[a-z_][a-z0-9_-]*", "a name")
    if item.get("unit"):
        found += checks.pattern_problems(f"{where}: unit", item["unit"], UNIT, "a unit with suffix, like shop.service")
    return found


def _destination(where: str, path: str) -> list[str]:
    allowed = ""
    if not path.startswith("/") or posixpath.normpath(path) != path or any(ord(sign) < 33 for sign in path):
        allowed = "an absolute path without blanks, '..' and a slash at the end"
    elif path.startswith((*OURS, *VOLATILE)):
        allowed = f"a path outside of {', '.join((*OURS, *VOLATILE))}"
    return [f"{where}: destination is {path!r}; allowed is {allowed}."] if allowed else []
