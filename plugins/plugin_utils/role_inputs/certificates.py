# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role certificates, beyond their types."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

PATH = r"(/[A-Za-z0-9_.@+-]+)+"
FILE_NAME = r"[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*"
UNIT = r"[A-Za-z0-9:_.@\\-]+\.(service|socket|target)"
LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST_NAME = rf"(\*\.)?{LABEL}(\.{LABEL})*"
SOURCES = ("files", "directory", "acme", "self_signed")
# Which source reads an option; what no source reads is somebody's mistake.
READ_BY = {
    "certificate": ("files",),
    "certificate_file": ("files",),
    "key": ("files",),
    "key_file": ("files",),
    "chain": ("files",),
    "chain_file": ("files",),
    "directory": ("directory",),
    "certificate_name": ("directory",),
    "key_name": ("directory",),
    "chain_name": ("directory",),
}


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    given = checks.entries(inputs.get("certificates"))
    found = checks.duplicate_problems("certificates: name", (item.get("name") for item in given))
    for item in given:
        found += _certificate(item)
    return [*found, *_common(inputs), *_acme(inputs)]


def _certificate(item: Mapping[str, Any]) -> Iterator[str]:
    where = f"certificates: {item.get('name')!r}"
    yield from checks.name_problems("certificates: name", item.get("name"))
    source = item.get("source")
    if source not in SOURCES:
        yield f"{where}: source is {source!r}; allowed are {', '.join(SOURCES)}."
        return
    for option, readers in READ_BY.items():
        if item.get(option) and source not in readers:
            yield f"{where}: {option} is set, and source is {source!r}; allowed is {option} with source {readers[0]}."
    yield from _names(where, source, item)
    if source == "files":
        yield from _files(where, item)
    elif source == "directory":
        yield from _directory(where, item)
    if source == "self_signed":
        yield from checks.range_problems(f"{where}: days", item.get("days", 365), 1, 3650)
    probe = item.get("probe")
    if isinstance(probe, Mapping):
        yield from checks.port_problems(f"{where}: probe.port", probe.get("port", 443))


def _names(where: str, source: str, item: Mapping[str, Any]) -> Iterator[str]:
    names = item.get("names") or []
    if source in ("acme", "self_signed") and not names:
        yield f"{where}: names is empty, and source is {source!r}; allowed is a list with at least one name."
    for name in names:
        if _is_address(name) and source != "acme":
            continue
        yield from checks.pattern_problems(f"{where}: names", name, HOST_NAME, "a host name, like shop.example.net")
        if source == "acme" and str(name).startswith("*."):
            yield f"{where}: names has {name!r}; allowed with source acme is a name without a wildcard."


def _is_address(name: Any) -> bool:
    try:
        ipaddress.ip_address(str(name))
    except ValueError:
        return False
    return True


def _files(where: str, item: Mapping[str, Any]) -> Iterator[str]:
    for part in ("certificate", "key"):
        given = [option for option in (part, f"{part}_file") if item.get(option)]
        if len(given) != 1:
            yield f"{where}: {part} and {part}_file: {len(given)} of them are set; allowed is exactly one."
    if item.get("chain") and item.get("chain_file"):
        yield f"{where}: chain and chain_file: 2 of them are set; allowed is one, or none."
    for part in ("certificate", "chain"):
        if item.get(part) and "-----BEGIN CERTIFICATE-----" not in str(item[part]):
            yield f"{where}: {part} holds no certificate; allowed is PEM, with -----BEGIN CERTIFICATE-----."
    key = str(item.get("key") or "")
    if key and "ENCRYPTED" in key:
        yield f"{where}: key holds a key with a passphrase; allowed is PEM without a passphrase."
    elif key and not re.search(r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----", key):
        yield f"{where}: key holds no private key; allowed is PEM without a passphrase."


def _directory(where: str, item: Mapping[str, Any]) -> Iterator[str]:
    yield from _path(f"{where}: directory", item.get("directory") or "")
    for option in ("certificate_name", "key_name", "chain_name"):
        if item.get(option):
            yield from checks.pattern_problems(
                f"{where}: {option}", item[option], FILE_NAME, "the name of a file, like fullchain.pem"
            )


def _path(where: str, value: Any) -> Iterator[str]:
    place = str(value)
    if not re.fullmatch(PATH, place) or posixpath.normpath(place) != place:
        yield f"{where} is {place!r}; allowed is a plain absolute path, like /etc/shop/tls."


def _common(inputs: Mapping[str, Any]) -> Iterator[str]:
    for unit in inputs.get("certificates_reload") or []:
        yield from checks.pattern_problems(
            "certificates_reload", unit, UNIT, "a systemd unit with its suffix, like nginx.service"
        )
    if "certificates_warn_days" in inputs:
        yield from checks.range_problems("certificates_warn_days", inputs["certificates_warn_days"], 0, 365)
    if inputs.get("certificates_metrics_dir"):
        yield from _path("certificates_metrics_dir", inputs["certificates_metrics_dir"])


def _acme(inputs: Mapping[str, Any]) -> Iterator[str]:
    if "certificates_acme_server" in inputs:
        yield from checks.pattern_problems(
            "certificates_acme_server", inputs["certificates_acme_server"], r"https://[!-~]+", "a URL with https://"
        )
    if inputs.get("certificates_acme_email"):
        yield from checks.pattern_problems(
            "certificates_acme_email",
            inputs["certificates_acme_email"],
            r"[^@\s-][^@\s]*@[^@\s]+",
            "an address of mail, like ops@example.net",
        )
    if inputs.get("certificates_acme_ca_file"):
        yield from _path("certificates_acme_ca_file", inputs["certificates_acme_ca_file"])
    if "certificates_acme_webroot" in inputs:
        yield from _path("certificates_acme_webroot", inputs["certificates_acme_webroot"])
    if "certificates_acme_port" in inputs:
        yield from checks.range_problems("certificates_acme_port", inputs["certificates_acme_port"], 0, 65535)
