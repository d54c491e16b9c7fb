# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role rotation, beyond their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

RANGES = {
    "rotation_drain_timeout": (1, 86400),
    "rotation_ready_timeout": (1, 3600),
    "rotation_health_timeout": (1, 3600),
    "rotation_min_up": (0, 10000),
}
KINDS = ("http", "tcp", "unit", "command")
FROM_HOST_ONLY = ("unit", "command")


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    backends = inputs.get("rotation_backends") or []
    return [
        *(
            problem
            for name, (low, high) in RANGES.items()
            if name in inputs
            for problem in checks.range_problems(name, inputs[name], low, high)
        ),
        *_balancers(inputs.get("rotation_balancers") or [], inputs.get("__rotation_known_hosts")),
        *checks.duplicate_problems("rotation_backends", backends),
        *(problem for name in backends for problem in checks.name_problems("rotation_backends", name)),
        *(checks.name_problems("rotation_server", inputs["rotation_server"]) if "rotation_server" in inputs else []),
        *(
            problem
            for number, check in enumerate(checks.entries(inputs.get("rotation_health_checks")))
            for problem in health_check_problems(f"rotation_health_checks[{number}]", check)
        ),
    ]


def _balancers(names: list[Any], known: Any) -> list[str]:
    """`known` are the hosts of the inventory, where the caller sees them."""
    found = checks.duplicate_problems("rotation_balancers", names)
    for name in names if known is not None else []:
        if name not in known:
            found.append(f"rotation_balancers has {name!r}, which the inventory does not have; allowed are its hosts.")
    return found


def health_check_problems(where: str, check: Mapping[str, Any]) -> list[str]:
    """What is wrong with one question."""
    kinds = [kind for kind in KINDS if check.get(kind)]
    if len(kinds) != 1:
        return [f"{where} has {' and '.join(kinds) or 'no question'}; allowed is exactly one of {', '.join(KINDS)}."]
    found = checks.range_problems(f"{where}: within", check.get("within", 5), 1, 120)
    asked = check[kinds[0]]
    if kinds == ["http"] and isinstance(asked, Mapping):
        found += checks.pattern_problems(
            f"{where}: http.url", asked.get("url", ""), r"https?://[!-~]+", "a URL with http:// or https://"
        )
        for status in asked.get("status") or []:
            found += checks.range_problems(f"{where}: http.status", status, 100, 599)
    if kinds == ["tcp"] and isinstance(asked, Mapping):
        found += checks.port_problems(f"{where}: tcp.port", asked.get("port"))
    if kinds[0] in FROM_HOST_ONLY and check.get("from") == "controller":
        found.append(f"{where}: from is 'controller' with {kinds[0]}; allowed is 'host', or http or tcp.")
    return found
