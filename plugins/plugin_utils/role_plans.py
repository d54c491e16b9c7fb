# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role will do to a host: the files it writes and how, its ports, what its controls set.

Each role tells its own files in `meta/touches.yml`; roles that are made of controls tell them by these controls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.evenkeel.ops.plugins.module_utils.firewall_table import DIRECTORY as FIREWALLS
from ansible_collections.evenkeel.ops.plugins.module_utils.preview import EVENKEEL
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.boot_sysctl import normal_key
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.draft import WHOLE_NAMES
from ansible_collections.evenkeel.ops.plugins.module_utils.scoped_files import scoped_path

from . import firewall_services, kernel_profiles
from .role_inputs import checks, hardening
from .role_inputs.checks import Listener

ROLES = Path(__file__).resolve().parents[2] / "roles"
TOUCHES = "meta/touches.yml"
REPLACED, REMOVED, EDITED, OWNED = "replaced", "removed", "edited", "owned"
HOWS = (REPLACED, REMOVED, EDITED, OWNED)


@dataclass(frozen=True)
class Touch:
    """One file, or several by a pattern, and what becomes of it.

    replaced: written whole. removed: taken away. edited: some of its keys. owned: owner and mode only.
    """

    path: str
    how: str
    role: str


@dataclass
class RolePlan:
    """One role on one host."""

    role: str
    touches: list[Touch] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    processes: tuple[str, ...] = ()
    # Topic (ssh, sysctl) to key to (value, file that sets it).
    keys: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    # What may be there once only: of nginx its server names and default servers.
    claims: frozenset[str] = frozenset()
    # Units that shall neither run nor start.
    stopped: set[str] = field(default_factory=set)
    # Ports that a firewall of ours would let in beside SSH; None where it sets none.
    let_in: list[tuple[int, int]] | None = None
    # Services whose ports it would let in, too, as far as other roles have them.
    services: list[str] = field(default_factory=list)
    # The role says nothing of its files.
    silent: bool = False


def told(role: str) -> dict[str, Any] | None:
    """What a role of this collection says of its files; None where it does not."""
    path = ROLES / role / TOUCHES
    if not path.is_file():
        return None
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return loaded


def plan(role: str, inputs: Mapping[str, Any], own: bool = True) -> RolePlan:
    """What a role will do with these inputs. CatalogueError where its controls cannot be chosen."""
    about = told(role) if own else None
    if about is None:
        return RolePlan(role, silent=True)
    found = RolePlan(role, processes=tuple(about.get("processes") or ()))
    files = list(about.get("files") or ())
    if inputs.get("common_package_mirrors"):
        replaced = inputs.get("common_package_sources_replaced") or ()
        files += [item for item in about.get("mirrors") or () if not replaced or item["how"] != REMOVED]
        files += [{"path": path, "how": REMOVED} for path in replaced]
    if inputs.get("nginx_repository") == "mainline":
        files += about.get("mainline") or ()
    found.touches = [Touch(item["path"], item["how"], role) for item in files]
    found.listeners = list(_asked("listeners", role, inputs))
    found.claims = frozenset(_asked("claims", role, inputs))
    if about.get("catalogue"):
        _read_controls(found, hardening.wanted_controls(inputs, inputs.get("hardening_catalogue_extra") or ()))
        _read_firewall_inputs(found, inputs)
    if about.get("settings"):
        _read_settings(found, inputs)
    return found


def let_services_in(plans: Iterable[RolePlan]) -> None:
    """Open in the firewall what its rules name as services, by the listeners of the other roles."""
    every = list(plans)
    for wall in every:
        asked = (each for name in wall.services for each in firewall_services.SERVICES.get(name, ()))
        for service in asked:
            listeners = (one for other in every if other.role == service.role for one in other.listeners)
            found = firewall_services.ports(service, listeners) if service.on_tcp else []
            wall.let_in = [*(wall.let_in or []), *((port, port) for port in found)]


def touch_of(path: str, plans: Iterable[RolePlan]) -> Touch | None:
    """The first touch of a path; a whole replacement goes before the rest."""
    found = [touch for each in plans for touch in each.touches if fnmatchcase(path, touch.path)]
    return min(found, key=lambda touch: HOWS.index(touch.how), default=None)


def patterns(plans: Iterable[RolePlan]) -> list[str]:
    """Every place that these roles touch, once."""
    return list(dict.fromkeys(touch.path for each in plans for touch in each.touches))


def _asked(question: str, role: str, inputs: Mapping[str, Any]) -> Iterable[Any]:
    """What role_inputs/<role>.py answers; nothing where it does not know the question."""
    found: Iterable[Any] = getattr(checks.module_of(role), question, lambda _inputs: ())(inputs)
    return found


# --- controls ----------------------------------------------------------------------------------------------------


def _read_controls(found: RolePlan, controls: Iterable[Mapping[str, Any]]) -> None:
    for control in controls:
        for kind, read in READERS.items():
            if kind in control:
                read(found, control[kind])


def _setting(found: RolePlan, state: Mapping[str, Any]) -> None:
    path = state["file"]
    whole = any(fnmatchcase(path.rpartition("/")[2], pattern) for pattern in WHOLE_NAMES)
    _touch(found, path, REPLACED if whole else EDITED)
    if state.get("format") == "sshd" and "key" in state:
        found.keys.setdefault("ssh", {})[str(state["key"]).lower()] = (str(state.get("value")), path)


