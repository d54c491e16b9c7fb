# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate with its key: what is wrong with it, said before anybody serves it. The program openssl reads it.

Keys go to openssl by its standard input, never by an argument or a file.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import ssl
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from .host import Host

BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n.+?-----END \1-----", re.DOTALL)
FIELD = re.compile(r"^(serial|notBefore|notAfter|subject|issuer)=[ \t]*(.*)$", re.MULTILINE)
PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
NAME = re.compile(r"(?:DNS|IP Address):([^,\s]+)")
SHOW = [
    "-noout",
    "-serial",
    "-dates",
    "-subject",
    "-issuer",
    "-nameopt",
    "RFC2253",
    "-pubkey",
    "-ext",
    "subjectAltName",
]
DAY = 86400


class BadCertificate(ValueError):
    """One sentence that names the file and the reason."""


@dataclass(frozen=True)
class Material:
    """What is to be served, and where each part comes from, for messages."""

    certificate: bytes
    key: bytes
    chain: bytes = b""
    certificate_from: str = "certificate"
    key_from: str = "key"
    chain_from: str = "chain"


@dataclass(frozen=True)
class Certificate:
    """What openssl reads from one certificate."""

    pem: bytes
    serial: str
    not_before: float
    not_after: float
    subject: str
    issuer: str
    names: tuple[str, ...]
    public_key: str

    @property
    def sha256(self) -> str:
        """Its fingerprint."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.pem.decode("ascii"))).hexdigest()

    @property
    def title(self) -> str:
        """What it is called in messages: authorities leave the subject empty nowadays."""
        return self.subject or ", ".join(self.names) or "without a name"

    def covers(self, name: str) -> bool:
        """Whether it is for this name or address."""
        return any(_matches(pattern, name) for pattern in self.names)


@dataclass(frozen=True)
class Pair:
    """A verified certificate, those of its issuers, and its key."""

    certificates: tuple[Certificate, ...]
    key: bytes

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate."""
        return self.certificates[0]

    @property
    def fullchain(self) -> bytes:
        """The server's own certificate, then those of its issuers."""
        return b"".join(each.pem + b"\n" for each in self.certificates)

    @property
    def combined(self) -> bytes:
        """Certificates and key in one file, as HAProxy takes them."""
        return self.fullchain + self.key


def verify(host: Host, material: Material, names: Sequence[str] = (), now: float | None = None) -> Pair:
    """The pair, ready to be installed; raises BadCertificate."""
    certificates = read_all(host, material.certificate, material.certificate_from)
    if material.chain:
        certificates += read_all(host, material.chain, material.chain_from)
    key = read_key(material.key, material.key_from)
    _refuse_foreign_key(host, key, certificates, material)
    for each in certificates:
        where = material.chain_from if material.chain and each is not certificates[0] else material.certificate_from
        _refuse_out_of_time(each, where, time.time() if now is None else now)
    _refuse_broken_chain(host, certificates, material.chain_from if material.chain else material.certificate_from)
    _refuse_uncovered(certificates[0], names, material.certificate_from)
    return Pair(tuple(certificates), key)


def read_all(host: Host, content: bytes, where: str) -> list[Certificate]:
    """Every certificate of a file, in its order."""
    blocks = [found.group(0) for found in BLOCK.finditer(content) if found.group(1).endswith(b"CERTIFICATE")]
    if not blocks:
        raise BadCertificate(f"{where} holds no certificate; allowed is PEM, with -----BEGIN CERTIFICATE-----.")
    return [read_certificate(host, block.replace(b"\r\n", b"\n"), where) for block in blocks]


def read_certificate(host: Host, pem: bytes, where: str) -> Certificate:
    """One certificate."""
    answer = host.run(["openssl", "x509", *SHOW], stdin=pem.decode("latin-1"), timeout=30)
    fields = dict(FIELD.findall(answer.out))
    public_key = PUBLIC_KEY.search(answer.out)
    if not answer.ok or not public_key or not {"serial", "notBefore", "notAfter"} <= set(fields):
        raise BadCertificate(
            f"{where} holds a certificate that openssl cannot read; allowed is one that `openssl x509` takes."
        )
    return Certificate(
        pem,
        fields["serial"],
        ssl.cert_time_to_seconds(fields["notBefore"]),
        ssl.cert_time_to_seconds(fields["notAfter"]),
        fields.get("subject", ""),
        fields.get("issuer", ""),
        tuple(NAME.findall(answer.out)),
        public_key.group(0),
    )


