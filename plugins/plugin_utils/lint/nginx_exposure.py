# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGINX: what others can read, forge or wear out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .nginx_model import Location, Model, Site
from .rule import Hit, Rules
from .text import mapping

RULES = Rules()
LOGIN = re.compile(
    r"(?<![a-z])(?:log-?in|sign-?(?:in|up)|oauth2?|auth(?:enticate|orize)?|passwords?|passwd|tokens?|register|xmlrpc)(?![a-z])",
    re.IGNORECASE,
)
EVERYBODY = ("0.0.0.0/0", "::/0")
DECODED = re.compile(r"\$\{?(?:uri|document_uri)\b")
LOCAL = re.compile(r"127\.|::1$|\[::1\]$|localhost$|unix:")
ORIGIN, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"


def owners(model: Model) -> list[Site | Location]:
    """Sites and locations."""
    return [*model.sites, *model.locations]


@RULES.add(
    "NG050",
    "warning",
    "Answers tell the version of NGINX",
    why="who looks for hosts with a known hole finds it faster",
    remedy="Take server_tokens on out.",
)
def tells_version(model: Model) -> Iterator[Hit]:
    """Switched on in lines; the role's sites are off."""
    for where, name, value in model.said("server_tokens"):
        if value in ("on", "build"):
            yield Hit(where, f"{name} is {value}")


@RULES.add(
    "NG051",
    "advice",
    "A path where people log in has no limit",
    why="passwords can be tried as fast as the server answers",
    remedy="Give the location limits.requests with a zone of nginx_limits.",
)
def unlimited_login(model: Model) -> Iterator[Hit]:
    """By the path's name; a fixed answer, or closed networks, need none."""
    for location in model.locations:
        limits = location.data.get("limits") or location.site.data.get("limits") or location.setting("limit_req")
        answered = location.data.get("return") or location.data.get("allow") or location.data.get("internal")
        if LOGIN.search(location.pattern) and not limits and not answered:
            yield Hit(location.where, "limits are not set")


@RULES.add(
    "NG052",
    "warning",
    "The status page is served on the network",
    why="it tells everybody how busy the host is, and when it restarted",
    remedy="Set nginx_status_address to 127.0.0.1.",
)
def open_status(model: Model) -> Iterator[Hit]:
    """The role's own, and stub_status in lines of a location without allow."""
    address = str(model.inputs.get("nginx_status_address"))
    if checks.as_bool(model.inputs.get("nginx_status_enabled")) and not LOCAL.match(address):
        yield Hit("nginx_status_address", f"it is {address!r}")
    for location in model.locations:
        closed = location.data.get("allow") or any(line.startswith(("allow ", "deny ")) for line in location.lines)
        if any(line.startswith("stub_status") for line in location.lines) and not closed:
            yield Hit(location.where, "stub_status is served without allow")


@RULES.add(
    "NG053",
    "warning",
    "Requests may be of any size",
    why="one client can fill the disk with a single upload",
    remedy="Set client_max_body_size to what the application takes, such as 20m.",
)
def endless_body(model: Model) -> Iterator[Hit]:
    """0 switches the check off."""
    given = [(each.where, str(each.data.get("client_max_body_size"))) for each in owners(model)]
    given += [(where, value) for where, _name, value in model.said("client_max_body_size")]
    yield from (Hit(where, "client_max_body_size is 0") for where, value in given if value == "0")


@RULES.add(
    "NG054",
    "error",
    "Anybody may say which address they come from",
    why="limits, logs and rules on addresses then believe the client",
    remedy="Trust only the addresses of the proxies in front.",
)
def trusts_everybody(model: Model) -> Iterator[Hit]:
    """Of data and of lines."""
    given = [
        ("nginx_real_ip", model.inputs.get("nginx_real_ip")),
        *((s.where, s.data.get("real_ip")) for s in model.sites),
    ]
    trusted = [(where, net) for where, value in given for net in text.texts(mapping(value).get("trusted"))]
    trusted += [(where, value) for where, _name, value in model.said("set_real_ip_from")]
    yield from (Hit(where, f"{network} is trusted") for where, network in trusted if network in EVERYBODY)


