# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role common, beyond their types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.evenkeel.ops.plugins.module_utils.probes import LONGEST
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

PACKAGE = r"[A-Za-z0-9][A-Za-z0-9+._-]*[A-Za-z0-9+]"
UNPROXIED = r"[A-Za-z0-9.:*\[\]/_-]+"
SUITE = r"[A-Za-z0-9][A-Za-z0-9._/+-]*|/|\./"
SOURCES = r"/etc/(apt/sources\.list|apt/sources\.list\.d/[A-Za-z0-9._-]+|yum\.repos\.d/[A-Za-z0-9._-]+\.repo)"
ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
YEAR = 31_536_000
URL = "a URL that begins with http:// or https:// and names a host, or nothing"


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    found = []
    if "common_package_lists_max_age" in inputs:
        age = inputs["common_package_lists_max_age"]
        found += checks.range_problems("common_package_lists_max_age", age, -1, YEAR)
    if "common_package_mirrors_timeout" in inputs:
        timeout = inputs["common_package_mirrors_timeout"]
        found += checks.range_problems("common_package_mirrors_timeout", timeout, 1, LONGEST)
    found += [*_url("common_package_proxy", inputs), *_names(inputs), *_offline(inputs)]
    return [*found, *_mirrors(inputs), *_replaced(inputs)]


def _url(name: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    value = inputs.get(name) or ""
    if value and not is_url(str(value)):
        yield f"{name} is {_without_password(str(value))!r}; allowed is {URL}."


def is_url(value: str) -> bool:
    """Whether a program can be told to use it."""
    if re.search(r"[\s\x00-\x1f'\"]", value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port that is none
        return False


def _without_password(url: str) -> str:
    return re.sub(r"(:)[^:@/]*(@)", r"\1…\2", url)


def _names(inputs: Mapping[str, Any]) -> Iterator[str]:
    for name in inputs.get("common_packages") or ():
        yield from checks.pattern_problems("common_packages", name, PACKAGE, "names without version or architecture")
    for name in inputs.get("common_package_no_proxy") or ():
        yield from checks.pattern_problems("common_package_no_proxy", name, UNPROXIED, "hosts, domains and networks")


def _offline(inputs: Mapping[str, Any]) -> Iterator[str]:
    if not checks.as_bool(inputs.get("common_offline", False)):
        return
    if inputs.get("common_package_mirrors"):
        yield "common_offline is true, but common_package_mirrors has some; allowed is one of the two."
    if inputs.get("common_package_proxy"):
        yield "common_offline is true, but common_package_proxy is set; allowed is a proxy, or no mirror at all."


def _mirrors(inputs: Mapping[str, Any]) -> Iterator[str]:
    mirrors = checks.entries(inputs.get("common_package_mirrors"))
    yield from checks.duplicate_problems("common_package_mirrors: name", (mirror.get("name") for mirror in mirrors))
    for mirror in mirrors:
        where = f"common_package_mirrors: mirror {mirror.get('name')!r}"
        allowed = "lower case letters, digits and '-'"
        yield from checks.pattern_problems(
            "common_package_mirrors: name", mirror.get("name"), r"[a-z0-9][a-z0-9-]*", allowed
        )
        yield from _mirror(where, mirror)
    proxy = str(inputs.get("common_package_proxy") or "")
    if mirrors and "@" in proxy:
        yield (
            f"common_package_proxy is {_without_password(proxy)!r}, and common_package_mirrors has some; allowed with "
            "mirrors is a proxy without user and password, because the proof of a mirror would show them."
        )


def _mirror(where: str, mirror: Mapping[str, Any]) -> Iterator[str]:
    uris, suites = mirror.get("uris") or [], mirror.get("suites") or []
    if not uris:
        yield f"{where}: uris is empty; allowed is a list with at least one address."
    for uri in map(str, uris):
        if "@" in uri or not (is_url(uri) or re.fullmatch(r"file:///[!-~]+", uri)):
            yield (
                f"{where}: uris has {_without_password(uri)!r}; allowed is an address that begins with https://, "
                "http:// or file:///, without user and password."
            )
    for suite in suites:
        yield from checks.pattern_problems(
            f"{where}: suites", suite, SUITE, "a name like bookworm, or a path that ends with /"
        )
    for name in mirror.get("components") or []:
        yield from checks.pattern_problems(
            f"{where}: components", name, r"[A-Za-z0-9][A-Za-z0-9._/-]*", "a name like main"
        )
    flat = [suite for suite in map(str, suites) if suite.endswith("/")]
    if suites and bool(mirror.get("components")) == bool(flat):
        yield (
            f"{where}: components is {mirror.get('components') or []!r} with suites {list(suites)!r}; allowed are "
            "components with names of suites, and none with suites that end with /."
        )
    key = str(mirror.get("signed_by") or "")
    if not re.fullmatch(r"/[!-~]+", key) and not key.strip().startswith(ARMOR):
        yield (
            f"{where}: signed_by is {key[:40]!r}; allowed is the absolute path of a keyring on the host, or a key that "
            f"begins with {ARMOR}."
        )


def _replaced(inputs: Mapping[str, Any]) -> Iterator[str]:
    allowed = "a file of sources below /etc/apt or /etc/yum.repos.d"
    for path in inputs.get("common_package_sources_replaced") or ():
        yield from checks.pattern_problems("common_package_sources_replaced", path, SOURCES, allowed)
