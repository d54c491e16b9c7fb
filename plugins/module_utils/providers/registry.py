# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All providers by their state key, each imported by name so that Ansible ships it. A new kind is one line here."""

from __future__ import annotations

from .account import AccountProvider
from .apparmor import AppArmor
from .audit_rule import AuditRule
from .base import Provider
from .cmdline import Cmdline
from .device_attribute import DeviceAttribute
from .file import File
from .firewall import Firewall
from .kernel_module import KernelModule
from .mount import Mount
from .package import Package
from .pam_profile import PamProfile
from .probe import Probe
from .service import Service
from .setting import Setting
from .ssh_host_key import SshHostKey
from .ssh_moduli import SshModuli
from .stray_files import StrayFiles
from .sysctl import Sysctl
from .sysfs import Sysfs

_ALL: tuple[type[Provider], ...] = (
    Package,
    AccountProvider,
    KernelModule,
    SshHostKey,
    SshModuli,
    File,
    Setting,
    Mount,
    PamProfile,
    Cmdline,
    Sysctl,
    Sysfs,
    DeviceAttribute,
    AppArmor,
    AuditRule,
    Firewall,
    Service,
    StrayFiles,
    Probe,
)

PROVIDERS: dict[str, type[Provider]] = {provider.key: provider for provider in _ALL}
