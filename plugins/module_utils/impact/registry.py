# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each kind of control, the question what it would touch. A kind that is not here touches nothing that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..providers.base import Control, Verdict
from . import network, people, storage
from .scene import Scene
from .touch import Touch

Tell = Callable[[Control, Verdict, Scene], Iterator[Touch]]


def _setting(control: Control, _verdict: Verdict, scene: Scene) -> Iterator[Touch]:
    """By the file: what it belongs to decides who is touched."""
    path = str(control.state.get("file"))
    if control.state.get("format") == "sshd":
        yield from people.sshd(control, scene) if not path.startswith("/etc/ssh/ssh_config") else ()
    elif path.startswith("/etc/sudoers"):
        yield from people.sudo(control, scene)
    elif path.startswith("/etc/pam.d/"):
        yield from people.pam(control, scene)
    else:
        yield from network.unit_of_drop_in(control, scene)


# The firewall's table is put together of several controls: it is asked apart (controls_engine).
TELL: dict[str, Tell] = {
    "setting": _setting,
    "pam_profile": lambda control, _verdict, scene: people.pam(control, scene),
    "account": people.account,
    "service": lambda control, _verdict, scene: network.service(control, scene),
    "sysctl": lambda control, _verdict, scene: network.sysctl(control, scene),
    "mount": lambda control, _verdict, scene: storage.mount(control, scene),
    "kernel_module": lambda control, _verdict, scene: storage.kernel_module(control, scene),
    "package": lambda control, _verdict, scene: storage.package(control, scene),
    "file": storage.file,
}


def touched(control: Control, verdict: Verdict, scene: Scene) -> list[Touch]:
    """What a control that would change touches of what runs now."""
    tell = TELL.get(control.key)
    return list(tell(control, verdict, scene)) if tell else []
