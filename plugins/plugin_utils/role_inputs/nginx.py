# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role nginx, beyond their types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

LISTEN = re.compile(r"(?:(?P<address>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):)?(?P<port>[0-9]+)")
ANSWERS = ("return", "proxy_pass", "alias", "root", "try_files")
DEFAULT_LISTEN = ("80",)


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    sites = _present(inputs)
    return [
        *_status(inputs),
        *checks.duplicate_problems("nginx_sites", (site.get("name") for site in sites)),
        *(problem for site in sites for problem in _site(site)),
        *_shared_names(sites),
        *_shared_defaults(sites),
        *_status_clashes(inputs, sites),
    ]


def listen_addresses(site: Mapping[str, Any]) -> list[str]:
    """Return where a site listens, as the template writes it."""
    return [str(listen) for listen in site.get("listen") or DEFAULT_LISTEN]


def _status(inputs: Mapping[str, Any]) -> list[str]:
    found = []
    if "nginx_status_port" in inputs:
        found += checks.port_problems("nginx_status_port", inputs["nginx_status_port"])
    if "nginx_default_server_status" in inputs:
        found += checks.range_problems("nginx_default_server_status", inputs["nginx_default_server_status"], 400, 599)
    if "nginx_status_path" in inputs:
        path = inputs["nginx_status_path"]
        found += checks.pattern_problems("nginx_status_path", path, r"/[!-~]*", "a path that starts with '/'")
    return found


def _site(site: Mapping[str, Any]) -> list[str]:
    name = site.get("name")
    where = f"nginx_sites: site {name!r}"
    locations = checks.entries(site.get("locations"))
    found = [*checks.name_problems("nginx_sites: name", name), *_listens(where, site)]
    if not locations and not site.get("root") and not site.get("lines"):
        found.append(f"{where}: neither root nor locations is given; allowed is a site that answers something.")
    paths = [location.get("path") for location in locations]
    if site.get("health_path"):
        paths.append(f"= {site['health_path']}")
    found += checks.duplicate_problems(f"{where}: locations", paths)
    found += checks.line_problems(f"{where}: server_names", site.get("server_names") or [])
    found += checks.line_problems(f"{where}: lines", site.get("lines") or [])
    return found + [problem for location in locations for problem in _location(where, location)]


def _listens(where: str, site: Mapping[str, Any]) -> list[str]:
    found = checks.duplicate_problems(f"{where}: listen", listen_addresses(site))
    for listen in listen_addresses(site):
        parts = LISTEN.fullmatch(listen)
        if parts is None:
            found.append(
                f"{where}: listen is {listen!r}; allowed is a port or address:port, like 80 or 127.0.0.1:8080."
            )
        else:
            found += checks.port_problems(f"{where}: listen port", parts["port"])
    return found


def _location(site: str, location: Mapping[str, Any]) -> list[str]:
    where = f"{site}: location {location.get('path')!r}"
    answers = [key for key in ANSWERS if location.get(key)]
    found = checks.line_problems(f"{site}: location path", [location.get("path")])
    if len(answers) > 1 or not (answers or location.get("lines")):
        given = ", ".join(answers) or "none"
        found.append(f"{where}: answers given are {given}; allowed is exactly one of {', '.join(ANSWERS)}, or lines.")
    answer = location.get("return")
    if isinstance(answer, Mapping):
        found += checks.range_problems(f"{where}: return.status", answer.get("status", 200), 200, 599)
    single = [location.get(key) or "" for key in ("proxy_pass", "alias", "root")]
    return found + checks.line_problems(where, [*single, *(location.get("lines") or [])])


def _shared_names(sites: list[Mapping[str, Any]]) -> Iterator[str]:
    owners: dict[tuple[str, str], str] = {}
    for site in sites:
        for listen in listen_addresses(site):
            for server_name in site.get("server_names") or [""]:
                owner = owners.setdefault((listen, str(server_name)), str(site.get("name")))
                if owner != str(site.get("name")):
                    yield (
                        f"nginx_sites: site {site.get('name')!r}: server name {str(server_name)!r} on listen "
                        f"{listen!r} already belongs to site {owner!r}; allowed is one site for each name on a port."
                    )


def _shared_defaults(sites: list[Mapping[str, Any]]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for site in sites:
        for listen in listen_addresses(site) if checks.as_bool(site.get("default", False)) else []:
            owner = owners.setdefault(listen, str(site.get("name")))
            if owner != str(site.get("name")):
                yield (
                    f"nginx_sites: site {site.get('name')!r}: default is true on listen {listen!r}, as it is for site "
                    f"{owner!r}; allowed is one default site for each port."
                )


def _status_clashes(inputs: Mapping[str, Any], sites: list[Mapping[str, Any]]) -> list[str]:
    port = checks.as_int(inputs.get("nginx_status_port"))
    if port is None or not checks.as_bool(inputs.get("nginx_status_enabled", True)):
        return []
    status = checks.Listener("nginx_status_port", str(inputs.get("nginx_status_address", "127.0.0.1")), port)
    return [problem for listener in _listeners(sites) for problem in checks.clash_problems([status, listener])]


def _listeners(sites: list[Mapping[str, Any]]) -> Iterator[checks.Listener]:
    """Yield the sites' listeners; sites may share one, so they are never compared with each other."""
    for site in sites:
        for listen in listen_addresses(site):
            parts = LISTEN.fullmatch(listen)
            if parts is not None:
                where = f"nginx_sites: site {site.get('name')!r}: listen"
                yield checks.Listener(where, parts["address"] or "*", int(parts["port"]))


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    return list(_listeners(_present(inputs)))


def claims(inputs: Mapping[str, Any]) -> list[str]:
    """What NGINX takes once only: the name of a server, and the default server of a port."""
    sites = _present(inputs)
    names = [f"server_name {name}" for site in sites for name in site.get("server_names") or ()]
    every = checks.as_bool(inputs.get("nginx_default_server_enabled", True))
    defaults = [site for site in sites if every or checks.as_bool(site.get("default", False))]
    return names + [f"default_server {listener.port}" for listener in _listeners(defaults)]


def _present(inputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [site for site in checks.entries(inputs.get("nginx_sites")) if site.get("state", "present") == "present"]
