# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are known by their place: which program says whether they are good, and what reads them anew."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ..changes import Reload, Validator
from ..host import Host

# Stands for the file itself in a command.
PATH = "{path}"


@dataclass(frozen=True)
class KnownFile:
    """A family of files."""

    pattern: str
    validate: tuple[str, ...] = ()
    # Without this directory the validator would complain of something else.
    needs: str = "/"
    reload: str = ""


KNOWN = (
    KnownFile(r"/etc/ssh/sshd_config(\.d/.*)?", ("sshd", "-t"), "/run/sshd", "ssh.service"),
    KnownFile(r"/etc/sudoers(\.d/.*)?", ("visudo", "-cf", PATH)),
    KnownFile(r"/etc/systemd/journald\.conf(\.d/.*)?", (), "/", "systemd-journald.service"),
)


def validators(host: Host, path: str, argv: list[str] | None) -> list[Validator]:
    """The check that was asked for (an empty one: none), or the one known for this file where its program is there."""
    if argv is not None:
        return [Validator(tuple(argv))] if argv else []
    known = _known(path)
    fit = known and known.validate and host.has(known.validate[0]) and os.path.isdir(host.path(known.needs))
    return [Validator(tuple(word.replace(PATH, path) for word in known.validate))] if known and fit else []


def reloads(host: Host, path: str, wish: str | list[str] | None) -> list[Reload]:
    """What was asked for (a unit's name, a command, or nothing by an empty text), or what is known for this file."""
    if isinstance(wish, list):
        return [Reload(tuple(wish))] if wish else []
    known = _known(path)
    unit = wish if wish is not None else known.reload if known else ""
    if not unit or not host.has_systemd:
        return []
    return [Reload(("systemctl", "try-reload-or-restart", unit), unit)]


def _known(path: str) -> KnownFile | None:
    return next((known for known in KNOWN if re.fullmatch(known.pattern, path)), None)
