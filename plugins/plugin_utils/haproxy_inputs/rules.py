# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with ACLs and rules, as far as it can be told without HAProxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from .model import Model, Section, known_names, mode

RULES = ("tcp_rules", "rules", "response_rules")
HTTP_RULES = ("rules", "response_rules")
TCP_VERBS = ("connection", "content", "session", "inspect-delay")
# ACLs that HAProxy has by itself.
BUILT_IN = re.compile(r"FALSE|TRUE|LOCALHOST|WAIT_END|RDP_COOKIE|REQ_CONTENT|(HTTP|METH)(_[A-Z0-9_.]+)?")
ANONYMOUS = re.compile(r"\{[^{}]*\}")
AUTHENTICATION = re.compile(r"http_auth(?:_group)?\(\s*([^\s,()]+)")
NO_RULE = "allowed is an action of HAProxy, without its condition"


def problems(where: str, section: Section, model: Model) -> list[str]:
    """The ACLs and rules of one section."""
    acls = checks.entries(section.get("acls"))
    found = []
    for acl in acls:
        found += checks.name_problems(f"{where}: acls name", acl.get("name"))
        found += _text(f"{where}: acl {acl.get('name')!r}: when", acl.get("when"))
    for kind in RULES:
        for rule in checks.entries(section.get(kind)):
            found += _text(f"{where}: {kind} do", rule.get("do"))
            if rule.get("when") is not None:
                found += _text(f"{where}: {kind} when", rule["when"])
    return [*found, *_verbs(where, section), *_http_only(where, section), *_names(where, section, model)]


def _text(where: str, value: Any) -> list[str]:
    if not str(value if value is not None else "").strip():
        return [f"{where} is {value!r}; allowed is a text that is not empty."]
    return checks.line_problems(where, [value])


def _verbs(where: str, section: Section) -> list[str]:
    verbs = [str(rule.get("do") or "").split() for rule in checks.entries(section.get("tcp_rules"))]
    return [
        f"{where}: tcp_rules do is {' '.join(words)!r}; allowed is what begins with {', '.join(TCP_VERBS)}."
        for words in verbs
        if words and words[0] not in TCP_VERBS
    ]


def _http_only(where: str, section: Section) -> list[str]:
    if mode(section) != "tcp":
        return []
    keys = [key for key in (*HTTP_RULES, "https_redirect", "hsts", "compression", "cookie") if section.get(key)]
    return [f"{where}: {key} is given, but mode is 'tcp'; allowed is it only where mode is 'http'." for key in keys]


def _names(where: str, section: Section, model: Model) -> Iterator[str]:
    """ACLs and user lists that rules name and that there are not."""
    acls = {str(acl.get("name")) for acl in checks.entries(section.get("acls"))}
    lists = {str(each.get("name")) for each in model.userlists}
    # Lines that are taken as they are may define ACLs too.
    decidable = not any("acl" in str(line) for line in section.get("lines") or [])
    for key, condition in _conditions(section):
        for name in _used_acls(condition) if decidable else ():
            if name not in acls:
                yield (
                    f"{where}: {key} when is {condition!r}, which uses acl {name!r}; allowed are the names in its "
                    f"acls: {known_names(acls, 'acls')}, and conditions in braces."
                )
    for key, text in (*_conditions(section), *_acl_texts(section)):
        for name in AUTHENTICATION.findall(text):
            if name not in lists:
                yield (
                    f"{where}: {key} when is {text!r}, which uses userlist {name!r}; allowed are the names in "
                    f"haproxy_userlists: {known_names(lists, 'haproxy_userlists')}."
                )


def _conditions(section: Section) -> Iterator[tuple[str, str]]:
    for key in (*RULES, "use_backends"):
        for rule in checks.entries(section.get(key)):
            if rule.get("when"):
                yield key, str(rule["when"])


def _acl_texts(section: Section) -> Iterator[tuple[str, str]]:
    for acl in checks.entries(section.get("acls")):
        yield "acls", str(acl.get("when") or "")


def _used_acls(condition: str) -> Iterator[str]:
    """The names in a condition; none where quotes or escapes make that hard to tell."""
    if re.search(r"[\"'\\]", condition):
        return
    rest = ANONYMOUS.sub(" ", condition)
    if "{" in rest or "}" in rest:
        return
    for word in rest.split():
        name = word.lstrip("!")
        if name and name not in ("or", "||") and not BUILT_IN.fullmatch(name):
            yield name
