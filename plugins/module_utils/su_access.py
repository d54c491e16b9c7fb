# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rule of PAM for su would refuse the operator who has become root by it."""

from __future__ import annotations

from collections.abc import Sequence

from .host import Host
from .operator_session import ancestors, uids_of

STACK = "/etc/pam.d/su"
MODULE = "pam_wheel.so"
ROOT = 0


def refusal(host: Host, options: Sequence[str]) -> str:
    """Why su would not let who makes this change become root again, in words; empty where it would, or was not used."""
    caller = _caller_of_su(host)
    # Root is let through by pam_rootok, before the wheel is asked.
    if caller in (None, ROOT) or "deny" in options:
        return ""
    group = _group(host, options)
    if group in host.run(["id", "-nG", str(caller)]).out.split():
        return ""
    name = host.run(["id", "-nu", str(caller)]).out.strip() or str(caller)
    return (
        f"it would shut out the account {name}, who became root by su and is not in the group {group}:"
        " put it in there, or become root by sudo"
    )


def _caller_of_su(host: Host) -> int | None:
    """The user who called the su that this process runs below; None where there is none."""
    below = ""
    for pid in ancestors(host):
        if below in ("su", "su-l"):
            return next(iter(uids_of(host, pid)), None)
        below = host.glance(f"/proc/{pid}/comm").strip()
    return None


def _group(host: Host, options: Sequence[str]) -> str:
    """Whose members may: the one that is named, else wheel, else that of number 0, as in pam_wheel(8)."""
    named = [option.partition("=")[2] for option in options if option.startswith("group=")]
    if named:
        return named[-1]
    if host.run(["getent", "group", "wheel"]).ok:
        return "wheel"
    return host.run(["getent", "group", "0"]).out.partition(":")[0] or "root"
