# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of the role haproxy as its linter looks at them: sections with what counts in each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text

# What the role uses for an input that is not given.
DEFAULTS: dict[str, Any] = {
    "haproxy_timeouts": {
        "connect": "5s",
        "client": "30s",
        "server": "30s",
        "check": "5s",
        "queue": "30s",
        "http-request": "10s",
        "http-keep-alive": "10s",
    },
    "haproxy_log_targets": ["/dev/log local0"],
    "haproxy_metrics_enabled": True,
    "haproxy_metrics_address": "*",
    "haproxy_admin_socket_mode": "0660",
}
CONDITIONAL = ("rules", "response_rules", "tcp_rules", "use_backends")
ALWAYS = ("", "TRUE", "if TRUE", "{ always_true }")


class Condition:
    """Something that a section does, and when."""

    def __init__(self, name: str, data: Mapping[str, Any], does: str) -> None:
        self.name = name
        # A choice of backend may be a map's: nobody knows which one before the request.
        self.map = str(data.get("map") or "") if does == "backend" else ""
        self.does = f"%[map {self.map}]" if self.map else str(data.get(does) or "")
        self.when = " ".join(str(data.get("when") or "").split())

    @property
    def always(self) -> bool:
        """Whether it is done whatever comes."""
        return self.when in ALWAYS

    def __str__(self) -> str:
        # Not whole: values that rules set or compare with may be secret.
        return f"{self.name} ({' '.join(self.does.split()[:1])})"


