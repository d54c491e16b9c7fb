# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A good pair is taken as it is; a bad one is refused with file and reason, and never with a word of the key."""

from __future__ import annotations

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.certificate_pair import (
    DAY,
    BadCertificate,
    Material,
    make_self_signed,
    verify,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from certificate_material import material

HOST = Host()


def given(name: str, key: str = "") -> Material:
    return Material(
        material()[f"{name}.pem"], material()[f"{key or name}.key"], certificate_from="shop.pem", key_from="shop.key"
    )


def test_a_good_pair_comes_out_in_order() -> None:
    pair = verify(HOST, given("first"), ["shop.example.net", "v1.api.example.net", "127.0.0.1", "SHOP.example.net"])
    assert pair.fullchain == material()["first.pem"]
    assert pair.combined == material()["first.pem"] + material()["first.key"]
    assert [each.subject for each in pair.certificates] == ["CN=shop.example.net", "CN=Test issuer"]
    assert 59 * DAY < pair.leaf.not_after - pair.leaf.not_before <= 61 * DAY


def test_the_chain_may_be_apart_and_lines_may_end_as_on_windows() -> None:
    leaf, middle = material()["first.pem"].split(b"-----END CERTIFICATE-----\n")[:2]
    end = b"-----END CERTIFICATE-----\n"
    apart = Material(
        (leaf + end).replace(b"\n", b"\r\n"), material()["first.key"].replace(b"\n", b"\r\n"), middle + end
    )
    assert verify(HOST, apart).combined == verify(HOST, given("first")).combined


def test_a_certificate_without_a_subject_is_good() -> None:
    """Authorities of the internet leave it empty."""
    pair = verify(HOST, given("nameless"), ["shop.example.net"])
    assert [each.subject for each in pair.certificates] == ["", "CN=Test issuer"]
    assert pair.leaf.title == "shop.example.net, *.api.example.net, 127.0.0.1"


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (given("expired"), r"shop.pem holds a certificate \(CN=shop.example.net, serial \w+\) that expired on 20"),
        (given("future"), r"shop.pem holds a certificate .* that is not valid before 20.* UTC; allowed is one"),
        (given("mismatch"), r"shop.key is not the key of the certificate in shop.pem \(serial \w+\); allowed are"),
        (given("garbage"), r"shop.pem holds a certificate that openssl cannot read; allowed is one that"),
        (given("reversed"), r"shop.pem begins with the certificate of an issuer \(CN=Test issuer\); allowed is"),
        (
            given("twin"),
            r"shop.pem has CN=Test issuer as certificate 2 of the chain, which did not sign the one before",
        ),
        (given("locked"), r"shop.key holds a key with a passphrase; allowed is one without"),
        (Material(b"hello", b"", certificate_from="a.pem"), r"a.pem holds no certificate; allowed is PEM"),
        (Material(material()["first.pem"], b"hello", key_from="a.key"), r"a.key holds 0 private keys; allowed is PEM"),
        (
            Material(material()["first.pem"], b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"),
            r"key holds a key that openssl cannot read; allowed is a private key in PEM",
        ),
    ],
)
def test_a_bad_one_is_refused(pair: Material, words: str) -> None:
    with pytest.raises(BadCertificate, match=words) as refusal:
        verify(HOST, pair)
    lines = [line for line in pair.key.decode("latin-1").splitlines() if line and not line.startswith("-----")]
    assert not any(line in str(refusal.value) for line in lines if len(line) > 6)


@pytest.mark.parametrize("name", ["other.example.net", "api.example.net", "a.b.api.example.net", "127.0.0.2", "::1"])
def test_a_name_that_is_not_covered_is_refused(name: str) -> None:
    with pytest.raises(BadCertificate, match=f"for shop.example.net, .*, which does not cover '{name}'; allowed"):
        verify(HOST, given("first"), ["shop.example.net", name])


def test_time_is_the_callers() -> None:
    now = verify(HOST, given("first")).leaf.not_after
    with pytest.raises(BadCertificate, match="that expired on"):
        verify(HOST, given("first"), now=now)


def test_a_self_signed_one_is_good_for_its_names() -> None:
    names = ["lab.example.net", "*.lab.example.net", "192.0.2.1", "2001:db8::1", "l" * 60 + ".example.net"]
    pair = verify(HOST, make_self_signed(HOST, names, 30), names)
    assert pair.leaf.issuer == pair.leaf.subject
    assert abs(pair.leaf.not_after - pair.leaf.not_before - 30 * DAY) < DAY
    assert make_self_signed(HOST, names, 30).key != pair.key
