# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: TLS that is weaker than it looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .haproxy_model import Bind, Model, Section
from .rule import Hit, Rules

RULES = Rules()
FORCED = {f"force-{name}" for name in ("sslv3", "tlsv10", "tlsv11")}
REFUSED = {f"no-{name}" for name in ("sslv3", "tlsv10", "tlsv11")}
HALF_A_YEAR = 15768000
SMALLEST_DH = 2048
HSTS = "strict-transport-security"


def tls_binds(model: Model) -> Iterator[tuple[str, Bind]]:
    """Every bind with TLS and its place."""
    for section in model.frontends:
        yield from ((f"{section.where}: bind {bind}", bind) for bind in section.binds if bind.tls)


def redirects(section: Section) -> bool:
    """Whether a frontend sends clients to HTTPS."""
    asked = checks.as_bool(section.data.get("https_redirect", False))
    return asked or bool(section.does("redirect", "https"))


@RULES.add(
    "HA040",
    "error",
    "TLS 1.0, TLS 1.1 or SSL is let in",
    why="these versions are withdrawn (RFC 8996) and can be broken",
    remedy="Take the line out and leave the version to tls.profile, or write ssl-min-ver TLSv1.2.",
)
def old_version(model: Model) -> Iterator[Hit]:
    """In lines, options and settings."""
    for where, line in model.verbatim():
        tokens = line.split()
        found = text.old_protocols(text.following(tokens, "ssl-min-ver")) + sorted(FORCED & set(tokens))
        yield from (Hit(where, f"{name} is allowed") for name in found)
    for where, bind in tls_binds(model):
        for key in ("min_version", "max_version"):
            if text.old_protocols([str(bind.settings.get(key))]):
                yield Hit(where, f"tls.{key} is {bind.settings[key]}")


@RULES.add(
    "HA041",
    "advice",
    "Only some old versions of TLS are switched off",
    why="such a list says nothing of the versions that it forgets, a lowest version does",
    remedy="Write ssl-min-ver TLSv1.2 in its place.",
)
def half_refused(model: Model) -> Iterator[Hit]:
    """All three, or a lowest version."""
    for where, line in model.verbatim():
        refused = REFUSED & set(line.split())
        if refused and refused != REFUSED and "ssl-min-ver" not in line:
            yield Hit(where, f"{', '.join(sorted(refused))} without {', '.join(sorted(REFUSED - refused))}")


@RULES.add(
    "HA042",
    "error",
    "Weak ciphers are let in",
    why="they can be broken, or do not encrypt at all",
    remedy="Take the ciphers out and leave them to tls.profile.",
)
def weak_cipher(model: Model) -> Iterator[Hit]:
    """In lines and options."""
    names = ("ciphers", "ssl-default-bind-ciphers", "ssl-default-server-ciphers")
    for where, line in model.verbatim():
        for name in names:
            weak = [cipher for value in text.following(line.split(), name) for cipher in text.weak_ciphers(value)]
            if weak:
                yield Hit(where, f"{name} has {', '.join(weak)}")


@RULES.add(
    "HA043",
    "warning",
    "A frontend serves without TLS what another serves with it",
    why="passwords and cookies of clients that come by HTTP travel in the clear",
    remedy="Set https_redirect: true.",
)
def no_redirect(model: Model) -> Iterator[Hit]:
    """The same backend, with and without TLS."""
    safe = {target for each in model.frontends if each.tls and each.http for target in model.targets(each)}
    for section in model.frontends:
        plain = [bind for bind in section.binds if not bind.tls]
        shared = section.tls or bool(model.targets(section) & safe)
        if section.http and plain and shared and not redirects(section):
            yield Hit(section.where, f"bind {plain[0]} has no TLS and is not redirected")


@RULES.add(
    "HA044",
    "warning",
    "A frontend with TLS does not tell browsers to stay with it",
    why="a browser's first request goes by HTTP, where somebody between can answer it",
    remedy="Set hsts: true.",
)
def no_hsts(model: Model) -> Iterator[Hit]:
    """HSTS may come from rules, lines and backends."""
    for section in model.frontends:
        sections = [section, *model.backends_of(section)]
        told = section.data.get("hsts") or any(each.does(HSTS) for each in sections)
        if section.http and section.tls and not told:
            yield Hit(section.where, "hsts is not set")


@RULES.add(
    "HA045",
    "warning",
    "The certificate of a server is not verified",
    why="whoever answers at its address is believed",
    remedy="Give the server's tls a CA to verify with.",
)
def unverified_server(model: Model) -> Iterator[Hit]:
    """Asked for in data, options or for all."""
    if "none" in text.arguments(model.global_lines, "ssl-server-verify"):
        yield Hit("haproxy_global_lines", "ssl-server-verify is none")
    for section in model.backends:
        for server in section.servers:
            if server.tls and ("none" in text.following(server.words, "verify") or _unverified(server.data.get("tls"))):
                yield Hit(server.where, "verify is none")


def _unverified(settings: Any) -> bool:
    verify = settings.get("verify") if isinstance(settings, Mapping) else None
    return verify is False or str(verify).lower() in ("none", "false", "no")


@RULES.add(
    "HA046",
    "advice",
    "TLS is written in options, not in data",
    why="versions, ciphers and certificates are then nobody's but yours: no profile renews them",
    remedy="Give the bind tls with certificates and profile.",
)
def verbatim_tls(model: Model) -> Iterator[Hit]:
    """The words ssl and crt."""
    for where, bind in tls_binds(model):
        if not bind.settings:
            yield Hit(where, "options have ssl, and tls is not given")


@RULES.add(
    "HA047",
    "warning",
    "Parameters of Diffie-Hellman are small",
    why="below 2048 bits they can be broken",
    remedy="Take the line out; HAProxy takes 2048.",
)
def small_dh(model: Model) -> Iterator[Hit]:
    """One line of the section global."""
    for value in text.arguments(model.global_lines, "tune.ssl.default-dh-param"):
        if (checks.as_int(value) or SMALLEST_DH) < SMALLEST_DH:
            yield Hit("haproxy_global_lines", f"tune.ssl.default-dh-param is {value}")


@RULES.add(
    "HA048",
    "warning",
    "Client certificates are asked for and not insisted on",
    why="a client without one, or with a wrong one, comes in as well",
    remedy="Set client_verify: required, or refuse by a rule on ssl_c_used and ssl_c_verify.",
)
def optional_clients(model: Model) -> Iterator[Hit]:
    """A rule may decide by the certificate."""
    for section in model.frontends:
        for bind in section.binds:
            optional = bind.settings.get("client_verify") == "optional" or "optional" in text.following(
                bind.words, "verify"
            )
            if optional and not any("ssl_c_" in said for said in section.said):
                yield Hit(f"{section.where}: bind {bind}", "client_verify is optional, and no rule looks at ssl_c_")


@RULES.add(
    "HA049",
    "advice",
    "HSTS ends soon",
    why="a browser that stays away for longer starts without TLS again",
    remedy="Take half a year or more; hsts: true takes two years.",
)
def short_hsts(model: Model) -> Iterator[Hit]:
    """Seconds in data."""
    for section in model.frontends:
        hsts = section.data.get("hsts")
        asked = checks.as_int(hsts.get("seconds")) if isinstance(hsts, Mapping) else None
        if asked is not None and asked < HALF_A_YEAR:
            yield Hit(section.where, f"hsts.seconds is {asked}")
