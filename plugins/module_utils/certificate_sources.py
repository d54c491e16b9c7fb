# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a certificate comes from: the controller, a directory of the host, certbot, or the host itself."""

from __future__ import annotations

import ipaddress
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .certificate_pair import DAY, BadCertificate, Material, Pair, make_self_signed, verify
from .host import Host

SOURCES = ("files", "directory", "acme", "self_signed")
# Those whose files change on the host, without the controller.
ON_THE_HOST = ("directory", "acme")
LARGEST = 1_000_000
PLACEHOLDER_DAYS = 90


class NotThere(BadCertificate):
    """A file of the host that somebody else writes is not there (yet)."""


def completed(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item, with what it leaves open: where certbot keeps its files, and how a pair is called."""
    given = {key: value for key, value in item.items() if value is not None}
    if given["source"] == "acme":
        given["directory"] = f"/etc/letsencrypt/live/{given['name']}"
    if given["source"] in ON_THE_HOST:
        given = {"certificate_name": "fullchain.pem", "key_name": "privkey.pem", **given}
    return given


@dataclass(frozen=True)
class Found:
    """A verified pair, and whether it only stands in for one that is still to be issued."""

    pair: Pair
    placeholder: bool = False


class Reader:
    """Gets verified pairs. Reads only; what it makes is not written by it."""

    def __init__(self, host: Host, directory: str, now: float | None = None) -> None:
        self.host = host
        self.directory = directory
        self.now = time.time() if now is None else now

    def pair(self, item: Mapping[str, Any]) -> Found:
        """The pair that shall be served under the item's name; raises BadCertificate."""
        names = list(item.get("names") or [])
        try:
            if item["source"] == "self_signed":
                return Found(self._self_signed(item["name"], names, int(item["days"])))
            if item["source"] == "acme" and not self._is_issued(item):
                return Found(self._self_signed(item["name"], names, PLACEHOLDER_DAYS), placeholder=True)
            material = self._given(item) if item["source"] == "files" else self._on_the_host(item)
            return Found(verify(self.host, material, names, self.now))
        except NotThere as error:
            raise NotThere(f"certificates: {item['name']!r}: {error}") from None
        except BadCertificate as error:
            raise BadCertificate(f"certificates: {item['name']!r}: {error}") from None

    def installed(self, name: str, names: list[str] | None = None) -> Pair:
        """What is served under this name now."""
        return verify(self.host, self._files(os.path.join(self.directory, name)), names or [], self.now)

    @staticmethod
    def _given(item: Mapping[str, Any]) -> Material:
        parts = ("certificate", "key", "chain")
        certificate, key, chain = (str(item.get(part) or "").encode("utf-8") for part in parts)
        return Material(certificate, key, chain, *(str(item.get(f"{part}_file") or part) for part in parts))

    def _is_issued(self, item: Mapping[str, Any]) -> bool:
        return os.path.exists(self.host.path(os.path.join(item["directory"], item["certificate_name"])))

    def _on_the_host(self, item: Mapping[str, Any]) -> Material:
        paths = [
            os.path.join(item["directory"], item[part]) if item.get(part) else ""
            for part in ("certificate_name", "key_name", "chain_name")
        ]
        certificate, key, chain = (self._read(path) if path else b"" for path in paths)
        return Material(certificate, key, chain, *paths)

    def _files(self, directory: str) -> Material:
        paths = [os.path.join(directory, name) for name in ("fullchain.pem", "privkey.pem")]
        certificate, key = (self._read(path) for path in paths)
        return Material(certificate, key, b"", paths[0], paths[1])

    def _read(self, path: str) -> bytes:
        """A regular file of reasonable size; another user may have written it, so a pipe must not hold us up."""
        try:
            descriptor = os.open(self.host.path(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotThere(f"{path} is not there; allowed is a file that somebody wrote before.") from None
        except OSError as error:
            raise BadCertificate(f"{path} cannot be read: {error.strerror}.") from None
        with open(descriptor, "rb") as stream:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
                raise BadCertificate(f"{path} is no regular file of at most {LARGEST} bytes.")
            return stream.read()

    def _self_signed(self, name: str, names: list[str], days: int) -> Pair:
        """What is there, while it is good for these names and not in the last quarter of its time; else a new one."""
        try:
            kept = self.installed(name, names)
        except BadCertificate:
            kept = None
        if kept and kept.leaf.issuer == kept.leaf.subject and set(map(_plain, names)) == set(kept.leaf.names):
            lasts = kept.leaf.not_after - kept.leaf.not_before
            if kept.leaf.not_after - self.now > lasts / 4 and abs(lasts - days * DAY) < DAY:
                return kept
        return verify(self.host, make_self_signed(self.host, names, days), names)


def _plain(name: str) -> str:
    """A name as openssl shows it."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    if address.version == 4:
        return str(address)
    return ":".join(f"{int(part, 16):X}" for part in address.exploded.split(":"))
