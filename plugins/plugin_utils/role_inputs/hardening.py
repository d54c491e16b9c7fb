# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role hardening, beyond their types: also what its catalogue does not know."""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.firewall import (
    rule_problems,
    set_problems,
    source_problems,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils import firewall_services
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import CatalogueError, Wishes, load, select
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

CATALOGUE = Path(__file__).resolve().parents[3] / "roles/hardening/files/catalogue"
# How the catalogue calls an input of the role.
INPUTS = {
    "profile": "hardening_profile",
    "areas": "hardening_areas",
    "disabled": "hardening_controls_disabled",
    "overrides": "hardening_overrides",
    "waivers": "hardening_waivers",
}
ALLOW = ("hardening_firewall_allow", "hardening_firewall_allow_group", "hardening_firewall_allow_host")
SETS, SSH_SOURCES = "hardening_firewall_sets", "hardening_firewall_ssh_sources"
ROOT_LOGIN = "sshd-no-root-login"
ALLOW_GROUPS, GROUPS = "sshd-allow-groups", "hardening_ssh_allow_groups"
GROUP = re.compile(r"!?[A-Za-z0-9_.*?@-]{1,64}\$?")
# Keywords of sshd, and their values without which it passes no connection on for a jump.
NO_JUMPS = {"disableforwarding": ("yes",), "allowtcpforwarding": ("no", "remote")}
NAMED_HOSTS = 3


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    found = checks.engine_problems("hardening", inputs) + _groups(inputs) + _firewall(inputs)
    return found + _catalogue(inputs)


def _groups(inputs: Mapping[str, Any]) -> list[str]:
    """Names that are none would be options or further groups to sshd."""
    groups = enumerate(map(str, inputs.get(GROUPS) or ()))
    return [
        f"{GROUPS}[{number}] is {group!r}; allowed is the name of a group, or a pattern with * and ?."
        for number, group in groups
        if not GROUP.fullmatch(group)
    ]


def _firewall(inputs: Mapping[str, Any]) -> list[str]:
    """Rules and sets in the words of the input that has them."""
    sets = inputs.get("hardening_firewall_sets") or {}
    allow: list[Any] = []
    found = [f"{problem}." for problem in set_problems(SETS, sets)]
    for name in ALLOW:
        for number, rule in enumerate(checks.entries(inputs.get(name))):
            found += [f"{problem}." for problem in rule_problems(f"{name}[{number}]", rule)]
            found += firewall_services.problems(f"{name}[{number}]", rule)
            allow += rule.get("sources") or []
    ssh = inputs.get(SSH_SOURCES) or []
    found += [f"{problem}." for problem in source_problems(SSH_SOURCES, ssh)]
    unknown = sorted({source[1:] for source in map(str, [*allow, *ssh]) if source.startswith("@")} - set(sets))
    known = ", ".join(sorted(sets)) or "none, since hardening_firewall_sets is empty"
    return found + [f"sources of the firewall name the set {name!r}; allowed are {known}." for name in unknown]


def _catalogue(inputs: Mapping[str, Any]) -> list[str]:
    extra = [str(path) for path in inputs.get("hardening_catalogue_extra") or ()]
    if any(not path.startswith("/") for path in extra):
        # Only a task knows what such a path is relative to; it refuses the same before the host is touched.
        return []
    try:
        controls = wanted_controls(inputs, extra)
    except CatalogueError as error:
        return [_in_the_roles_words(problem) for problem in error.problems]
    return _shut_out(controls, str(inputs.get("__hardening_login") or "")) + _cut_off(
        controls, inputs.get("__hardening_behind") or ()
    )


def wanted_controls(inputs: Mapping[str, Any], extra: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The controls that these inputs ask for; CatalogueError where they cannot be carried out."""
    groups = {ALLOW_GROUPS: inputs[GROUPS]} if inputs.get(GROUPS) else {}
    wishes = {
        "profile": inputs.get("hardening_profile", "baseline"),
        "areas": inputs.get("hardening_areas") or None,
        "overrides": {**groups, **(inputs.get("hardening_overrides") or {})},
        "disabled": inputs.get("hardening_controls_disabled") or (),
        "waivers": inputs.get("hardening_waivers") or (),
    }
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return _selected(json.dumps([wishes, list(extra), today], default=str, sort_keys=True))


@functools.lru_cache(maxsize=16)
def _selected(asked: str) -> list[dict[str, Any]]:
    """Hosts of one group ask for the same; selecting from the catalogue is what takes time."""
    wishes, extra, today = json.loads(asked)
    catalogue = load([str(CATALOGUE), *extra], constants.DEFAULT_LOCAL_TMP)
    return select(catalogue, Wishes(**wishes), datetime.date.fromisoformat(today)).controls


def _in_the_roles_words(problem: str) -> str:
    sentence = re.sub(r"^(\w+)", lambda word: INPUTS.get(word.group(), word.group()), problem)
    if sentence.startswith("catalogue "):
        sentence = f"hardening_catalogue_extra: {sentence}"
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


def _shut_out(controls: list[dict[str, Any]], login: str) -> list[str]:
    wanted = {control["id"]: control.get("setting", {}).get("value") for control in controls}
    if login != "root" or wanted.get(ROOT_LOGIN) != "no":
        return []
    return [
        f"hardening_profile has the control {ROOT_LOGIN}, but ansible_user is 'root', whom it shuts out; allowed is "
        f"another ansible_user, or hardening_overrides with {ROOT_LOGIN}: prohibit-password."
    ]


def _cut_off(controls: list[dict[str, Any]], behind: Sequence[str]) -> list[str]:
    """Hosts that are reached through this one, where sshd would pass nothing on."""
    if not behind:
        return []
    names = ", ".join(behind[:NAMED_HOSTS]) + (f" and {len(behind) - NAMED_HOSTS} more" if behind[NAMED_HOSTS:] else "")
    return [
        f"hardening_profile has the control {control['id']}, but this host is the way to {names}, as "
        "ProxyJump or ProxyCommand in their SSH arguments say; allowed on a jump host is hardening_overrides with "
        f"{control['id']}: '{'no' if keyword == 'disableforwarding' else 'yes'}'."
        for control in controls
        for keyword in [str(control.get("setting", {}).get("key", "")).lower()]
        if control.get("setting", {}).get("format") == "sshd"
        and str(control["setting"].get("value")).lower() in NO_JUMPS.get(keyword, ())
    ]
