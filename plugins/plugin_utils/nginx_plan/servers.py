# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers NGINX has: who listens where, what is redirected, which headers and TLS settings each one has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.checks import as_bool, entries
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx_sites import (
    LISTEN,
    plain_addresses,
    tls_addresses,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx_values import mapping

from . import headers, shared

CERTIFICATES = "/etc/evenkeel/certificates"
# From here on HTTP/2 is a directive of its own; before, a word of the directive listen.
HTTP2_DIRECTIVE = (1, 25, 1)
HEALTH = "/healthz"
ACCESS_LOG = "/var/log/nginx/access.log"


@dataclass
class Socket:
    """One address and port; sites may share it, and all of them give it the same words."""

    address: str
    tls: bool = False
    http2: bool = False
    http3: bool = False
    proxy_protocol: bool = False
    # Whose settings hold before NGINX knows for which name a client came.
    profile: str = ""
    owner: str = ""
    quic_opened: bool = field(default=False)

    def listens(self, default: bool, http2_directive: bool, quic: bool) -> list[str]:
        """The arguments of a server's listen directives here."""
        words = [
            self.address,
            *(["ssl"] if self.tls else []),
            *(["http2"] if self.http2 and not http2_directive else []),
            *(["proxy_protocol"] if self.proxy_protocol else []),
            *(["default_server"] if default else []),
        ]
        found = [" ".join(words)]
        if quic and self.http3:
            # Packets of one client have to reach one worker; NGINX takes the word once for each address.
            found.append(" ".join([self.address, "quic", *self._reuseport(), *(["default_server"] if default else [])]))
        return found

    def _reuseport(self) -> list[str]:
        opened, self.quic_opened = self.quic_opened, True
        return [] if opened else ["reuseport"]


class Planner:
    """Works out the servers of one host."""

    def __init__(self, inputs: Mapping[str, Any], sites: list[Mapping[str, Any]], server: Mapping[str, Any]) -> None:
        self.inputs = inputs
        self.sites = sites
        self.version = str(server.get("version") or "")
        self.http2_directive = version_of(self.version) >= HTTP2_DIRECTIVE
        self.trusts = shared.trusts(inputs, sites)
        self.sockets = self._find_sockets()

    def profiles(self) -> list[str]:
        """The TLS profiles in use."""
        return sorted({self.profile(site) for site in self.sites if site.get("tls")})

    def profile(self, site: Mapping[str, Any]) -> str:
        """The TLS profile of a site."""
        own = mapping(site.get("tls")).get("profile")
        return str(own or self.inputs.get("nginx_tls_profile") or "intermediate")

    def servers(self) -> list[dict[str, Any]]:
        """All servers, in the order in which they are written."""
        return [*self._defaults(), *(found for site in self.sites for found in self._site(site))]

    def _find_sockets(self) -> dict[str, Socket]:
        found: dict[str, Socket] = {}
        for site in self.sites:
            tls = mapping(site.get("tls"))
            for address in [*plain_addresses(site), *tls_addresses(site)]:
                socket = found.setdefault(address, Socket(address))
                socket.proxy_protocol |= as_bool(site.get("proxy_protocol", False))
                if address in tls_addresses(site):
                    socket.tls = True
                    socket.profile = socket.profile or self.profile(site)
                    socket.http2 |= as_bool(tls.get("http2", True))
                    socket.http3 |= as_bool(tls.get("http3", False))
                if as_bool(site.get("default", False)):
                    socket.owner = str(site["name"])
        return found

    def _defaults(self) -> Iterator[dict[str, Any]]:
        """A server for unknown names on every socket that has no default site."""
        if not as_bool(self.inputs.get("nginx_default_server_enabled", True)):
            return
        for socket in self.sockets.values():
            if not socket.owner:
                yield {
                    "kind": "default",
                    "listens": socket.listens(True, self.http2_directive, socket.http3),
                    "http2": self.http2_directive and socket.tls and socket.http2,
                    "profile": socket.profile,
                    "tls": socket.tls,
                }

    def _site(self, site: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        tls = mapping(site.get("tls"))
        plain = plain_addresses(site)
        redirected = bool(tls) and bool(plain) and as_bool(tls.get("redirect", True))
        common = {
            "names": [str(name) for name in site.get("server_names") or []],
            "site": site,
            "health_path": str(site.get("health_path", HEALTH) or ""),
            "acme_root": "",
            "access_log": self._access_log(site),
            "real_ip": shared.real_ip(site.get("real_ip")),
        }
        challenges = str(self.inputs.get("nginx_acme_root") or "") if tls and plain else ""
        if redirected:
            yield {
                **common,
                "kind": "redirect",
                "listens": self._listens(site, plain),
                "target": f"https://$host{_port_of_url(tls_addresses(site)[0])}$request_uri",
                "acme_root": challenges,
            }
        addresses = [*([] if redirected else plain), *tls_addresses(site)]
        carried = headers.of_site(site, self._secured(site), self._tls_headers(site))
        yield {
            **common,
            "kind": "site",
            "listens": self._listens(site, addresses),
            "http2": self.http2_directive and bool(tls) and as_bool(tls.get("http2", True)),
            "tls": self._tls(tls) if tls else None,
            "profile": self.profile(site) if tls else "",
            "headers": carried,
            "hidden_headers": self._hidden(site),
            "acme_root": "" if redirected else challenges,
            "locations": [self._location(site, location, carried) for location in entries(site.get("locations"))],
        }

    def _listens(self, site: Mapping[str, Any], addresses: Iterable[str]) -> list[str]:
        default, quic = as_bool(site.get("default", False)), as_bool(mapping(site.get("tls")).get("http3", False))
        return [
            words
            for address in addresses
            for words in self.sockets[address].listens(default, self.http2_directive, quic)
        ]

    def _secured(self, site: Mapping[str, Any]) -> bool:
        return as_bool(site.get("security_headers", self.inputs.get("nginx_security_headers", True)))

    def _tls_headers(self, site: Mapping[str, Any]) -> dict[str, str]:
        tls = mapping(site.get("tls"))
        if not tls:
            return {}
        found = headers.of_tls(tls, _port(tls_addresses(site)[0]))
        if "Strict-Transport-Security" in found and plain_addresses(site) and not as_bool(tls.get("redirect", True)):
            # A browser takes it over TLS only; over plain HTTP it must not be sent.
            found["Strict-Transport-Security"] = f"${hsts_variable(site)}"
        return found

    def hsts_maps(self) -> list[dict[str, str]]:
        """The values of HSTS of sites that answer with and without TLS."""
        return [
            {
                "name": hsts_variable(site),
                "value": headers.hsts_value(mapping(site.get("tls")).get("hsts", True)),
            }
            for site in self.sites
            if f"${hsts_variable(site)}" in self._tls_headers(site).values()
        ]

    def _hidden(self, site: Mapping[str, Any], location: Mapping[str, Any] | None = None) -> list[str]:
        """Headers of the application that stay here; a location that hides any has to repeat those of the site."""
        places = entries(site.get("locations")) if location is None else [location]
        named = mapping((location or {}).get("headers"))
        if (location is not None and not named) or not any(place.get("proxy_pass") for place in places):
            return []
        both = headers.merged(mapping(site.get("headers")), named)
        return headers.hidden(both, self._tls_headers(site), self._secured(site))

    def _tls(self, tls: Mapping[str, Any]) -> dict[str, str]:
        name = str(tls.get("certificate"))
        own = name.startswith("/")
        verify = str(tls.get("client_verify") or "required")
        return {
            "certificate": name if own else f"{CERTIFICATES}/{name}/fullchain.pem",
            "key": str(tls.get("key")) if own else f"{CERTIFICATES}/{name}/privkey.pem",
            "client_ca": str(tls.get("client_ca") or ""),
            "client_verify": {"required": "on", "optional": "optional"}[verify],
        }

    def _access_log(self, site: Mapping[str, Any]) -> str:
        log = {**mapping(self.inputs.get("nginx_access_log")), **mapping(site.get("access_log"))}
        if not log:
            return ""
        if not as_bool(log.get("enabled", True)):
            return "off"
        return f"{log.get('path') or ACCESS_LOG} {shared.format_name(str(log.get('format') or 'combined'))}"

    def _location(
        self, site: Mapping[str, Any], location: Mapping[str, Any], carried: Mapping[str, str]
    ) -> dict[str, Any]:
        trusted = site.get("real_ip") or self.inputs.get("nginx_real_ip")
        scheme = shared.scheme_variable(trusted, self.trusts)
        return {
            **location,
            "headers": headers.of_location(location, carried),
            "hidden_headers": self._hidden(site, location),
            "proxy_headers": headers.to_upstream(location, bool(trusted), scheme) if location.get("proxy_pass") else {},
        }


def hsts_variable(site: Mapping[str, Any]) -> str:
    """The variable that holds a site's HSTS where the site answers without TLS too."""
    return "evenkeel_hsts_" + "".join(letter if letter.isalnum() else "_" for letter in str(site.get("name")))


def version_of(text: str) -> tuple[int, ...]:
    """A version's numbers; none where it is not known."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _port(address: str) -> str:
    parts = LISTEN.fullmatch(address)
    return parts["port"] if parts else "443"


def _port_of_url(address: str) -> str:
    port = _port(address)
    return "" if port == "443" else f":{port}"