@RULES.add(
    "NG055",
    "advice",
    "A site sends no security headers",
    why="browsers then guess types, and let other sites frame its pages",
    remedy="Take security_headers: false out, or send your own.",
)
def no_security_headers(model: Model) -> Iterator[Hit]:
    """Switched off, with nothing in their place."""
    for site in model.sites:
        if not site.secured and not text.has_header(site.headers, "X-Content-Type-Options"):
            yield Hit(site.where, "security_headers is false")


@RULES.add(
    "NG056",
    "advice",
    "A site writes no log of requests",
    why="nobody can tell afterwards who asked for what",
    remedy="Take access_log off out; single paths, such as health checks, may do without.",
)
def no_log(model: Model) -> Iterator[Hit]:
    """Of a whole site."""
    for site in model.sites:
        log = {**mapping(model.inputs.get("nginx_access_log")), **mapping(site.data.get("access_log"))}
        off = not checks.as_bool(log.get("enabled", True))
        if off or site.setting("access_log") == ["off"]:
            yield Hit(site.where, "access_log is off")


@RULES.add(
    "NG057",
    "advice",
    "Requests for unknown names are answered by a site",
    why="the first site answers for every name that somebody points at the host",
    remedy="Set nginx_default_server_enabled: true, or default: true on the site that is meant.",
)
def no_default(model: Model) -> Iterator[Hit]:
    """Switched off, and no site took it on."""
    enabled = checks.as_bool(model.inputs.get("nginx_default_server_enabled"))
    chosen = any(checks.as_bool(site.data.get("default", False)) for site in model.sites)
    if not enabled and not chosen and len(model.sites) > 1:
        yield Hit("nginx_default_server_enabled", f"it is false, so {model.sites[0].where} answers")


def origin_headers(owner: Site | Location) -> dict[str, str]:
    """The headers of CORS that a site or a location sends."""
    headers: dict[str, Any] = {str(name).lower(): value for name, value in mapping(owner.data.get("headers")).items()}
    for line in text.arguments(owner.lines, "add_header"):
        name, _blank, value = line.partition(" ")
        headers[name.lower()] = value.replace("always", "").strip(" \"'")
    return {name: str(headers[name]) for name in (ORIGIN, CREDENTIALS) if name in headers}


@RULES.add(
    "NG058",
    "error",
    "Every site may read answers with the user's cookies",
    why="a page that a user opens elsewhere can act and read as that user",
    remedy="Allow named origins by a map, or no credentials.",
)
def open_origin(model: Model) -> Iterator[Hit]:
    """Any origin, together with credentials."""
    for owner in owners(model):
        headers = origin_headers(owner)
        if headers.get(CREDENTIALS, "").lower() == "true" and headers.get(ORIGIN) in ("*", "$http_origin"):
            yield Hit(owner.where, f"Access-Control-Allow-Origin is {headers[ORIGIN]} with credentials")


@RULES.add(
    "NG059",
    "error",
    "A redirection repeats a decoded path",
    why="a line break in the request becomes one in the answer, and so a header of the attacker's",
    remedy="Use $request_uri in place of $uri.",
)
def split_answer(model: Model) -> Iterator[Hit]:
    """Where the variable stands in a header: a redirection's URL."""
    for location in model.locations:
        answer = mapping(location.data.get("return"))
        if 300 <= (checks.as_int(answer.get("status")) or 200) < 400 and DECODED.search(str(answer.get("body") or "")):
            yield Hit(location.where, f"return.body is {answer['body']}")
    for where, name, value in model.said("return", "add_header"):
        redirects = name == "add_header" or value.startswith("30")
        if redirects and DECODED.search(value):
            yield Hit(where, f"{name} {value}")
