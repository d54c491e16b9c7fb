# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop-ins of several directories in the order in which systemd's programs read them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable


def in_order(directories: Iterable[str], names: Callable[[str], Iterable[str]]) -> list[str]:
    """The paths by the files' names; one hides those of its name in later directories."""
    chosen: dict[str, str] = {}
    for directory in directories:
        for name in names(directory):
            if name.endswith(".conf"):
                chosen.setdefault(name, posixpath.join(directory, name))
    return [chosen[name] for name in sorted(chosen)]
