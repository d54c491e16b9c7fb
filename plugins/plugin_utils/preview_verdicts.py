# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would become of what stands on a host, when certain roles are applied to it: one verdict for each thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.dpkg_files import PACKAGE
from ansible_collections.evenkeel.ops.plugins.module_utils.manager_marks import CONVERGING
from ansible_collections.evenkeel.ops.plugins.module_utils.preview import EVENKEEL

from . import role_plans
from .role_plans import RolePlan, Touch

KEPT, CONFLICT = "kept", "conflict"
VERDICTS = {
    role_plans.REPLACED: "replaced (journalled)",
    role_plans.REMOVED: "removed (journalled)",
    role_plans.EDITED: "edited per key",
    role_plans.OWNED: "edited per key",
}
LOOPBACK = ("127.", "::1")
COMM_LENGTH = 15


@dataclass(frozen=True)
class Entry:
    """One thing that is there."""

    # haproxy, nginx, ssh, … manager, firewall, listener, service.
    topic: str
    what: str
    # package, modified, foreign, unknown; empty for what is no file.
    origin: str
    verdict: str
    why: str = ""
    role: str = ""


def judge(found: Mapping[str, Any], plans: Sequence[RolePlan]) -> list[dict[str, str]]:
    """Everything that is not as its package made it, or that would be changed; conflicts first."""
    entries = [
        *_managers(found),
        *_files(found, plans),
        *_firewalls(found, plans),
        *_listeners(found, plans),
        *_services(found, plans),
    ]
    entries.sort(key=lambda entry: entry.verdict != CONFLICT)
    return [asdict(entry) for entry in entries]


