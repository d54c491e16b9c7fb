# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile gives what the guideline asks, and nothing that the installed programs do not know."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.filter.tls_profile import tls_profile
from hypothesis import given
from hypothesis import strategies as st

HYBRID = "X25519MLKEM768:X25519:prime256v1:secp384r1"
CLASSIC = "X25519:prime256v1:secp384r1"


@pytest.mark.parametrize(
    ("server", "version", "openssl", "groups", "tickets"),
    [
        ("haproxy", "2.6.12", "3.0.22", CLASSIC, False),
        ("haproxy", "3.0.11", "3.5.9", HYBRID, False),
        ("nginx", "1.22.1", "3.0.22", CLASSIC, False),
        ("nginx", "1.26.3", "3.5.9", HYBRID, True),
        ("nginx", "1.26.3", "3.10.0", HYBRID, True),
        ("nginx", "1.100.0", "3.4.9", CLASSIC, True),
        ("haproxy", "", "", CLASSIC, False),
    ],
)
def test_what_is_installed_decides(server: str, version: str, openssl: str, groups: str, tickets: bool) -> None:
    """Versions compare as numbers: 3.10 is newer than 3.5."""
    for profile in ("modern", "intermediate"):
        chosen = tls_profile(profile, server, version, openssl)
        assert (chosen["groups"], chosen["session_tickets"]) == (groups, tickets)


def test_the_guidelines_numbers() -> None:
    """Written from the published 6.0.json by hand."""
    modern, middle = (tls_profile(name, "nginx", "1.26.3", "3.5.9") for name in ("modern", "intermediate"))
    assert (modern["min_version"], modern["ciphers"], modern["session_timeout"]) == ("TLSv1.3", "", "")
    assert (middle["min_version"], middle["session_timeout"]) == ("TLSv1.2", "1d")
    assert middle["ciphers"] == (
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    )
    assert (modern["certificate_types"], modern["certificate_days"]) == (["ecdsa"], 90)
    assert (middle["certificate_types"], middle["certificate_days"]) == (["ecdsa", "rsa"], 366)
    for chosen in (modern, middle):
        assert chosen["ciphersuites"] == "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        assert (chosen["hsts_seconds"], chosen["server_preference"], chosen["max_version"]) == (63072000, False, None)


def versions(major: int, minors: tuple[int, int]) -> st.SearchStrategy[str]:
    """Versions such as 3.5.1."""
    return st.builds(lambda minor, patch: f"{major}.{minor}.{patch}", st.integers(*minors), st.integers(0, 40))


SERVERS = st.one_of(
    st.tuples(st.just("haproxy"), versions(3, (0, 20))),
    st.tuples(st.just("haproxy"), versions(2, (6, 9))),
    st.tuples(st.just("nginx"), versions(1, (22, 120))),
)


@given(SERVERS, versions(3, (0, 20)))
def test_no_version_gets_less_than_the_profile_promises(server: tuple[str, str], openssl: str) -> None:
    """Never TLS before 1.2, never a cipher without forward secrecy; modern is within intermediate."""
    modern, middle = (tls_profile(name, *server, openssl) for name in ("modern", "intermediate"))
    assert (modern["min_version"], middle["min_version"]) == ("TLSv1.3", "TLSv1.2")
    assert modern["ciphers"] == ""
    for name in middle["ciphers"].split(":"):
        assert name.startswith("ECDHE-")
        assert "GCM" in name or "POLY1305" in name
    for key in ("ciphersuites", "groups"):
        assert set(modern[key].split(":")) <= set(middle[key].split(":"))
    assert all(name.startswith("TLS_") for name in middle["ciphersuites"].split(":"))
    assert ("X25519MLKEM768" in middle["groups"]) == (int(openssl.split(".")[1]) >= 5)
    assert set(modern["certificate_types"]) <= set(middle["certificate_types"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("old", "nginx"), "the profile is 'old'; allowed are intermediate, modern"),
        (("modern", "apache"), "server is 'apache'; allowed are haproxy, nginx"),
        (("modern", "haproxy", "2.4.1"), "version is '2.4.1'; allowed is a version of HAProxy from 2.6 on"),
        (("modern", "nginx", "new"), "version is 'new'; allowed is a version of NGINX from 1.22 on"),
        (("modern", "nginx", 1.26), "version is 1.26; allowed is a version of NGINX"),
        (("modern", "nginx", "1.26.3", "1.1.1w"), "openssl is '1.1.1w'; allowed is a version of OpenSSL from 3.0 on"),
    ],
)
def test_what_is_unknown_is_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        tls_profile(*arguments)
