# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package manager a host has."""

from __future__ import annotations

from ..changes import ChangeFailed
from ..host import Host
from .apt import Apt
from .dnf import Dnf
from .manager import PackageManager


class NoPackageManager(ChangeFailed):
    """The host has none that is known."""


def package_manager(host: Host) -> PackageManager:
    """The host's package manager."""
    if host.has("apt-get") and host.has("dpkg-query"):
        return Apt(host)
    if host.has("dnf") and host.has("rpm"):
        return Dnf(host)
    raise NoPackageManager("this host has neither apt nor dnf: packages cannot be managed")
