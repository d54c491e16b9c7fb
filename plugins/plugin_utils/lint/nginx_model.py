# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of the role nginx as its linter looks at them: sites, their locations, and upstreams."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .text import mapping

# What the role uses for an input that is not given.
DEFAULTS: dict[str, Any] = {
    "nginx_default_server_enabled": True,
    "nginx_status_enabled": True,
    "nginx_status_address": "127.0.0.1",
}
LISTEN = ("80",)
PATH = re.compile(r"(=|\^~|~\*|~)?\s*(.*)")


class Location:
    """A location of a site: how it matches, and what it says."""

    def __init__(self, site: Site, data: Mapping[str, Any]) -> None:
        self.site, self.data = site, data
        self.path = " ".join(str(data.get("path") or "/").split())
        self.where = f"{site.where}: location {self.path}"
        parts = PATH.fullmatch(self.path)
        self.kind, self.pattern = (parts[1] or "", parts[2].strip("\"'")) if parts else ("", self.path)
        self.lines = text.texts(data.get("lines"))

    @property
    def regex(self) -> bool:
        """Whether a regular expression matches."""
        return self.kind in ("~", "~*")

    @property
    def prefix(self) -> bool:
        """Whether it is for all paths that start alike."""
        return self.kind in ("", "^~") and not self.pattern.startswith("@")

    def matches(self, path: str) -> bool:
        """Whether its regular expression matches; what Python cannot read matches nothing."""
        try:
            return bool(re.search(self.pattern, path, re.IGNORECASE if self.kind == "~*" else 0))
        except re.error:
            return False

    def value(self, key: str) -> str:
        """A value, or what a line says in its place."""
        said = text.arguments(self.lines, key)
        return str(self.data.get(key) or (said[-1] if said else ""))

    def setting(self, name: str) -> list[str]:
        """What a directive says for this location: its own lines, else what counts for the site."""
        return text.arguments(self.lines, name) or self.site.setting(name)


class Site:
    """A site that is served."""

    def __init__(self, model: Model, data: Mapping[str, Any]) -> None:
        self.model, self.data = model, data
        self.where = f"site {data.get('name')}"
        self.lines = text.texts(data.get("lines"))
        self.tls = mapping(data.get("tls"))
        self.names = {str(name) for name in data.get("server_names") or ()}
        self.headers = mapping(data.get("headers"))
        self.locations = [Location(self, each) for each in checks.entries(data.get("locations"))]

    @property
    def verbatim_tls(self) -> bool:
        """Whether lines make it a site with TLS."""
        listens = any("ssl" in line.split() for line in text.arguments(self.lines, "listen"))
        return listens or bool(text.arguments(self.lines, "ssl_certificate"))

    @property
    def secure(self) -> bool:
        """Whether it is served with TLS."""
        return bool(self.tls) or self.verbatim_tls

    @property
    def plain(self) -> list[str]:
        """Where it listens without TLS; only a site with TLS may do without."""
        listen = self.data.get("listen")
        return [] if self.tls and listen is not None and not listen else [str(each) for each in listen or LISTEN]

    @property
    def secured(self) -> bool:
        """Whether the role adds its security headers."""
        for_all = self.model.inputs.get("nginx_security_headers", True)
        return checks.as_bool(self.data.get("security_headers", for_all))

    @property
    def redirects(self) -> bool:
        """Whether clients without TLS are sent to it."""
        by_tls = bool(self.tls) and checks.as_bool(self.tls.get("redirect", True))
        whole = [each for each in self.locations if each.path in ("/", "^~ /")]
        bodies = [str(mapping(each.data.get("return")).get("body") or "") for each in whole]
        lines = [line for each in whole for line in each.lines if line.startswith("return 30")]
        lines += [line for line in self.lines if line.startswith("return 30")]
        return by_tls or any("https://" in said for said in [*bodies, *lines])

    def setting(self, name: str) -> list[str]:
        """What a directive says for this site: its own lines, else those of all sites."""
        return text.arguments(self.lines, name) or text.arguments(self.model.lines, name)


class Model:
    """All sites and upstreams."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self.inputs = {**DEFAULTS, **inputs}
        self.lines = text.texts(inputs.get("nginx_http_lines"))
        self.sites = [
            Site(self, each)
            for each in checks.entries(inputs.get("nginx_sites"))
            if str(each.get("state", "present")) == "present"
        ]
        self.locations = [location for site in self.sites for location in site.locations]
        self.upstreams = checks.entries(inputs.get("nginx_upstreams"))
        self.upstream_names = {str(each.get("name")) for each in self.upstreams}

    def places(self) -> Iterator[tuple[str, list[str]]]:
        """Every list of lines that is taken as it is, with its place."""
        yield "nginx_http_lines", self.lines
        yield from ((site.where, site.lines) for site in self.sites)
        yield from ((location.where, location.lines) for location in self.locations)

    def said(self, *names: str) -> Iterator[tuple[str, str, str]]:
        """Place, directive and arguments of these directives in lines, inside of blocks in one line too."""
        pattern = re.compile(rf"(?:^|[{{;]\s*)({'|'.join(names)})\s+((?:\$\{{\w+\}}|[^;{{}}])*)")
        for where, lines in self.places():
            for line in lines:
                yield from ((where, found[1], found[2].strip()) for found in pattern.finditer(line))
