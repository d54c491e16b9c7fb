# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters below /proc/sys."""

from __future__ import annotations

import os
import re

from ..formats.base import Entry
from ..formats.keyvalue import KeyValue
from ..scoped_files import scoped_path
from .base import COMMENT, Control
from .boot_sysctl import SWAPPED, BootSysctl, normal_key, same_value
from .draft import Draft
from .kernel_values import KernelValues, numbers

# Once set they cannot be taken back before the next boot.
ONE_WAY = {
    "kernel/kexec_load_disabled": "1",
    "kernel/modules_disabled": "1",
    "kernel/unprivileged_bpf_disabled": "1",
    "kernel/yama/ptrace_scope": "3",
    "kernel/io_uring_disabled": "",
}
# The interface may be `*`: every one that is there. `all` and `default` are settings of their own.
OF_INTERFACES = re.compile(r"(net/ipv[46]/(?:conf|neigh))/\*/([a-z0-9_]+)")
NO_INTERFACES = ("all", "default")


class Sysctl(KernelValues):
    """The live value and the drop-in together; a value that another file would override at boot fails."""

    key = "sysctl"
    summary = "A kernel parameter has a value, now and after every reboot."
    order = 40
    format = KeyValue()
    example = {"key": "net.ipv4.conf.all.rp_filter", "value": 1}
    spec = {
        "key": {
            "type": "str",
            "required": True,
            "description": "The parameter, with dots or slashes. In net.ipv4.conf, net.ipv6.conf and their neigh, the"
            " interface may be an asterisk: every interface that is there, but not all and default, which are controls"
            " of their own. Other patterns are refused.",
            "example": "net.ipv4.conf.all.rp_filter",
        },
        "value": {
            "type": "raw",
            "required": True,
            "description": "The value; a list for parameters of several numbers.",
            "example": 1,
        },
        "file": {
            "type": "path",
            "description": "The drop-in, rendered whole. By default 98-evenkeel-SCOPE.conf in /etc/sysctl.d.",
        },
        "persist_only": {
            "type": "bool",
            "default": False,
            "description": "Write the drop-in only, where the live value is not to be touched before the next boot.",
        },
        "raise_only": {
            "type": "bool",
            "default": False,
            "description": "A higher number that somebody else has set, or the kernel by itself, is left alone. Of"
            " several numbers none may be lower.",
        },
        "comment": COMMENT,
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """A plain key, and a file that is ours whole."""
        faults = []
        key, file = control.state["key"], control.state.get("file")
        parts, of_interfaces = normal_key(key).split("/"), OF_INTERFACES.fullmatch(normal_key(key))
        if not of_interfaces and (not all(parts) or ".." in parts or any(sign in key for sign in "*?[]= \t\n\0")):
            faults.append(
                f"key is {key!r}: allowed is one parameter's name, such as net.ipv4.ip_forward, or one with * for the"
                " interface, such as net.ipv6.conf.*.accept_redirects"
            )
        name = (file or "/x-evenkeel-x.conf").rsplit("/", 1)[1]
        if not name.endswith(".conf") or ("-evenkeel-" not in name and not name.startswith("10-evenkeel.")):
            faults.append(f"file is {file!r}: allowed are names like 98-evenkeel-kernel.conf, which are rendered whole")
        if control.state.get("raise_only") and not numbers(control.state["value"]):
            faults.append(f"value is {control.state['value']!r}: with raise_only allowed are whole numbers")
        if control.state.get("raise_only") and of_interfaces:
            faults.append(f"raise_only is true: allowed is false for {key!r}, which stands for several parameters")
        return faults

    @classmethod
    def subject(cls, control: Control) -> str:
        """The parameter, however its name is written."""
        return "kernel parameter " + normal_key(control.state["key"]).translate(SWAPPED)

    @classmethod
    def is_one_way(cls, control: Control) -> bool:
        """Whether the kernel refuses to take the value back."""
        fatal = ONE_WAY.get(normal_key(control.state["key"]))
        return control.one_way or fatal is not None and fatal in ("", str(control.state["value"]))

    def live_path(self, control: Control) -> str:
        """Below /proc/sys."""
        return f"/proc/sys/{normal_key(control.state['key'])}"

    def live_paths(self, control: Control) -> list[str]:
        """That of the parameter, or those of all interfaces."""
        of_interfaces = OF_INTERFACES.fullmatch(normal_key(control.state["key"]))
        if not of_interfaces:
            return super().live_paths(control)
        home, name = of_interfaces.groups()
        paths = [f"/proc/sys/{home}/{interface}/{name}" for interface in self._interfaces(f"/proc/sys/{home}")]
        return [path for path in paths if os.path.exists(self.host.path(path))]

    def _interfaces(self, directory: str) -> list[str]:
        try:
            return [name for name in sorted(os.listdir(self.host.path(directory))) if name not in NO_INTERFACES]
        except OSError:
            return []

    def place_name(self, control: Control, path: str) -> str:
        """The interface."""
        return path.split("/")[-2]

    def drop_in(self, control: Control) -> str:
        """98 lies behind what distributions ship and before 99-sysctl.conf, which is the administrator's own."""
        return control.state.get("file") or scoped_path("/etc/sysctl.d", 98, self.planned.scope, ".conf")

    def entry(self, control: Control) -> Entry:
        """`key = value`, with the key as the catalogue writes it."""
        comment = control.state.get("comment") or ""
        return Entry(control.state["key"], (self.wanted(control),), separator=" = ", comment=comment)

    def look_ahead(self, drafts: dict[str, Draft]) -> None:
        """What systemd-sysctl would read."""
        self._boot = BootSysctl(self.host, {path: draft.content for path, draft in drafts.items()})

    def overridden(self, control: Control) -> str:
        """systemd-sysctl takes the last line for a key; of an interface, before any pattern."""
        keys = [control.state["key"]]
        if OF_INTERFACES.fullmatch(normal_key(keys[0])):
            keys += [path[len("/proc/sys/") :] for path in self.live_paths(control)]
        return next(filter(None, (self._overridden(control, key) for key in keys)), "")

    def _overridden(self, control: Control, key: str) -> str:
        winner, shown = self._boot.winner(key), normal_key(key).translate(SWAPPED)
        if winner is None or winner.value is None:
            return f"no drop-in would set {shown} at boot: {self.drop_in(control)} is not read there"
        own = winner.file == self.drop_in(control) and winner.key == normal_key(control.state["key"])
        if own or same_value(winner.value, self.wanted(control)):
            return ""
        return f"after a reboot {winner.file} would set {shown} to {winner.value}: take that line out"
