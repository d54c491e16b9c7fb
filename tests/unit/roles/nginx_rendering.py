"""Renders the role's real templates on the controller, and reads what comes out with an independent parser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.filter.core import comment, to_bool
from ansible_collections.evenkeel.ops.plugins.filter.nginx_plan import nginx_plan
from ansible_collections.evenkeel.ops.plugins.filter.nginx_quote import nginx_quote
from ansible_collections.evenkeel.ops.plugins.filter.tls_profile import tls_profile
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools import nginx_parse

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles/nginx"
DEBIAN_12 = {"installed": True, "version": "1.22.1", "openssl": "3.0.20", "features": ["tls", "http2"]}
DEBIAN_13 = {"installed": True, "version": "1.26.3", "openssl": "3.5.9", "features": ["tls", "http2", "http3", "quic"]}


class Undefined(StrictUndefined):
    """As Ansible's: what is missing may be asked further, and tested, but never printed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _key: Any) -> Any:
        return self


def render(inputs: Mapping[str, Any], server: Mapping[str, Any]) -> dict[str, str]:
    """Both files, by the names of their templates."""
    given = {**yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8")), **inputs}
    plan = nginx_plan(given, server)
    profiles = {
        name: tls_profile(name, "nginx", server.get("version", ""), server.get("openssl", ""))
        for name in plan["profiles"]
    }
    environment = Environment(  # noqa: S701 - renders a configuration, no HTML
        loader=FileSystemLoader(ROLE / "templates"),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=Undefined,
    )
    environment.filters |= {"evenkeel.ops.nginx_quote": nginx_quote, "comment": comment, "bool": to_bool}
    return {
        name: environment.get_template(f"{name}.conf.j2").render(
            **given, ansible_managed="Ansible managed", __nginx_plan=plan, __nginx_tls_profiles=profiles
        )
        for name in ("http", "sites")
    }


def parse(files: Mapping[str, str], directory: Path) -> list[dict[str, Any]]:
    """The blocks of the http context; every directive has to be known, in its place and with its arguments."""
    paths = [directory / f"{name}.conf" for name in files]
    for path in paths:
        path.write_text(files[path.stem], encoding="utf-8")
    return nginx_parse.parse(paths)


def named(block: list[dict[str, Any]], directive: str) -> list[list[str]]:
    """The arguments of each directive of that name."""
    return [entry["args"] for entry in block if entry["directive"] == directive]


def servers(blocks: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The bodies of all servers."""
    return [entry["block"] for entry in blocks if entry["directive"] == "server"]


def server_for(blocks: list[dict[str, Any]], name: str, listen: str = "") -> list[dict[str, Any]]:
    """The body of the server that has a name, and a listen directive that starts like this."""
    return next(
        body
        for body in servers(blocks)
        if name in sum(named(body, "server_name"), [])
        and any(" ".join(args).startswith(listen) for args in named(body, "listen"))
    )


def location_of(server: list[dict[str, Any]], path: str) -> list[dict[str, Any]]:
    """The body of a server's location."""
    return next(
        entry["block"] for entry in server if entry["directive"] == "location" and " ".join(entry["args"]) == path
    )
