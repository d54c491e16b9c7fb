# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The note that a person sees at login while the switch is armed, and after it put something back.

Written to /run/motd.d: the second pam_motd line of Debian's sshd and login shows every file there, no program has to
run at login, and a reboot removes the note as it ends the arming.
"""

from __future__ import annotations

import os

from .host import Host
from .terminal import say

DIRECTORY = "/run/motd.d"
NAME = "60-evenkeel"


def write(host: Host, text: str) -> None:
    """Show `text`; a note that cannot be written must never stop the switch."""
    directory = host.path(DIRECTORY)
    try:
        host.fs.make_dirs(directory, 0o755)
        content = f"\n*** evenkeel: {text} ***\n\n".encode()
        host.fs.write_atomic(os.path.join(directory, NAME), content, 0o644)
    except OSError as error:
        say(f"the note in {DIRECTORY} could not be written: {error}")


def remove(host: Host) -> None:
    """Take the note away; fine where there is none."""
    path = os.path.join(host.path(DIRECTORY), NAME)
    try:
        host.fs.discard(path)
    except OSError as error:
        say(f"the note in {DIRECTORY} could not be removed: {error}")
