# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role common, beyond their types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

PACKAGE = r"[A-Za-z0-9][A-Za-z0-9+._-]*[A-Za-z0-9+]"
UNPROXIED = r"[A-Za-z0-9.:*\[\]/_-]+"
YEAR = 31_536_000
URL = "a URL that begins with http:// or https:// and names a host, or nothing"


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    found = []
    if "common_package_lists_max_age" in inputs:
        age = inputs["common_package_lists_max_age"]
        found += checks.range_problems("common_package_lists_max_age", age, -1, YEAR)
    return [*found, *_url("common_package_proxy", inputs), *_names(inputs), *_offline(inputs)]


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
    if inputs.get("common_package_proxy"):
        yield "common_offline is true, but common_package_proxy is set; allowed is a proxy, or no mirror at all."
