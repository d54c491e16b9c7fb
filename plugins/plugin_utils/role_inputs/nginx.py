# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role nginx, beyond their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, nginx_http, nginx_sites
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import nginx_values as values

listen_addresses = nginx_sites.listen_addresses


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    sites = nginx_sites.present(inputs)
    known = nginx_http.names(inputs)
    return [
        *_status(inputs),
        *nginx_http.problems(inputs),
        *checks.duplicate_problems("nginx_sites", (site.get("name") for site in sites)),
        *(problem for site in sites for problem in nginx_sites.problems(site, known)),
        *_shared_names(sites),
        *_shared_defaults(sites),
        *_shared_sockets(inputs, sites),
        *_status_clashes(inputs, sites),
    ]


def listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where the role listens with these inputs."""
    return list(_listeners(nginx_sites.present(inputs)))


def quic_listeners(inputs: Mapping[str, Any]) -> list[checks.Listener]:
    """Where sites answer HTTP/3, over UDP."""
    sites = [site for site in nginx_sites.present(inputs) if nginx_sites.speaks_http3(site)]
    return list(_listeners([{**site, "listen": []} for site in sites]))


def claims(inputs: Mapping[str, Any]) -> list[str]:
    """What NGINX takes once only: the name of a server, and the default server of a port."""
    sites = nginx_sites.present(inputs)
    names = [f"server_name {name}" for site in sites for name in site.get("server_names") or ()]
    every = checks.as_bool(inputs.get("nginx_default_server_enabled", True))
    defaults = [site for site in sites if every or checks.as_bool(site.get("default", False))]
    return names + [f"default_server {listener.port}" for listener in _listeners(defaults)]


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


def _shared_sockets(inputs: Mapping[str, Any], sites: list[Mapping[str, Any]]) -> Iterator[str]:
    """Refuse sites of one port that want it otherwise: NGINX takes what its default server says, for all."""
    first: dict[str, tuple[str, dict[str, str]]] = {}
    for site in sites:
        for listen, wanted in _socket_options(inputs, site).items():
            owner, other = first.setdefault(listen, (str(site.get("name")), wanted))
            for option, value in wanted.items():
                if other[option] != value:
                    yield (
                        f"nginx_sites: site {site.get('name')!r}: {option} is {value} on listen {listen!r}, but "
                        f"{other[option]} for site {owner!r}; allowed is the same for all sites of a port."
                    )


def _socket_options(inputs: Mapping[str, Any], site: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    proxied = str(checks.as_bool(site.get("proxy_protocol", False))).lower()
    tls = values.mapping(site.get("tls"))
    profile = str(tls.get("profile") or inputs.get("nginx_tls_profile", "intermediate"))
    plain = {"tls": "absent", "tls.profile": "none", "proxy_protocol": proxied}
    secure = {"tls": "given", "tls.profile": profile, "proxy_protocol": proxied}
    return {
        **dict.fromkeys(nginx_sites.plain_addresses(site), plain),
        **dict.fromkeys(nginx_sites.tls_addresses(site), secure),
    }


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
            parts = nginx_sites.LISTEN.fullmatch(listen)
            if parts is not None:
                where = f"nginx_sites: site {site.get('name')!r}: listen"
                yield checks.Listener(where, parts["address"] or "*", int(parts["port"]))
