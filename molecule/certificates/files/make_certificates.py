#!/usr/bin/env python3
"""Make a certificate authority for tests and what a careless operator may hand over.

Usage: make_certificates.py DIRECTORY
Every pair is <name>.pem, with the issuer's certificate behind it, and <name>.key. What is there already stays.
"""

from __future__ import annotations

import datetime
import ipaddress
import sys
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ["shop.example.net", "*.api.example.net", "127.0.0.1"]
SIGNING = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
DAY = datetime.timedelta(days=1)


class Issued(NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: bytes = b"") -> bytes:
        """The key, encrypted where there is a password."""
        scheme = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, scheme)


def issue(
    name: str, by: Issued | None = None, first: int = -1, last: int = 60, names: list[str] | None = None
) -> Issued:
    """A certificate that is valid from `first` to `last`, in days from now; without `by` it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + first * DAY)
        .not_valid_after(now + last * DAY)
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority_key((by.key if by else key).public_key()), critical=False)
    )
    if names is None:
        builder = builder.add_extension(SIGNING, critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([general(each) for each in names]), critical=False)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


def authority_key(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    """Who signed; Python 3.13 insists on it."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def general(name: str) -> x509.GeneralName:
    """A host name or an address."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def material() -> dict[str, bytes]:
    """File name to content."""
    root = issue("Test root", last=400)
    middle = issue("Test issuer", by=root, last=300)
    twin = issue("Test issuer", by=root, last=300)
    files = {"ca.pem": root.pem}
    spans = {
        "first": (-1, 60),
        "second": (-1, 50),
        "third": (-1, 40),
        "soon": (-1, 5),
        "expired": (-9, -2),
        "future": (2, 9),
    }
    for name, (first, last) in spans.items():
        pair = issue("shop.example.net", by=middle, first=first, last=last, names=NAMES)
        files |= {f"{name}.pem": pair.pem + middle.pem, f"{name}.key": pair.key_pem()}
        if name == "second":
            files |= {"reversed.pem": middle.pem + pair.pem, "reversed.key": pair.key_pem()}
            files |= {"twin.pem": pair.pem + twin.pem, "twin.key": pair.key_pem()}
            files |= {"locked.pem": pair.pem, "locked.key": pair.key_pem(b"a passphrase")}
    files |= {"mismatch.pem": files["second.pem"], "mismatch.key": files["first.key"]}
    nameless = issue("", by=middle, names=NAMES)
    files |= {"nameless.pem": nameless.pem + middle.pem, "nameless.key": nameless.key_pem()}
    other = issue("other.example.net", by=middle, names=["other.example.net"])
    files |= {"other.pem": other.pem + middle.pem, "other.key": other.key_pem()}
    files |= {
        "garbage.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "garbage.key": other.key_pem(),
    }
    return files


def main(directory: Path) -> None:
    """Write them, once."""
    if (directory / "ca.pem").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in sorted(material().items(), reverse=True):
        (directory / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
