# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds by name, imported one by one so that Ansible's module zip and the revert zipapp carry them."""

from __future__ import annotations

from ..changes import Kind
from .apparmor_profile import AppArmorProfileKind
from .fetched_file import FetchedFileKind
from .kept_files import KeptFilesKind
from .kernel_module import KernelModuleKind
from .kernel_value import KernelValueKind
from .listing import ListingKind
from .meta import MetaKind
from .mount import MountKind
from .nft_table import NftTableKind
from .package import PackageKind
from .package_versions import PackageVersionsKind
from .path import PathKind
from .system_user import SystemUserKind
from .unit import UnitKind

_ALL: tuple[Kind, ...] = (
    PathKind(),
    MetaKind(),
    ListingKind(),
    KernelValueKind(),
    UnitKind(),
    PackageKind(),
    PackageVersionsKind(),
    NftTableKind(),
    MountKind(),
    KernelModuleKind(),
    AppArmorProfileKind(),
    KeptFilesKind(),
    FetchedFileKind(),
    SystemUserKind(),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