def _file(found: RolePlan, state: Mapping[str, Any]) -> None:
    _touch(found, state["path"], REMOVED if state.get("state") == "absent" else OWNED)


def _stray_files(found: RolePlan, state: Mapping[str, Any]) -> None:
    for pattern in state.get("fix") or ():
        _touch(found, pattern, OWNED)


def _sysctl(found: RolePlan, state: Mapping[str, Any]) -> None:
    path = state.get("file") or scoped_path("/etc/sysctl.d", 98, found.role, ".conf")
    _touch(found, path, REPLACED)
    found.keys.setdefault("sysctl", {})[normal_key(state["key"])] = (str(state.get("value")), path)


def _sysfs(found: RolePlan, _state: Mapping[str, Any]) -> None:
    _touch(found, scoped_path("/etc/tmpfiles.d", 90, found.role, ".conf"), REPLACED)


def _device_attribute(found: RolePlan, _state: Mapping[str, Any]) -> None:
    _touch(found, scoped_path("/etc/udev/rules.d", 60, found.role, ".rules"), REPLACED)


def _ssh_host_key(found: RolePlan, state: Mapping[str, Any]) -> None:
    _touch(found, state["path"], OWNED)
    _touch(found, f"{state['path']}.pub", OWNED)


def _ssh_moduli(found: RolePlan, state: Mapping[str, Any]) -> None:
    _touch(found, state["path"], REPLACED)


def _kernel_module(found: RolePlan, state: Mapping[str, Any]) -> None:
    directory = "/etc/modules-load.d" if state.get("state") == "loaded" else "/etc/modprobe.d"
    _touch(found, scoped_path(directory, 60, found.role, ".conf"), REPLACED)


def _audit_rule(found: RolePlan, _state: Mapping[str, Any]) -> None:
    for number in (60, 99):
        _touch(found, scoped_path("/etc/audit/rules.d", number, found.role, ".rules"), REPLACED)


def _mount(found: RolePlan, _state: Mapping[str, Any]) -> None:
    _touch(found, "/etc/fstab", EDITED)


def _cmdline(found: RolePlan, _state: Mapping[str, Any]) -> None:
    _touch(found, scoped_path("/etc/default/grub.d", 60, found.role, ".cfg"), REPLACED)


def _pam_profile(found: RolePlan, _state: Mapping[str, Any]) -> None:
    _touch(found, "/etc/pam.d/common-*", EDITED)


def _account(found: RolePlan, _state: Mapping[str, Any]) -> None:
    for path in ("/etc/passwd", "/etc/shadow"):
        _touch(found, path, EDITED)


def _service(found: RolePlan, state: Mapping[str, Any]) -> None:
    if state.get("state") == "stopped" or state.get("masked"):
        name = str(state["name"])
        found.stopped.add(name if "." in name else f"{name}.service")


def _firewall(found: RolePlan, state: Mapping[str, Any]) -> None:
    name = str(state.get("table") or EVENKEEL)
    unit = f"{EVENKEEL}-firewall.service" if name == EVENKEEL else f"{EVENKEEL}-firewall-{name}.service"
    for path in (f"{FIREWALLS}/{name}.nft", f"{FIREWALLS}/{name}.d/*.json", f"/etc/systemd/system/{unit}"):
        _touch(found, path, REPLACED)
    if (state.get("policy") or {}).get("input") == "drop":
        found.let_in = found.let_in or []
    for rule in state.get("allow") or ():
        _let_in(found, rule)


READERS = {
    "setting": _setting,
    "file": _file,
    "ssh_host_key": _ssh_host_key,
    "ssh_moduli": _ssh_moduli,
    "stray_files": _stray_files,
    "sysctl": _sysctl,
    "sysfs": _sysfs,
    "device_attribute": _device_attribute,
    "kernel_module": _kernel_module,
    "audit_rule": _audit_rule,
    "mount": _mount,
    "cmdline": _cmdline,
    "pam_profile": _pam_profile,
    "account": _account,
    "service": _service,
    "firewall": _firewall,
}


def _read_settings(found: RolePlan, inputs: Mapping[str, Any]) -> None:
    """Kernel settings. Their values are computed on the host; which keys they are is known before."""
    disabled = set(inputs.get("kernel_settings_disabled") or ())
    for setting in kernel_profiles.own_settings():
        rule = setting["profiles"].get(inputs.get("kernel_profile", "balanced"))
        if rule is not None and setting["id"] not in disabled:
            value = "what the profile computes" if isinstance(rule, Mapping) else rule
            _read_controls(found, [kernel_profiles.state_of(setting, value)])


def _read_firewall_inputs(found: RolePlan, inputs: Mapping[str, Any]) -> None:
    if found.let_in is None:
        return
    for name in hardening.ALLOW:
        for rule in inputs.get(name) or ():
            _let_in(found, rule)


def _let_in(found: RolePlan, rule: Mapping[str, Any]) -> None:
    if found.let_in is None or rule.get("chain", "input") != "input":
        return
    if rule.get("service"):
        found.services.append(str(rule["service"]))
    elif not rule.get("ports"):
        found.let_in.append((1, 65535))
    for ports in rule.get("ports") or ():
        first, _dash, last = str(ports).partition("-")
        found.let_in.append((int(first), int(last or first)))


def _touch(found: RolePlan, path: str, how: str) -> None:
    touch = Touch(path, how, found.role)
    if touch not in found.touches:
        found.touches.append(touch)
