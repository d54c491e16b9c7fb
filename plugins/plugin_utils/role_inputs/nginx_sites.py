# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with one site of the role nginx, and where it listens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks, nginx_http, nginx_locations
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import nginx_values as values
from ansible_collections.evenkeel.ops.plugins.plugin_utils.tls_profiles import PROFILES

LISTEN = re.compile(r"(?:(?P<address>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):)?(?P<port>[0-9]+)")
DEFAULT_LISTEN = ("80",)
DEFAULT_TLS_LISTEN = ("443",)
TIMEOUTS = ("client_header", "client_body", "keepalive", "send")


def present(inputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The sites that are served."""
    return [site for site in checks.entries(inputs.get("nginx_sites")) if site.get("state", "present") == "present"]


def plain_addresses(site: Mapping[str, Any]) -> list[str]:
    """Where a site listens without TLS; only a site with TLS may do without."""
    listen = site.get("listen")
    if site.get("tls") and listen is not None and not listen:
        return []
    return [str(address) for address in listen or DEFAULT_LISTEN]


def tls_addresses(site: Mapping[str, Any]) -> list[str]:
    """Where a site listens with TLS."""
    tls = site.get("tls")
    if not tls:
        return []
    return [str(address) for address in values.mapping(tls).get("listen") or DEFAULT_TLS_LISTEN]


def speaks_http3(site: Mapping[str, Any]) -> bool:
    """Whether a site answers HTTP/3 beside the older versions."""
    return checks.as_bool(values.mapping(site.get("tls") or {}).get("http3", False))


def listen_addresses(site: Mapping[str, Any]) -> list[str]:
    """Where a site listens, as the template writes it; with TLS after without."""
    return [*plain_addresses(site), *tls_addresses(site)]


def problems(site: Mapping[str, Any], known: nginx_http.Names) -> list[str]:
    """One sentence for each contradiction of a site."""
    name = site.get("name")
    where = f"nginx_sites: site {name!r}"
    locations = checks.entries(site.get("locations"))
    found = [*checks.name_problems("nginx_sites: name", name), *_listens(where, site)]
    if not locations and not site.get("root") and not site.get("lines"):
        found.append(f"{where}: neither root nor locations is given; allowed is a site that answers something.")
    return [
        *found,
        *_paths(where, site, locations),
        *values.path_problems(where, site, "root"),
        *(
            found
            for word in values.items(site.get("index"))
            for found in values.word_problems(where, {"index": word}, "index")
        ),
        *checks.line_problems(f"{where}: server_names", site.get("server_names") or []),
        *checks.line_problems(f"{where}: lines", site.get("lines") or []),
        *nginx_locations.header_problems(where, site),
        *nginx_locations.limit_problems(where, site, known),
        *nginx_http.access_log_problems(f"{where}: access_log", values.mapping(site.get("access_log")), known),
        *nginx_http.real_ip_problems(f"{where}: real_ip", values.mapping(site.get("real_ip"))),
        *values.size_problems(where, site, "client_max_body_size"),
        *values.duration_problems(f"{where}: timeouts", values.mapping(site.get("timeouts")), *TIMEOUTS),
        *_error_pages(where, values.mapping(site.get("error_pages"))),
        *_tls(where, site),
        *(problem for location in locations for problem in nginx_locations.problems(where, location, known)),
    ]


def _paths(where: str, site: Mapping[str, Any], locations: list[Mapping[str, Any]]) -> list[str]:
    paths = [location.get("path") for location in locations]
    if site.get("health_path"):
        paths.append(f"= {site['health_path']}")
    return checks.duplicate_problems(f"{where}: locations", paths)


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


def _error_pages(where: str, pages: Mapping[str, Any]) -> Iterator[str]:
    for statuses, page in pages.items():
        yield from checks.pattern_problems(
            f"{where}: error_pages", statuses, r"[3-5][0-9]{2}( [3-5][0-9]{2})*", "HTTP statuses, like 404 or '502 503'"
        )
        yield from checks.pattern_problems(
            f"{where}: error_pages: {statuses}", page, rf"(/|@|https?://){values.WORD}", "a path that starts with '/'"
        )


def _tls(where: str, site: Mapping[str, Any]) -> Iterator[str]:
    tls = values.mapping(site.get("tls"))
    if site.get("tls") is None:
        return
    certificate = str(tls.get("certificate") or "")
    if not certificate:
        yield f"{where}: tls has no certificate; allowed is a name of the role certificates, or an absolute path."
    elif certificate.startswith("/"):
        yield from values.missing_problems(f"{where}: tls", tls, "key")
        yield from values.path_problems(f"{where}: tls", tls, "certificate", "key")
    else:
        yield from checks.name_problems(f"{where}: tls.certificate", certificate)
        if tls.get("key"):
            yield f"{where}: tls.key is {tls['key']!r}; allowed is a key beside a certificate that is a path."
    yield from values.choice_problems(f"{where}: tls.profile", tls.get("profile"), sorted(PROFILES))
    if checks.as_bool(tls.get("redirect", False)) and not plain_addresses(site):
        yield f"{where}: tls.redirect is true, but listen is empty; allowed is a redirect from a port without TLS."
    yield from _client_certificates(f"{where}: tls", tls)
    yield from _hsts(f"{where}: tls.hsts", tls.get("hsts", True))


def _client_certificates(where: str, tls: Mapping[str, Any]) -> Iterator[str]:
    yield from values.path_problems(where, tls, "client_ca")
    yield from values.choice_problems(f"{where}.client_verify", tls.get("client_verify"), ("required", "optional"))
    if tls.get("client_verify") and not tls.get("client_ca"):
        yield f"{where}.client_verify is {tls['client_verify']!r}; allowed is client_verify beside client_ca."


def _hsts(where: str, hsts: Any) -> Iterator[str]:
    if not isinstance(hsts, Mapping):
        if str(hsts).lower() not in {"true", "false", "yes", "no"}:
            yield f"{where} is {hsts!r}; allowed is true, false, or a mapping with seconds, subdomains, preload."
        return
    for key in hsts:
        yield from values.choice_problems(f"{where}: key", key, ("seconds", "subdomains", "preload"))
    yield from values.count_problems(where, hsts, 0, 315360000, "seconds")
    if checks.as_bool(hsts.get("preload", False)) and not checks.as_bool(hsts.get("subdomains", False)):
        yield f"{where}: preload is true without subdomains; allowed is preload with subdomains, as browsers ask."