def read_key(content: bytes, where: str) -> bytes:
    """The one private key of a file."""
    blocks = [found for found in BLOCK.finditer(content) if found.group(1).endswith(b"PRIVATE KEY")]
    if len(blocks) != 1:
        raise BadCertificate(
            f"{where} holds {len(blocks)} private keys; allowed is PEM with one, without a passphrase."
        )
    key = blocks[0].group(0)
    if b"ENCRYPTED" in key:
        raise BadCertificate(f"{where} holds a key with a passphrase; allowed is one without.")
    return key.replace(b"\r\n", b"\n") + b"\n"


def _refuse_foreign_key(host: Host, key: bytes, certificates: Sequence[Certificate], material: Material) -> None:
    # openssl's own words could quote the key, so they are not passed on.
    answer = host.run(["openssl", "pkey", "-pubout"], stdin=key.decode("latin-1"), timeout=30)
    public_key = PUBLIC_KEY.search(answer.out)
    if not answer.ok or public_key is None:
        raise BadCertificate(
            f"{material.key_from} holds a key that openssl cannot read; allowed is a private key in PEM."
        )
    if public_key.group(0) == certificates[0].public_key:
        return
    if any(public_key.group(0) == each.public_key for each in certificates):
        raise BadCertificate(
            f"{material.certificate_from} begins with the certificate of an issuer ({certificates[0].title}); "
            "allowed is the server's own one first."
        )
    raise BadCertificate(
        f"{material.key_from} is not the key of the certificate in {material.certificate_from} "
        f"(serial {certificates[0].serial}); allowed are a certificate and its own key."
    )


def _refuse_out_of_time(certificate: Certificate, where: str, now: float) -> None:
    named = f"{where} holds a certificate ({certificate.title}, serial {certificate.serial})"
    if certificate.not_after <= now:
        raise BadCertificate(
            f"{named} that expired on {moment(certificate.not_after)}; allowed is one that is valid now."
        )
    if certificate.not_before > now:
        raise BadCertificate(
            f"{named} that is not valid before {moment(certificate.not_before)}; allowed is one that is valid now."
        )


def _refuse_broken_chain(host: Host, certificates: Sequence[Certificate], where: str) -> None:
    for number, (each, issuer) in enumerate(zip(certificates, certificates[1:]), 2):
        if each.issuer != issuer.subject or not _signed(host, each, issuer):
            raise BadCertificate(
                f"{where} has {issuer.title} as certificate {number} of the chain, which did not sign the one before "
                f"it ({each.title}); allowed is each certificate followed by its issuer's."
            )


def _signed(host: Host, certificate: Certificate, issuer: Certificate) -> bool:
    with tempfile.NamedTemporaryFile(suffix=".pem") as trusted:
        trusted.write(issuer.pem + b"\n")
        trusted.flush()
        argv = ["openssl", "verify", "-partial_chain", "-no_check_time", "-trusted", trusted.name]
        return host.run(argv, stdin=certificate.pem.decode("ascii"), timeout=30).ok


def _refuse_uncovered(leaf: Certificate, names: Sequence[str], where: str) -> None:
    for name in names:
        if not leaf.covers(name):
            raise BadCertificate(
                f"{where} holds a certificate for {', '.join(leaf.names) or 'no name'}, which does not cover {name!r}; "
                "allowed is one that covers all of names."
            )


def _matches(pattern: str, name: str) -> bool:
    try:
        return ipaddress.ip_address(pattern) == ipaddress.ip_address(name)
    except ValueError:
        pass
    pattern, name = pattern.lower(), name.lower().rstrip(".")
    if pattern.startswith("*."):
        return name == pattern or name.partition(".")[2] == pattern[2:]
    return pattern == name


def moment(seconds: float) -> str:
    """A time for people."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def make_self_signed(host: Host, names: Sequence[str], days: int) -> Material:
    """A new key and a certificate for these names that only those believe who are told to."""
    key = host.must(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"]).out
    alternatives = ",".join(f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in names)
    request = ["openssl", "req", "-x509", "-new", "-key", "/dev/stdin", "-days", str(days)]
    # A common name has 64 characters at most; clients look at the alternative names only.
    named = ["-subj", f"/CN={names[0][:64]}", "-addext", f"subjectAltName={alternatives}"]
    certificate = host.must([*request, *named], stdin=key).out
    return Material(certificate.encode("ascii"), key.encode("ascii"))


def is_address(name: str) -> bool:
    """Whether the name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
