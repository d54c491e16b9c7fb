"""Certificates of the lab: an authority of its own in the cache, and server certificates signed by it."""

from __future__ import annotations

import argparse
import datetime
import ipaddress
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAYS = 365
RENEW = datetime.timedelta(days=30)
Key = ec.EllipticCurvePrivateKey


def now() -> datetime.datetime:
    """The present, in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def name(text: str) -> x509.Name:
    """A name that is only a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write(path: Path, data: bytes, mode: int) -> None:
    """Complete, and readable by nobody else before it has its mode."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(data)
    new.replace(path)


def write_pair(place: Path, stem: str, key: Key, certificate: x509.Certificate) -> None:
    """<stem>.key, then <stem>.pem, so that a certificate never stands without its key."""
    form = serialization.PrivateFormat.PKCS8
    write(
        place / f"{stem}.key",
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()),
        0o600,
    )
    write(place / f"{stem}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def read_pair(place: Path, stem: str) -> tuple[Key, x509.Certificate] | None:
    """What was made before, where it is whole and not about to expire."""
    try:
        key = serialization.load_pem_private_key((place / f"{stem}.key").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((place / f"{stem}.pem").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    fresh = certificate.not_valid_after_utc - now() > RENEW
    return (key, certificate) if isinstance(key, Key) and fresh else None


def builder(subject: x509.Name, issuer: x509.Name, key: Key, authority: bool) -> x509.CertificateBuilder:
    """What both sorts have in common."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - datetime.timedelta(minutes=5))
        .not_valid_after(now() + datetime.timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def usage(authority: bool) -> x509.KeyUsage:
    """An authority signs certificates, a server signs handshakes."""
    others = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    return x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, decipher_only=False, **others
    )


def authority(place: Path) -> tuple[Key, x509.Certificate]:
    """The authority; made when it is missing."""
    if (found := read_pair(place, "ca")) is not None:
        return found
    key, subject = ec.generate_private_key(ec.SECP256R1()), name("evenkeel lab authority")
    made = builder(subject, subject, key, True).add_extension(usage(True), critical=True)
    certificate = made.sign(key, hashes.SHA256())
    write_pair(place, "ca", key, certificate)
    return key, certificate


def server(place: Path, names: list[str]) -> bool:
    """server.key and server.pem for these addresses and names; whether they were made now."""
    signer, issuer = authority(place)
    wanted = [_general(item) for item in names]
    if (found := read_pair(place, "server")) is not None:
        held = found[1].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if list(held) == wanted and found[1].issuer == issuer.subject and _signed_by(found[1], issuer):
            return False
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        builder(name(names[0]), issuer.subject, key, False)
        .add_extension(usage(False), critical=True)
        .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    write_pair(place, "server", key, made.sign(signer, hashes.SHA256()))
    return True


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # InvalidSignature, ValueError, TypeError: all mean no
        return False
    return True


def _general(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def main() -> int:
    """python -m tools.lab.certificates DIRECTORY NAME...: prints `made` or `kept`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("names", nargs="+", help="addresses and names of the server")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    print("made" if server(options.directory, options.names) else "kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
