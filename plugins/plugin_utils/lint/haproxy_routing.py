# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: rules, ACLs and backends that nothing ever reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

from . import text
from .haproxy_model import CONDITIONAL, Condition, Model, Section
from .rule import Hit, Rules

RULES = Rules()
# What ends the evaluation of its rules when its condition holds.
FINAL = {"accept", "allow", "deny", "redirect", "reject", "return", "tarpit", "use-service"}
TCP_STAGES = ("connection", "content", "session")


def stage(key: str, rule: Condition) -> str:
    """The list of rules that a rule is evaluated in."""
    first = rule.does.split(" ")[0]
    return f"tcp {first}" if key == "tcp_rules" and first in TCP_STAGES else key


def final(rule: Condition) -> bool:
    """Whether no later rule is asked once this one applies."""
    found = rule.does.split()
    return bool(found) and found[1 if found[0] in TCP_STAGES and len(found) > 1 else 0] in FINAL


def dead_rules(section: Section) -> Iterator[tuple[str, Condition, Condition]]:
    """Rules and use_backends behind one that always applies, with that one."""
    for key in CONDITIONAL:
        ends: dict[str, Condition] = {}
        for rule in section.conditions(key):
            at = stage(key, rule)
            if at in ends:
                yield key, rule, ends[at]
            elif rule.always and (key == "use_backends" or final(rule)):
                ends[at] = rule


def acls(section: Section) -> list[tuple[str, str]]:
    """Names and conditions of a section's ACLs, those of its lines too."""
    given = [(str(acl.get("name")), str(acl.get("when") or "")) for acl in checks.entries(section.data.get("acls"))]
    lines = [line.partition(" ") for line in text.arguments(section.lines, "acl")]
    return given + [(name, when) for name, _blank, when in lines]


def uses(said: Sequence[str], name: str) -> bool:
    """Whether a condition asks for an ACL."""
    return any(re.search(rf"(?:^|[\s!(]){re.escape(name)}(?:$|[\s)])", each) for each in said)


@RULES.add(
    "HA010",
    "warning",
    "An ACL is defined and never used",
    why="somebody believes that it decides something",
    remedy="Use it in a condition, or take it out.",
)
def unused_acl(model: Model) -> Iterator[Hit]:
    """Conditions of the same section count, and lines that define nothing."""
    for section in model.sections:
        conditions = [each.when for key in CONDITIONAL for each in section.conditions(key)]
        conditions += [line for line in section.lines if not line.startswith("acl ")]
        for name in sorted({name for name, _when in acls(section)}):
            if not uses(conditions, name):
                yield Hit(section.where, f"acl {name} is in no condition")


@RULES.add(
    "HA011",
    "warning",
    "A rule stands behind one that always applies",
    why="it is never asked",
    remedy="Put it before that one, or give that one a condition.",
)
def dead_rule(model: Model) -> Iterator[Hit]:
    """Rules of requests, responses and TCP, each list for itself."""
    for section in model.sections:
        for key, rule, end in dead_rules(section):
            if key != "use_backends":
                yield Hit(section.where, f"{rule} stands behind {end}")


@RULES.add(
    "HA012",
    "warning",
    "A choice of backend stands behind one that always applies",
    why="no request ever comes to it",
    remedy="Put it before that one, or make the unconditional one the default_backend.",
)
def dead_choice(model: Model) -> Iterator[Hit]:
    """The default backend is the last choice, and the one for names that a map does not know."""
    for section in model.frontends:
        for key, rule, end in dead_rules(section):
            if key == "use_backends":
                yield Hit(section.where, f"backend {rule.does} stands behind backend {end.does} without condition")
        ends = [each for each in section.conditions("use_backends") if each.always]
        default = str(section.data.get("default_backend") or "")
        if ends and default and default != ends[0].does and "%[" not in ends[0].does:
            yield Hit(
                section.where, f"default_backend {default} stands behind backend {ends[0].does} without condition"
            )


@RULES.add(
    "HA013",
    "warning",
    "An ACL is used only in rules that are never asked",
    why="what it was made for does not happen",
    remedy="Move the rule that uses it before the one that always applies.",
)
def acl_of_dead_rules(model: Model) -> Iterator[Hit]:
    """Used, but behind something unconditional."""
    for section in model.sections:
        dead = [rule.when for _key, rule, _end in dead_rules(section)]
        living = [each.when for key in CONDITIONAL for each in section.conditions(key)]
        for when in dead:
            living.remove(when)
        living += [line for line in section.lines if not line.startswith("acl ")]
        for name in sorted({name for name, _when in acls(section)}):
            if uses(dead, name) and not uses(living, name):
                yield Hit(section.where, f"acl {name} is in unreachable conditions only")


@RULES.add(
    "HA014",
    "warning",
    "No frontend sends to a backend",
    why="its servers are checked and get no request",
    remedy="Name it in use_backends or default_backend, or take it out.",
)
def lonely_backend(model: Model) -> Iterator[Hit]:
    """Where an expression chooses, any backend may be meant; a backend may also be named as a table or by a rule."""
    reached = {target for frontend in model.frontends for target in model.targets(frontend)}
    if any("%[" in target for target in reached):
        return
    for backend in (each for each in model.backends if each.kind == "backend"):
        named = any(backend.name in section for section in model.sections if section is not backend)
        if backend.name not in reached and not named:
            yield Hit(backend.where, "no frontend names it")


@RULES.add(
    "HA015",
    "warning",
    "Two choices of backend have the same condition",
    why="the first one always wins",
    remedy="Take one out, or give it a condition of its own.",
)
def same_condition(model: Model) -> Iterator[Hit]:
    """Written alike; what means the same in other words is not seen."""
    for section in model.frontends:
        seen: dict[str, str] = {}
        for choice in section.conditions("use_backends"):
            first = seen.setdefault(choice.when, choice.does)
            if choice.when and first != choice.does:
                yield Hit(section.where, f"backend {choice.does} has the condition of backend {first}")


@RULES.add(
    "HA016",
    "warning",
    "An HTTP frontend sends requests that no condition matches nowhere",
    why="their clients get 503",
    remedy="Give it a default_backend, or a last rule that answers.",
)
def no_default(model: Model) -> Iterator[Hit]:
    """A rule without condition may answer instead; lines may do anything."""
    for section in model.frontends:
        ends = [rule for key in CONDITIONAL for rule in section.conditions(key) if rule.always and final(rule)]
        ends += [rule for rule in section.conditions("use_backends") if rule.always]
        redirects = checks.as_bool(section.data.get("https_redirect", False)) and not section.tls
        if (
            section.http
            and section.kind == "frontend"
            and not (ends or redirects or section.lines)
            and not (section.data.get("default_backend") or section.data.get("switch"))
        ):
            yield Hit(section.where, "neither default_backend nor a rule without condition is given")
