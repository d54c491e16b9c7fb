# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings a control about, in one sentence that a person can act on. Written from the control's state."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

State = Mapping[str, Any]
AGEING = {"min_days": "minimum age", "max_days": "maximum age", "warn_days": "warning", "inactive_days": "inactivity"}
LONGEST = 300


def remedy(control: Mapping[str, Any]) -> str:
    """The sentence for one control; empty where its kind is not known. Values of secret controls do not show."""
    for key, say in SENTENCES.items():
        if isinstance(control.get(key), Mapping):
            state = {**control[key], "value": "the value of the catalogue"} if control.get("secret") else control[key]
            text = say(state)
            return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return ""


def _package(state: State) -> str:
    verb = "Remove" if state.get("state") == "absent" else "Install"
    return f"{verb} the package {state.get('name')}."


def _account(state: State) -> str:
    bulk = state.get("system_accounts")
    if isinstance(bulk, Mapping):
        exempt = f", except {', '.join(map(str, bulk['except']))}" if bulk.get("except") else ""
        return f"Of every system account{exempt}: {_of_account(bulk)}."
    if state.get("state") == "absent":
        return f"Remove the account {state.get('name')}."
    return f"Of the account {state.get('name')}: {_of_account(state)}."


def _of_account(state: State) -> str:
    said = [f"set the shell to {state['shell']}"] if state.get("shell") else []
    if state.get("locked") is not None:
        said.append("lock the password" if state["locked"] else "unlock the password")
    said += [f"set the {name} to {state[key]} days" for key, name in AGEING.items() if state.get(key) is not None]
    said += [f"let it end on {state['expires']}"] if state.get("expires") else []
    said += [f"add it to {_list(state['groups'])}"] if state.get("groups") else []
    said += [f"take it out of {_list(state['not_groups'])}"] if state.get("not_groups") else []
    return ", ".join(said)


def _kernel_module(state: State) -> str:
    if state.get("state") == "loaded":
        return f"Load the kernel module {state.get('name')}, now and at boot."
    return f"Block the kernel module {state.get('name')} in /etc/modprobe.d."


def _file(state: State) -> str:
    path, kind = state.get("path"), state.get("state", "existing")
    if kind == "absent":
        return f"Remove {path}."
    owner = ":".join(str(state[key]) for key in ("owner", "group") if state.get(key))
    said = [f"give it to {owner}"] if owner else []
    said += [f"set the mode {state['mode']}"] if state.get("mode") else []
    said += [f"allow no more than the mode {state['mode_max']}"] if state.get("mode_max") else []
    below = " and all below it" if state.get("recurse") else ""
    made = f"Make the {kind} {path}" if kind in ("file", "directory") else f"Of {path}{below}"
    return f"{made}{':' if said else ''} {', '.join(said)}".rstrip() + "."


def _setting(state: State) -> str:
    key, where = str(state.get("key") or ""), str(state.get("file"))
    section = f" in section [{state['section']}]" if state.get("section") else ""
    if state.get("state") == "absent":
        return f"Take {key or state.get('value')} out of {where}{section}."
    if not key:
        return f"Put the line `{state.get('value')}` into {where}{section}."
    return f"Set {key} to {_list(state.get('value'))} in {where}{section}."


def _ssh_host_key(state: State) -> str:
    size = f" of {state['bits']} bits" if state.get("bits") else ""
    return f"Make the host key {state.get('path')}, type {state.get('type', 'ed25519')}{size}, with ssh-keygen."


def _ssh_moduli(state: State) -> str:
    least, source = state.get("least_bits", 3072), state.get("source", "/etc/ssh/moduli")
    return f"Copy the groups of {least} bits and more from {source} to {state.get('path')}."


def _mount(state: State) -> str:
    return f"Mount {state.get('path')} with the options {_list(state.get('options'))}, now and in /etc/fstab."


def _pam_profile(state: State) -> str:
    verb = {"enabled": "Enable", "disabled": "Disable", "absent": "Remove"}[state.get("state", "enabled")]
    return f"{verb} the PAM profile {state.get('name')} with pam-auth-update."


def _cmdline(state: State) -> str:
    value = "" if state.get("value") is None else f"={state['value']}"
    return f"Add {state.get('parameter')}{value} to the kernel's command line, and reboot."


def _sysctl(state: State) -> str:
    least = " at least" if state.get("raise_only") else ""
    return f"Set {state.get('key')} to{least} {_list(state.get('value'))}, now and in /etc/sysctl.d."


def _sysfs(state: State) -> str:
    return f"Write {_list(state.get('value'))} into {state.get('path')}, now and at boot."


def _device_attribute(state: State) -> str:
    those = f" that has {state['instead_of']}" if state.get("instead_of") else ""
    where = f"{state.get('attribute')} of every {state.get('subsystem')} device{those}"
    return f"Write {_list(state.get('value'))} into {where}, now and by a udev rule."


def _apparmor(state: State) -> str:
    return f"Set the AppArmor profile {state.get('name')} to {state.get('state', 'enforce')}."


def _audit_rule(state: State) -> str:
    rules = state.get("rules") or []
    said = [f"Load the audit rules {'; '.join(map(str, rules))}."] if rules else []
    return " ".join([*said, *(["Lock the audit rules until the next boot."] if state.get("immutable") else [])])


def _firewall(state: State) -> str:
    policy = state.get("policy") or {}
    said = [f"{verdict} what no rule of chain {chain} accepts" for chain, verdict in policy.items() if verdict]
    said += ["accept SSH"] if state.get("ssh") else []
    said += [f"accept {len(state['allow'])} rules of yours"] if state.get("allow") else []
    return f"In table inet {state.get('table', 'evenkeel')}: {', '.join(said) or 'nothing of its own'}."


def _service(state: State) -> str:
    said = [] if state.get("masked") is None else ["mask" if state["masked"] else "unmask"]
    said += [] if state.get("enabled") is None else ["enable" if state["enabled"] else "disable"]
    said += [{"started": "start", "stopped": "stop"}[state["state"]]] if state.get("state") else []
    return f"{_list(said).capitalize()} the unit {state.get('name')}."


def _probe(state: State) -> str:
    if state.get("command"):
        command = shlex.join(map(str, state["command"]))
        return f"For people to decide. Look at what `{command}` finds, and mend or waive it."
    if state.get("file"):
        return f"For people to decide. Look at {state['file']}, and mend or waive it."
    return "For people to decide. Mend what the reason says, or waive it."


def _stray_files(state: State) -> str:
    done = {
        "world_writable": "take the right to write from others",
        "no_sticky_bit": "set the sticky bit",
        "unowned": "give them to root",
        "suid": "take SUID and SGID away",
    }[str(state["finding"])]
    return f"Of what is found: {done} by an override with fix, or name what is meant to be so by one with accept."


def _list(value: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    words = [str(item) for item in value]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


SENTENCES: dict[str, Callable[[State], str]] = {
    "package": _package,
    "account": _account,
    "kernel_module": _kernel_module,
    "file": _file,
    "setting": _setting,
    "ssh_host_key": _ssh_host_key,
    "ssh_moduli": _ssh_moduli,
    "mount": _mount,
    "pam_profile": _pam_profile,
    "cmdline": _cmdline,
    "sysctl": _sysctl,
    "sysfs": _sysfs,
    "device_attribute": _device_attribute,
    "apparmor": _apparmor,
    "audit_rule": _audit_rule,
    "firewall": _firewall,
    "service": _service,
    "stray_files": _stray_files,
    "probe": _probe,
}
