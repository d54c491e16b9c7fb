#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: say who sets a host's kernel settings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_settings_info
short_description: Say of kernel settings what they are, who sets them at boot, and whether they can be set here
version_added: 0.1.0
description:
  - Reads the running value of kernel parameters, files below C(/sys), kernel modules and words of the command line,
    finds the file that decides at the next boot and those that it overrides, and says whether the value can be set.
  - Knows the order of sysctl.d, tmpfiles.d, modules-load.d, modprobe.d and of GRUB's drop-ins, and what ufw and tuned
    set after systemd has.
  - In a container or a user namespace, or where C(/proc/sys) is read-only, it says so for each setting instead of
    failing.
  - Changes nothing and needs no root.
options:
  settings:
    description: The settings to look at. Without any, and without controls, only machine and environment are read.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: What the setting is.
        type: str
        choices: [sysctl, sysfs, module, cmdline]
        required: true
      name:
        description:
          - A parameter such as V(net.ipv4.ip_forward), a file below V(/sys), a module, or a parameter of the command
            line.
          - "Example: V(vm.swappiness)."
        type: str
        required: true
  controls:
    description:
      - Controls as for M(evenkeel.ops.controls). Those of a parameter, a file below C(/sys), a module or the
        command line are looked at behind O(settings), with their C(id) and what they want.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    description: Can run in check mode, where it does the same.
    support: full
  diff_mode:
    description: There is no difference to show, as nothing changes.
    support: none
  platform:
    description: Target systems.
    platforms: posix
    support: full
    details: [Proven on Debian 12 and 13.]
seealso:
  - module: evenkeel.ops.controls
  - plugin: evenkeel.ops.kernel_controls
    plugin_type: filter
author: [The evenkeel.ops maintainers (@evenkeel)]
"""

EXAMPLES = r"""
- name: Ask who decides on swapping
  evenkeel.ops.kernel_settings_info:
    settings:
      - {kind: sysctl, name: vm.swappiness}
  register: report

- name: Stop where somebody else has the say after a reboot
  ansible.builtin.assert:
    that: report.settings[0].boot.file == '/etc/sysctl.d/98-evenkeel-kernel.conf'
    fail_msg: "{{ report.settings[0].boot.file }} sets vm.swappiness at boot"
"""

RETURN = r"""
machine:
  description: The sizes that values are computed from.
  type: dict
  returned: always
  contains:
    memory_mib:
      description: Memory in MiB.
      type: int
      returned: always
      sample: 7936
    cores:
      description: Processors.
      type: int
      returned: always
      sample: 4
    nic_mbits:
      description: Speed in Mbit/s of the fastest network card that is up; 0 where none tells.
      type: int
      returned: always
      sample: 10000
    hugepage_kib:
      description: Size of a huge page in KiB.
      type: int
      returned: always
      sample: 2048
environment:
  description: Whose kernel it is.
  type: dict
  returned: always
  contains:
    container:
      description: Whether the kernel is shared with a machine around this one.
      type: bool
      returned: always
      sample: false
    user_namespace:
      description: Whether root here is another user outside.
      type: bool
      returned: always
      sample: false
    proc_sys_read_only:
      description: Whether C(/proc/sys) is mounted read-only.
      type: bool
      returned: always
      sample: false
    sys_read_only:
      description: Whether C(/sys) is mounted read-only.
      type: bool
      returned: always
      sample: false
    root:
      description: Whether the module ran as root.
      type: bool
      returned: always
      sample: true
settings:
  description: One entry for each of O(settings) and O(controls), in their order.
  type: list
  elements: dict
  returned: always
  contains:
    kind:
      description: As asked.
      type: str
      returned: always
      sample: sysctl
    name:
      description: As asked.
      type: str
      returned: always
      sample: vm.swappiness
    id:
      description: Id of the control; null for one of O(settings).
      type: str
      returned: always
      sample: vm-swappiness
    wanted:
      description: What the control wants; null for one of O(settings).
      type: str
      returned: always
      sample: "10"
    running:
      description: The value now; null where there is none.
      type: str
      returned: always
      sample: "10"
    settable:
      description: Whether it can be set here.
      type: bool
      returned: always
      sample: true
    reason:
      description: Why it cannot be set; empty where it can.
      type: str
      returned: always
      sample: ""
    boot:
      description: The file that decides at the next boot, and its value; null where the kernel's default holds.
      type: dict
      returned: always
      sample: {file: /etc/sysctl.d/98-evenkeel-kernel.conf, value: "10"}
    shadowed:
      description: Files that say something too, and are overridden.
      type: list
      elements: dict
      returned: always
      sample: [{file: /etc/sysctl.d/50-site.conf, value: "60"}]
    same_after_reboot:
      description: Whether the value stays as it is now; null where no file decides, or there is no value.
      type: bool
      returned: always
      sample: true
    unread:
      description: What C(/etc/sysctl.conf) says of a parameter where nothing reads that file at boot.
      type: dict
      returned: for kind sysctl
      sample: {file: /etc/sysctl.conf, value: "60"}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.kernel_report import KernelReport, Question, questions

SETTING = {
    "kind": {"type": "str", "choices": ["sysctl", "sysfs", "module", "cmdline"], "required": True},
    "name": {"type": "str", "required": True},
}


def main() -> None:
    """Look, and hand back what was seen."""
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "list", "elements": "dict", "default": [], "options": SETTING},
            "controls": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=True,
    )
    report = KernelReport(Host())
    asked = [Question(setting["kind"], setting["name"]) for setting in module.params["settings"]]
    asked += questions(module.params["controls"])
    module.exit_json(
        changed=False, machine=report.machine(), environment=report.environment(), settings=report.settings(asked)
    )


if __name__ == "__main__":
    main()