def totals(entries: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """How many of each verdict."""
    found: dict[str, int] = {}
    for entry in entries:
        found[entry["verdict"]] = found.get(entry["verdict"], 0) + 1
    return found


# --- managers and files ------------------------------------------------------------------------------------------


def _managers(found: Mapping[str, Any]) -> Iterator[Entry]:
    for manager in found["managers"]:
        name, path = manager["name"], manager["path"]
        if manager["converges"]:
            why = "it comes again by itself and changes back what it knows otherwise: take this host out of its data"
            yield Entry("manager", f"{name} ({path})", "", CONFLICT, why)
        else:
            yield Entry("manager", f"{name} ({path})", "", KEPT)


def _files(found: Mapping[str, Any], plans: Sequence[RolePlan]) -> Iterator[Entry]:
    for file in found["files"]:
        if file["origin"] == EVENKEEL:
            continue
        touch = role_plans.touch_of(file["path"], plans)
        if touch is None and file["origin"] == PACKAGE:
            continue
        conflict = _conflict(file, touch, plans)
        role = touch.role if touch else ""
        if conflict:
            yield Entry(file["topic"], file["path"], file["origin"], CONFLICT, conflict, role)
        elif touch:
            yield Entry(file["topic"], file["path"], file["origin"], VERDICTS[touch.how], _how(file, touch), role)
        else:
            yield Entry(file["topic"], file["path"], file["origin"], KEPT, _marked(file))


def _how(file: Mapping[str, Any], touch: Touch) -> str:
    words = {role_plans.OWNED: "owner and mode only", role_plans.EDITED: "all other lines stay"}.get(touch.how, "")
    return "; ".join(filter(None, (_marked(file), words)))


def _marked(file: Mapping[str, Any]) -> str:
    return f"it says that {file['manager']} wrote it" if file["manager"] else ""


def _conflict(file: Mapping[str, Any], touch: Touch | None, plans: Sequence[RolePlan]) -> str:
    if touch and file["manager"] in CONVERGING:
        return f"{file['manager']} writes it, and {touch.role} would write it too"
    claims = _conflicting_claims(file, touch, plans)
    return claims or _winning_keys(file, touch, plans)


def _conflicting_claims(file: Mapping[str, Any], touch: Touch | None, plans: Sequence[RolePlan]) -> str:
    if touch or not file["claims"]:
        return ""
    if file["topic"] == "drop-in" and "ExecStart" in file["claims"]:
        directory = file["path"].rpartition("/")[0] + "/"
        ours = next((t for each in plans for t in each.touches if t.path.startswith(directory)), None)
        if ours:
            return f"it sets ExecStart, and so does {ours.path} of {ours.role}: the last of them by name wins"
    if file["topic"] == "nginx":
        both = [claim for claim in file["claims"] if any(claim in each.claims for each in plans)]
        return (
            f"it has {', '.join(both[:5])}, and so has a site of nginx_sites: nginx takes one of them" if both else ""
        )
    return ""


def _winning_keys(file: Mapping[str, Any], touch: Touch | None, plans: Sequence[RolePlan]) -> str:
    """Settings of somebody else that would have the say over ours: sshd takes the first, systemd-sysctl the last."""
    if touch or not file["keys"]:
        return ""
    name = file["path"].rpartition("/")[2]
    stronger = []
    for each in plans:
        for key, (value, ours) in each.keys.get(file["topic"], {}).items():
            if key not in file["keys"] or file["keys"][key] == value:
                continue
            own_name = ours.rpartition("/")[2]
            first = "sshd_config.d/" in file["path"] and name < own_name
            last = file["topic"] == "sysctl" and (name > own_name or name == "sysctl.conf")
            stronger += [key] if (first if file["topic"] == "ssh" else last) else []
    return f"it would have the say over ours for {', '.join(sorted(set(stronger))[:5])}" if stronger else ""


# --- what runs ---------------------------------------------------------------------------------------------------


def _firewalls(found: Mapping[str, Any], plans: Sequence[RolePlan]) -> Iterator[Entry]:
    ours = next((each for each in plans if each.let_in is not None), None)
    for words in found["firewalls"]:
        if ours:
            why = "a packet then has to pass both: carry its rules over to hardening_firewall_allow, or leave ours out"
            yield Entry("firewall", words, "", CONFLICT, why, ours.role)
        else:
            yield Entry("firewall", words, "", KEPT)


def _listeners(found: Mapping[str, Any], plans: Sequence[RolePlan]) -> Iterator[Entry]:
    wanted = {listener.port: each for each in plans for listener in each.listeners}
    firewall = next((each for each in plans if each.let_in is not None), None)
    for port in found["listeners"]:
        what = f"{port['protocol']} {port['address']} port {port['port']} ({port['process'] or 'unknown process'})"
        role = wanted.get(port["port"]) if port["protocol"] == "tcp" else None
        if role and port["process"] and port["process"] not in {name[:COMM_LENGTH] for name in role.processes}:
            yield Entry("listener", what, "", CONFLICT, f"{role.role} wants this port", role.role)
        elif firewall and _shut_off(port, firewall):
            why = "the firewall would let nobody in from outside: open it in hardening_firewall_allow_host"
            yield Entry("listener", what, "", CONFLICT, why, firewall.role)
        else:
            yield Entry("listener", what, "", KEPT)


def _shut_off(port: Mapping[str, Any], firewall: RolePlan) -> bool:
    local = str(port["address"]).startswith(LOOPBACK)
    # SSH is let in on sshd's own ports; UDP clients' ports answer what they asked for themselves.
    if local or port["protocol"] != "tcp" or str(port["process"] or "").startswith(("sshd", "systemd")):
        return False
    return not any(first <= int(port["port"]) <= last for first, last in firewall.let_in or ())


def _services(found: Mapping[str, Any], plans: Sequence[RolePlan]) -> Iterator[Entry]:
    for each in plans:
        for name in sorted(each.stopped & set(found["active_units"])):
            why = "it would be stopped and kept from starting"
            yield Entry("service", name, "", VERDICTS[role_plans.REPLACED], why, each.role)
