# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: kernel_controls
short_description: Compute the kernel settings of a profile for a machine
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Turns settings with a rule for each profile into controls for M(evenkeel.ops.controls#module), with values computed
    from the size of the machine. Each carries its reason and source, which are written into the drop-in.
  - Works on the controller and looks at nothing but its input.
positional: profile
options:
  _input:
    description:
      - Settings, each with C(id), C(title), C(why), C(source), C(profiles) (a value or rule by profile), one of C(key)
        (a sysctl), C(path) (below C(/sys)), C(module), C(module_option), C(limit), C(disk), C(governor) and
        C(parameter) (of the command line), and perhaps C(risk), C(raise_only), C(instead_of) and C(only_with).
    type: list
    elements: dict
    required: true
  profile:
    description: The profile.
    type: str
    required: true
  memory_mib:
    description: Memory of the machine in MiB, from 1.
    type: int
    required: true
  cores:
    description: Cores of the machine, from 1.
    type: int
    required: true
  connections:
    description: How many connections it serves at once. V(0) derives them from the memory, eight for each MiB.
    type: int
    default: 0
  nic_mbits:
    description: Speed of the network card in Mbit/s. V(0) is unknown and counts as 10000.
    type: int
    default: 0
  hugepages_mib:
    description: Memory in MiB that is reserved as huge pages, at most three quarters of O(memory_mib).
    type: int
    default: 0
  hugepage_kib:
    description: Size of a huge page in KiB.
    type: int
    default: 2048
  overrides:
    description: Other values by the settings' ids.
    type: dict
    default: {}
  persist_only:
    description: Whether the values are only written for the next boot.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show what a machine of 4 GiB would get
  ansible.builtin.debug:
    msg: "{{ settings | evenkeel.ops.kernel_controls('web_proxy', memory_mib=4096, cores=2) }}"
"""

RETURN = r"""
_value:
  description: Controls.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.kernel_profiles import (
    KernelProfileError,
    Machine,
    controls,
)


def kernel_controls(
    settings: Any,
    profile: str,
    memory_mib: int,
    cores: int,
    connections: int = 0,
    nic_mbits: int = 0,
    hugepages_mib: int = 0,
    hugepage_kib: int = 2048,
    overrides: Mapping[str, Any] | None = None,
    persist_only: bool = False,
) -> list[dict[str, Any]]:
    """Return the controls of a profile for a machine."""
    sizes = {"memory_mib": memory_mib, "cores": cores, "hugepage_kib": hugepage_kib}
    for name, size in sizes.items():
        if int(size) < 1:
            raise AnsibleFilterError(f"kernel_controls: {name} is {size!r}; allowed is a number from 1")
    machine = Machine(
        int(memory_mib), int(cores), int(connections), int(nic_mbits), int(hugepages_mib), int(hugepage_kib)
    )
    try:
        return controls(settings, profile, machine, overrides, bool(persist_only))
    except KernelProfileError as error:
        raise AnsibleFilterError(f"kernel_controls: {error}") from error


class FilterModule:
    """Offers kernel_controls to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kernel_controls": kernel_controls}