class Section:
    """A frontend, a backend, or a listen, which is both."""

    def __init__(self, kind: str, data: Mapping[str, Any]) -> None:
        self.kind, self.data = kind, data
        self.name = str(data.get("name"))
        self.where = f"{kind} {self.name}"
        self.http = str(data.get("mode") or "http") == "http"
        self.lines = text.texts(data.get("lines"))
        self.options = text.texts(data.get("options"))
        self.binds = [Bind(bind) for bind in checks.entries(data.get("bind"))]
        self.servers = [Server(self, server) for server in checks.entries(data.get("servers"))]

    def conditions(self, key: str) -> list[Condition]:
        """The entries of rules, response_rules, tcp_rules or use_backends."""
        does = "backend" if key == "use_backends" else "do"
        entries = enumerate(checks.entries(self.data.get(key)))
        return [Condition(f"{key}[{number}]", entry, does) for number, entry in entries]

    def has_option(self, name: str) -> bool:
        """Whether an option is switched on, by its name or in a line."""
        given = [*self.options, *text.arguments(self.lines, "option")]
        return any(option == name or option.startswith(f"{name} ") for option in given)

    @cached_property
    def said(self) -> list[str]:
        """All texts of the section in which names may stand."""
        conditions = [each for key in CONDITIONAL for each in self.conditions(key)]
        acls = [str(acl.get("when") or "") for acl in checks.entries(self.data.get("acls"))]
        return [*(f"{each.does} {each.when}" for each in conditions), *acls, *self.lines]

    def does(self, *words: str) -> list[str]:
        """What rules and lines do that contain all of these words."""
        rules = [f"{each.does} {each.when}" for key in CONDITIONAL[:2] for each in self.conditions(key)]
        return [said for said in [*rules, *self.lines] if all(word in said.lower() for word in words)]

    @cached_property
    def targets(self) -> set[str]:
        """The backends that it sends to, as they are written: a name, or an expression with %[."""
        lines = [*text.arguments(self.lines, "use_backend"), *text.arguments(self.lines, "default_backend")]
        chosen = [each.does for each in self.conditions("use_backends")] + [line.split(" ")[0] for line in lines]
        return {name for name in [*chosen, str(self.data.get("default_backend") or "")] if name}

    @property
    def tls(self) -> bool:
        """Whether a client may come with TLS."""
        return any(bind.tls for bind in self.binds)

    def __contains__(self, name: str) -> bool:
        return any(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", said) for said in self.said)


class Bind:
    """An address that a frontend listens on."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.address, self.port = str(data.get("address", "*")), checks.as_int(data.get("port"))
        self.words = [word for option in text.texts(data.get("options")) for word in option.split()]
        self.settings = text.mapping(data.get("tls"))
        self.tls = bool(data.get("tls")) or "ssl" in self.words
        self.accept_proxy = checks.as_bool(data.get("accept_proxy", False)) or "accept-proxy" in self.words

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class Server:
    """A server of a backend."""

    def __init__(self, section: Section, data: Mapping[str, Any]) -> None:
        self.section, self.data = section, data
        self.name = str(data.get("name"))
        self.where = f"{section.where}: server {self.name}"
        self.address = f"{data.get('address')}:{data.get('port')}"
        self.words = [word for option in text.texts(data.get("options")) for word in option.split()]
        self.maxconn = checks.as_int(data.get("maxconn"))
        self.backup = checks.as_bool(data.get("backup", False)) or "backup" in self.words
        self.tls = bool(data.get("tls")) or "ssl" in self.words
        self.send_proxy = bool(data.get("send_proxy")) or any(word.startswith("send-proxy") for word in self.words)

    @property
    def checked(self) -> bool:
        """Whether a health check takes it out."""
        asked = checks.as_bool(self.data.get("check", True)) or bool({"check", "agent-check"} & set(self.words))
        agent = self.data.get("agent_port") or self.section.data.get("agent_check")
        return asked or bool(agent) or any(word == "track" for word in self.words)


class Model:
    """All sections, and what counts for the process."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self.inputs = {**DEFAULTS, **inputs}
        listens = [Section("listen", data) for data in checks.entries(inputs.get("haproxy_listens"))]
        self.frontends = [Section("frontend", data) for data in checks.entries(inputs.get("haproxy_frontends"))]
        self.backends = [Section("backend", data) for data in checks.entries(inputs.get("haproxy_backends"))]
        self.frontends += listens
        self.backends += listens
        self.sections = [*self.frontends, *(each for each in self.backends if each.kind == "backend")]
        self.global_lines = text.texts(self.inputs.get("haproxy_global_lines"))
        self.defaults_lines = text.texts(self.inputs.get("haproxy_defaults_lines"))

    def timeout(self, section: Section, name: str) -> str | None:
        """A timeout as it counts in a section: its own line or value before those of all."""
        own = section.data.get("timeouts")
        timeouts = self.inputs.get("haproxy_timeouts")
        found = [
            *reversed(text.arguments(section.lines, "timeout", name)),
            *([own[name]] if isinstance(own, Mapping) and name in own else []),
            *reversed(text.arguments(self.defaults_lines, "timeout", name)),
            *([timeouts[name]] if isinstance(timeouts, Mapping) and name in timeouts else []),
        ]
        return str(found[0]) if found and text.seconds(found[0], 0.001) != 0 else None

    def number(self, name: str) -> int:
        """An input that is a number; 0 where it is none or not given."""
        return checks.as_int(self.inputs.get(name)) or 0

    def targets(self, frontend: Section) -> set[str]:
        """The backends of a frontend, with those of its maps and its switch; what stays an expression holds %[."""
        maps = {str(each.get("name")): each for each in checks.entries(self.inputs.get("haproxy_maps"))}
        found = set(frontend.targets)
        for switch in checks.entries(self.inputs.get("haproxy_switches")):
            if frontend.data.get("switch") is not None and switch.get("name") == frontend.data["switch"]:
                found |= {str(name) for name in switch.get("backends") or []}
        for choice in frontend.conditions("use_backends"):
            if choice.map in maps:
                found.discard(choice.does)
                found |= {str(name) for name in text.mapping(maps[choice.map].get("entries")).values()}
        return found

    def backends_of(self, frontend: Section) -> list[Section]:
        """The backends that a frontend may choose; all of them where an expression chooses."""
        if frontend.kind == "listen" and not frontend.targets:
            return [frontend]
        targets = self.targets(frontend)
        dynamic = any("%[" in target for target in targets)
        return [each for each in self.backends if each.kind == "backend" and (dynamic or each.name in targets)]

    def verbatim(self) -> Iterator[tuple[str, str]]:
        """Every line and list of options that is taken as it is, with its place."""
        yield from (("haproxy_global_lines", line) for line in self.global_lines)
        yield from (("haproxy_defaults_lines", line) for line in self.defaults_lines)
        for section in self.sections:
            yield from ((section.where, line) for line in section.lines)
            yield from ((f"{section.where}: bind {bind}", " ".join(bind.words)) for bind in section.binds)
            yield from ((server.where, " ".join(server.words)) for server in section.servers)
