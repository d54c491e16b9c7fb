# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy and NGINX say of themselves: their version, the TLS library they run on, what they can speak."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .host import CommandFailed, Host

ASK = {"haproxy": ["haproxy", "-vv"], "nginx": ["nginx", "-V"]}
VERSION = {
    "haproxy": re.compile(r"^HA-?Proxy version (\d+(?:\.\d+)+)", re.MULTILINE),
    "nginx": re.compile(r"^nginx version: [^/\s]+/(\d+(?:\.\d+)+)", re.MULTILINE),
}
# The library that runs may be newer than the one it was built with; NGINX names it only then.
LIBRARY = {
    "haproxy": (re.compile(r"^Running on OpenSSL version : (.+)$", re.MULTILINE),),
    "nginx": (
        re.compile(r"\(running with ([^)]+)\)"),
        re.compile(r"^built with ((?:OpenSSL|LibreSSL|BoringSSL|AWS-LC)[^(\n]*)", re.MULTILINE),
    ),
}
FEATURES = {
    "haproxy": {
        "tls": re.compile(r"^Feature list :.* \+OPENSSL\b", re.MULTILINE),
        "http2": re.compile(r"^ +h2 : mode=HTTP +side=FE", re.MULTILINE),
        "http3": re.compile(r"^Feature list :.* \+QUIC\b", re.MULTILINE),
        "quic": re.compile(r"^Feature list :.* \+QUIC\b", re.MULTILINE),
        "quic_limited": re.compile(r"^Feature list :.* \+QUIC_OPENSSL_COMPAT\b", re.MULTILINE),
    },
    "nginx": {
        "tls": re.compile(r" --with-http_ssl_module\b"),
        "http2": re.compile(r" --with-http_v2_module\b"),
        "http3": re.compile(r" --with-http_v3_module\b"),
        "quic": re.compile(r" --with-http_v3_module\b"),
    },
}


class UnreadableServer(Exception):
    """The program answered something that does not tell its version."""


@dataclass(frozen=True)
class Server:
    """A program that serves TLS."""

    installed: bool = False
    version: str = ""
    library: str = ""
    openssl: str = ""
    features: tuple[str, ...] = ()


def look(host: Host, program: str) -> Server:
    """Ask the program that is installed; none is no error."""
    if not host.has(program):
        return Server()
    answer = host.run(ASK[program], timeout=30)
    if not answer.ok:
        raise CommandFailed(answer)
    # NGINX says it on standard error.
    return read(program, f"{answer.out}\n{answer.err}")


def read(program: str, said: str) -> Server:
    """What the program's answer tells."""
    version = VERSION[program].search(said)
    if version is None:
        raise UnreadableServer(
            f"{' '.join(ASK[program])} tells no version of {program}; it begins with {said.strip()[:80]!r}"
        )
    library = next(
        (found.group(1).strip() for found in (known.search(said) for known in LIBRARY[program]) if found), ""
    )
    number = re.match(r"OpenSSL (\d+(?:\.\d+)+)", library)
    features = (name for name, shown in FEATURES[program].items() if shown.search(said))
    return Server(True, version.group(1), library, number.group(1) if number else "", tuple(features))
