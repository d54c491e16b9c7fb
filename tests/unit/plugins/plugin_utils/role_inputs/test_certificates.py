# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role certificates: what is refused, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.certificates import problems

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
SHOP = {"name": "shop", "source": "files", "certificate": CERTIFICATE, "key": KEY, "names": ["shop.example.net"]}
API = {"name": "api", "source": "directory", "directory": "/etc/shop/tls", "key_name": "api.key"}
WWW = {"name": "www", "source": "acme", "names": ["www.example.net"]}
LAB = {"name": "lab", "source": "self_signed", "names": ["lab", "*.lab.example.net", "192.0.2.1", "2001:db8::1"]}
GOOD: dict[str, Any] = {
    "certificates": [SHOP, API, WWW, LAB],
    "certificates_reload": ["haproxy.service", "nginx@edge.service"],
    "certificates_warn_days": 14,
    "certificates_metrics_dir": "/var/lib/prometheus/node-exporter",
    "certificates_acme_email": "ops@example.net",
    "certificates_acme_server": "https://acme.example.net/directory",
    "certificates_acme_ca_file": "",
    "certificates_acme_webroot": "/var/www/acme",
    "certificates_acme_port": 0,
}


def test_good_inputs_have_no_problem() -> None:
    assert problems(GOOD) == []
    assert problems({}) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({**SHOP, "name": "../shop"}, "certificates: name is '../shop'; allowed are letters"),
        ({**SHOP, "source": "vault"}, "'shop': source is 'vault'; allowed are files, directory, acme, self_signed."),
        ({**SHOP, "key": ""}, "'shop': key and key_file: 0 of them are set; allowed is exactly one."),
        ({**SHOP, "certificate_file": "a.pem"}, "certificate and certificate_file: 2 of them are set; allowed is"),
        ({**SHOP, "chain": CERTIFICATE, "chain_file": "a"}, "chain and chain_file: 2 of them are set; allowed is one"),
        ({**SHOP, "certificate": "x"}, "'shop': certificate holds no certificate; allowed is PEM"),
        ({**SHOP, "key": "x"}, "'shop': key holds no private key; allowed is PEM"),
        ({**SHOP, "key": KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")}, "'shop': key holds a key with a passphrase;"),
        ({**SHOP, "names": ["shop example"]}, "'shop': names is 'shop example'; allowed is a host name"),
        ({**SHOP, "directory": "/etc"}, "directory is set, and source is 'files'; allowed is directory with source"),
        ({**API, "directory": "tls/../x"}, "'api': directory is 'tls/../x'; allowed is a plain absolute path"),
        ({**API, "directory": None}, "'api': directory is ''; allowed is a plain absolute path"),
        ({**API, "key_name": "../key"}, "'api': key_name is '../key'; allowed is the name of a file"),
        ({**WWW, "names": []}, "'www': names is empty, and source is 'acme'; allowed is a list with at least one"),
        ({**WWW, "names": ["*.example.net"]}, "'www': names has '*.example.net'; allowed with source acme is a name"),
        ({**WWW, "names": ["192.0.2.1/24"]}, "'www': names is '192.0.2.1/24'; allowed is a host name"),
        ({**LAB, "days": 0}, "'lab': days is 0; allowed is an integer from 1 to 3650."),
        ({**LAB, "probe": {"port": 0}}, "'lab': probe.port is 0; allowed is an integer from 1 to 65535."),
    ],
)
def test_a_bad_certificate_is_named(bad: dict[str, Any], sentence: str) -> None:
    found = problems({"certificates": [bad]})
    assert any(sentence in problem for problem in found), found
    assert not any("MIIB" in problem for problem in found)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"certificates": [SHOP, SHOP]}, "certificates: name has 'shop' 2 times; allowed is once."),
        (
            {"certificates_reload": ["nginx"]},
            "certificates_reload is 'nginx'; allowed is a systemd unit with its suffix",
        ),
        ({"certificates_warn_days": -1}, "certificates_warn_days is -1; allowed is an integer from 0 to 365."),
        ({"certificates_metrics_dir": "x"}, "certificates_metrics_dir is 'x'; allowed is a plain absolute path"),
        ({"certificates_acme_email": "--ops"}, "certificates_acme_email is '--ops'; allowed is an address of mail"),
        ({"certificates_acme_server": "http://a"}, "certificates_acme_server is 'http://a'; allowed is a URL with"),
        ({"certificates_acme_ca_file": "a"}, "certificates_acme_ca_file is 'a'; allowed is a plain absolute path"),
        ({"certificates_acme_webroot": "/a//b"}, "certificates_acme_webroot is '/a//b'; allowed is a plain absolute"),
        ({"certificates_acme_port": 70000}, "certificates_acme_port is 70000; allowed is an integer from 0 to 65535."),
    ],
)
def test_bad_inputs_are_named(bad: dict[str, Any], sentence: str) -> None:
    found = problems({**GOOD, **bad})
    assert any(sentence in problem for problem in found), found
