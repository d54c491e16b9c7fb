# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys of the SSH server. One that is there is never replaced: clients would take the host for another."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import ClassVar

from ..changes_basic import RunTool
from .base import CHANGE, COMPLIANT, FAILED, Control, Plan, Provider, Unfit, Verdict, step_for

# FIPS 186-5, 5.1: RSA from 2048 bits; OpenSSH makes 16384 at most.
LEAST_BITS, MOST_BITS = 2048, 16384


class SshHostKey(Provider):
    """A key pair that is made where it is missing."""

    key = "ssh_host_key"
    summary = "A host key of the SSH server is there; a missing one is made, an existing one is kept."
    order = 25
    example: ClassVar = {"path": "/etc/ssh/ssh_host_rsa_4096_key", "type": "rsa", "bits": 4096}
    spec: ClassVar = {
        "path": {
            "type": "path",
            "required": True,
            "description": "The private key. The public one lies beside it, with .pub added.",
        },
        "type": {"type": "str", "choices": ["ed25519", "rsa"], "default": "ed25519", "description": "Kind of key."},
        "bits": {
            "type": "int",
            "min": LEAST_BITS,
            "max": MOST_BITS,
            "description": "Size of an RSA key in bits; the least that an existing one may have.",
            "example": 4096,
        },
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """Only RSA keys come in sizes."""
        is_rsa, bits = control.state.get("type") == "rsa", control.state.get("bits")
        if is_rsa and bits is None:
            return ["ssh_host_key.bits is missing: type rsa needs a size, as in 4096"]
        if not is_rsa and bits is not None:
            return [f"ssh_host_key.bits is {bits}: allowed with type rsa only, a key of type ed25519 has one size"]
        return []

    @classmethod
    def subject(cls, control: Control) -> str:
        """One file."""
        return f"ssh_host_key {control.state['path']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """A step per key."""
        return self.plan_each(controls, self._plan_one)

    def _plan_one(self, plan: Plan, control: Control) -> Verdict:
        path, kind, bits = (control.state[name] for name in ("path", "type", "bits"))
        wanted = {"type": kind, "bits": bits or 256}
        if os.path.lexists(self.host.path(path)):
            there = self._read(path)
            if there["type"] != kind or there["bits"] < wanted["bits"]:
                said = (
                    f"{path} is a key of type {there['type']} with {there['bits']} bits, not {kind} with {bits or 256}"
                )
                return Verdict(FAILED, there, reason=f"{said}: it is kept, name another path")
            return Verdict(COMPLIANT, there, there)
        if not self.host.has("ssh-keygen"):
            raise Unfit("there is no program ssh-keygen (package openssh-client)")
        step = step_for(f"ssh_host_key {path}", [control])
        step.secret = True
        size = ["-b", str(bits)] if bits else []
        argv = ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "", "-f", self.host.path(path)]
        step.changes.append(RunTool(argv, [("path", path), ("path", f"{path}.pub")]))
        plan.steps.append(step)
        return Verdict(CHANGE, {"type": "absent"}, wanted, step=step.name)

    def _read(self, path: str) -> dict[str, str | int]:
        """Type and bits of a key, as ssh-keygen tells them: `3072 SHA256:… comment (RSA)`."""
        result = self.host.run(["ssh-keygen", "-l", "-f", self.host.path(path)])
        match = re.match(r"(\d+) .*\(([A-Z0-9-]+)\)\s*$", result.out)
        if not result.ok or match is None:
            raise Unfit(f"{path} is no key that ssh-keygen reads: {result.words}")
        return {"type": match.group(2).lower(), "bits": int(match.group(1))}
