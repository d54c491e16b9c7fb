# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is told about TLS, by a named profile and by what is installed.

The numbers are those of Mozilla's Server Side TLS guideline 6.0 (https://ssl-config.mozilla.org/guidelines/6.0.json,
in the repository mozilla/ssl-config-generator as src/static/guidelines/6.0.json, read at commit 8debe30faad8).
Sessions and tickets follow what that repository's generator writes for HAProxy and NGINX.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.compat.version import LooseVersion as Version

HSTS_SECONDS = 63072000
NUMBERS = re.compile(r"[0-9]+(\.[0-9]+)*(?=$|[-+~])")
CIPHERSUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
# OpenSSL knows the first group from this version on, and refuses a list that holds a name it does not know.
GROUPS = (
    ("X25519MLKEM768", Version("3.5")),
    ("X25519", Version("3.0")),
    ("prime256v1", Version("3.0")),
    ("secp384r1", Version("3.0")),
)
# The oldest that were seen to take these settings, those of Debian 12.
OLDEST = {"haproxy": Version("2.6"), "nginx": Version("1.22"), "openssl": Version("3.0")}
TITLES = {"haproxy": "HAProxy", "nginx": "NGINX", "openssl": "OpenSSL"}
# From here on NGINX changes the key of its tickets by itself; with a key for life, tickets undo forward secrecy.
NGINX_TICKET_KEYS = Version("1.23.2")


class UnknownProfile(ValueError):
    """A profile, a server or a version that nothing is known of."""


@dataclass(frozen=True)
class Profile:
    """What a guideline asks of every server."""

    min_version: str
    ciphers: tuple[str, ...]
    session_timeout: str
    certificate_types: tuple[str, ...]
    certificate_days: int


PROFILES = {
    "modern": Profile("TLSv1.3", (), "", ("ecdsa",), 90),
    "intermediate": Profile("TLSv1.2", CIPHERS, "1d", ("ecdsa", "rsa"), 366),
}


def settings(profile: str, server: str, version: str = "", openssl: str = "") -> dict[str, Any]:
    """The profile's settings for a server; an empty version stands for the oldest one, whose settings all take."""
    if profile not in PROFILES:
        raise UnknownProfile(f"the profile is {profile!r}; allowed are {', '.join(sorted(PROFILES))}")
    if server not in ("haproxy", "nginx"):
        raise UnknownProfile(f"server is {server!r}; allowed are haproxy, nginx")
    program, library = known("version", server, version), known("openssl", "openssl", openssl)
    chosen = PROFILES[profile]
    return {
        "min_version": chosen.min_version,
        "max_version": None,
        "ciphers": ":".join(chosen.ciphers),
        "ciphersuites": ":".join(CIPHERSUITES),
        "groups": ":".join(name for name, since in GROUPS if library >= since),
        "server_preference": False,
        "session_tickets": server == "nginx" and program >= NGINX_TICKET_KEYS,
        "session_timeout": chosen.session_timeout,
        "hsts_seconds": HSTS_SECONDS,
        "certificate_types": list(chosen.certificate_types),
        "certificate_days": chosen.certificate_days,
    }


def known(option: str, program: str, text: str) -> Version:
    """A version as a number that compares; the oldest known one where none is given."""
    oldest = OLDEST[program]
    if not text:
        return oldest
    allowed = f"allowed is a version of {TITLES[program]} from {oldest} on, such as '{oldest}.1'"
    number = NUMBERS.match(text) if isinstance(text, str) else None
    version = Version(number.group()) if number else None
    if version is None or version < oldest:
        raise UnknownProfile(f"{option} is {text!r}; {allowed}")
    return version
