# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGINX: TLS that is weaker than it looks."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .nginx_model import Model, Site
from .rule import Hit, Rules
from .text import mapping

RULES = Rules()
HALF_A_YEAR = 15768000
HSTS = "Strict-Transport-Security"


@RULES.add(
    "NG040",
    "warning",
    "A site answers without TLS what it answers with it",
    why="passwords and cookies of clients that come by HTTP travel in the clear",
    remedy="Set tls.redirect: true, or take the port without TLS out.",
)
def no_redirect(model: Model) -> Iterator[Hit]:
    """Its own plain port, or another site of the same name."""
    safe = {name for site in model.sites if site.secure for name in site.names}
    for site in model.sites:
        if site.plain and (site.tls or site.names & safe) and not site.verbatim_tls and not site.redirects:
            yield Hit(site.where, f"listen {site.plain[0]} is not redirected")


@RULES.add(
    "NG041",
    "error",
    "TLS 1.0, TLS 1.1 or SSL is let in",
    why="these versions are withdrawn (RFC 8996) and can be broken",
    remedy="Take ssl_protocols out and leave the version to tls.profile.",
)
def old_version(model: Model) -> Iterator[Hit]:
    """Towards clients and towards servers."""
    for where, name, value in model.said("ssl_protocols", "proxy_ssl_protocols"):
        for found in text.old_protocols(value.split()):
            yield Hit(where, f"{name} has {found}")


@RULES.add(
    "NG042",
    "error",
    "Weak ciphers are let in",
    why="they can be broken, or do not encrypt at all",
    remedy="Take ssl_ciphers out and leave it to tls.profile.",
)
def weak_cipher(model: Model) -> Iterator[Hit]:
    """Towards clients and towards servers."""
    for where, name, value in model.said("ssl_ciphers", "proxy_ssl_ciphers"):
        if text.weak_ciphers(value):
            yield Hit(where, f"{name} has {', '.join(text.weak_ciphers(value))}")


def tells_hsts(site: Site) -> bool:
    """Whether answers carry HSTS, by whatever way."""
    by_tls = (
        bool(site.tls) and bool(site.tls.get("hsts", True)) and str(site.tls.get("hsts")).lower() not in ("false", "no")
    )
    lines = any(line.startswith(HSTS) for line in site.setting("add_header"))
    return by_tls or lines or text.has_header(site.headers, HSTS)


@RULES.add(
    "NG043",
    "warning",
    "A site with TLS does not tell browsers to stay with it",
    why="a browser's first request goes by HTTP, where somebody between can answer it",
    remedy="Set tls.hsts: true.",
)
def no_hsts(model: Model) -> Iterator[Hit]:
    """Data, headers and lines."""
    for site in model.sites:
        if site.secure and not tells_hsts(site):
            yield Hit(site.where, f"no {HSTS} is sent")


@RULES.add(
    "NG044",
    "advice",
    "TLS is written in lines, not in data",
    why="versions, ciphers and certificates are then nobody's but yours: no profile renews them",
    remedy="Give the site tls with certificate and profile.",
)
def verbatim_tls(model: Model) -> Iterator[Hit]:
    """A port with ssl, or a certificate."""
    yield from (
        Hit(site.where, "lines have ssl, and tls is not given")
        for site in model.sites
        if site.verbatim_tls and not site.tls
    )


@RULES.add(
    "NG045",
    "advice",
    "HSTS ends soon",
    why="a browser that stays away for longer starts without TLS again",
    remedy="Take half a year or more; hsts: true takes two years.",
)
def short_hsts(model: Model) -> Iterator[Hit]:
    """Seconds in data, max-age in headers."""
    for site in model.sites:
        given = [str(mapping(site.tls.get("hsts")).get("seconds", ""))]
        given += [
            str(value).rpartition("max-age=")[2].partition(";")[0]
            for name, value in site.headers.items()
            if name.lower() == HSTS.lower()
        ]
        for age in given:
            number = checks.as_int(age.strip())
            if number is not None and number < HALF_A_YEAR:
                yield Hit(site.where, f"HSTS is for {number} s")


@RULES.add(
    "NG046",
    "warning",
    "Client certificates are asked for and not insisted on",
    why="a client without one, or with a wrong one, comes in as well",
    remedy="Set tls.client_verify: required, or look at $ssl_client_verify.",
)
def optional_clients(model: Model) -> Iterator[Hit]:
    """A line, a header to the server behind or a map may decide by the result."""
    for site in model.sites:
        asked = [str(site.tls.get("client_verify") or ""), *site.setting("ssl_verify_client")]
        looked = "ssl_client_verify" in repr([site.data, model.inputs.get("nginx_maps")])
        if {"optional", "optional_no_ca"} & set(asked) and not looked:
            yield Hit(site.where, "client_verify is optional, and nothing looks at $ssl_client_verify")


@RULES.add(
    "NG047",
    "warning",
    "Early data is taken",
    why="whoever recorded a client's first bytes can send them again, and so repeat its request",
    remedy="Take ssl_early_data out, or let the server behind answer 425 by the header Early-Data.",
)
def early_data(model: Model) -> Iterator[Hit]:
    """Handed on as $ssl_early_data, the server behind can decide."""
    told = any("$ssl_early_data" in line for _where, lines in model.places() for line in lines)
    for where, name, value in model.said("ssl_early_data"):
        if value == "on" and not told and "$ssl_early_data" not in repr(model.inputs.get("nginx_sites")):
            yield Hit(where, f"{name} is on")
