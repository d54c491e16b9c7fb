# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exporters that the collection knows, and the port on which each one listens unless the inputs say otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# A new exporter is one line here and one entry in roles/exporters/vars/<distribution>.yml.
PORTS: Mapping[str, int] = {"node": 9100}
ENABLED_BY_DEFAULT = ("node",)
HAPROXY_METRICS_PORT = 8405
ALERTMANAGER_PORT = 9093


class Endpoint(NamedTuple):
    """An exporter and its port."""

    name: str
    port: int


class UnknownExporter(ValueError):
    """An exporter is named that the collection does not know."""


def endpoints(enabled: Iterable[str], ports: Mapping[str, Any] | None = None) -> list[Endpoint]:
    """Return where the enabled exporters listen: from inputs alone, so that no facts are needed."""
    chosen = ports or {}
    found = []
    for name in enabled:
        if name not in PORTS:
            raise UnknownExporter(f"exporter {name!r} is unknown; allowed are {', '.join(sorted(PORTS))}")
        found.append(Endpoint(name, int(chosen.get(name, PORTS[name]))))
    return found
