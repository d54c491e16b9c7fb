# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules, by program and topic."""

from __future__ import annotations

from . import (
    haproxy_capacity,
    haproxy_exposure,
    haproxy_health,
    haproxy_routing,
    haproxy_timeouts,
    haproxy_tls,
    nginx_exposure,
    nginx_locations,
    nginx_proxy,
    nginx_tls,
)
from .rule import Rule

TOPICS: dict[str, dict[str, list[Rule]]] = {
    "haproxy": {
        "Timeouts": haproxy_timeouts.RULES,
        "Rules, ACLs and backends": haproxy_routing.RULES,
        "Servers and health checks": haproxy_health.RULES,
        "Limits": haproxy_capacity.RULES,
        "TLS": haproxy_tls.RULES,
        "What others can reach": haproxy_exposure.RULES,
    },
    "nginx": {
        "Locations and files": nginx_locations.RULES,
        "Proxies and caches": nginx_proxy.RULES,
        "TLS": nginx_tls.RULES,
        "What others can reach": nginx_exposure.RULES,
    },
}


def rules(program: str) -> list[Rule]:
    """The rules of a program."""
    return [rule for topic in TOPICS[program].values() for rule in topic]


def every_id() -> set[str]:
    """The ids of all rules."""
    return {rule.id for program in TOPICS for rule in rules(program)}
