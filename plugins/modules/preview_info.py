#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: preview_info
short_description: Tell what stands on a host and what roles would do to it
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - For the first look at a host that somebody else set up. Tells existing configuration of what the roles are about,
    edited configuration files of packages, drop-ins of units, other managers of configuration, firewalls and listening
    ports, and for each what would become of it.
  - Which roles the host gets, and with which inputs, is read from a playbook and the inventory; what a role writes it
    says itself in C(meta/touches.yml), or by its controls.
  - Changes nothing, needs nothing of this collection on the host, and no root. What it could not see is listed in
    RV(unseen) with the reason.
options:
  playbook:
    description:
      - The playbook whose roles are looked at, as a path beside the file that has the task, or an absolute one.
      - Read by the action plugin.
    type: str
    default: site.yml
  watch:
    description: Patterns of further files to look at. Set by the action plugin, as the roles say.
    type: list
    elements: str
    default: []
  state_dir:
    description: Directory of the journal, which tells what this collection wrote before, where there is one.
    type: path
    default: /var/lib/evenkeel
attributes:
  check_mode:
    description: Can run in check mode, where it does the same.
    support: full
  diff_mode:
    description: There is no difference to show, as nothing changes.
    support: none
notes:
  - Which package brought a file is read from dpkg's books only; elsewhere RV(unseen) says so.
"""

EXAMPLES = r"""
- name: Look at what is there before the first change
  evenkeel.ops.preview_info:
    playbook: site.yml
  register: preview

- name: Stop where something would be in conflict
  ansible.builtin.assert:
    that: preview.entries | selectattr('verdict', 'eq', 'conflict') | length == 0
    fail_msg: "{{ preview.entries | selectattr('verdict', 'eq', 'conflict') | map(attribute='what') | join(', ') }}"
"""

RETURN = r"""
roles:
  description: The roles that the host gets.
  type: list
  elements: str
  returned: success
  sample: [hardening, haproxy]
entries:
  description: What is there, conflicts first. What is as its package made it, and stays so, is left out.
  type: list
  elements: dict
  returned: success
  contains:
    topic:
      description: What it is about, such as V(haproxy), V(ssh), V(drop-in), V(manager), V(firewall), V(listener).
      type: str
      returned: always
      sample: haproxy
    what:
      description: The path, or the thing in words.
      type: str
      returned: always
      sample: /etc/haproxy/haproxy.cfg
    origin:
      description: Of a file, V(package) (as it came), V(modified) (edited since), V(foreign) or V(unknown).
      type: str
      returned: always
      sample: modified
    verdict:
      description: V(kept), V(replaced (journalled\)), V(removed (journalled\)), V(edited per key) or V(conflict).
      type: str
      returned: always
      sample: replaced (journalled)
    why:
      description: The reason, or what to do.
      type: str
      returned: always
    role:
      description: The role that changes it, or that it is in conflict with.
      type: str
      returned: always
      sample: haproxy
totals:
  description: How many entries have each verdict.
  type: dict
  returned: success
  sample: {kept: 4, conflict: 1}
touches:
  description: The files that these roles write, edit or remove, as patterns.
  type: list
  elements: str
  returned: success
  sample: [/etc/haproxy/haproxy.cfg]
unseen:
  description: What could not be seen, C(what) and C(reason).
  type: list
  elements: dict
  returned: success
"""

from collections.abc import Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.preview import Look


def main() -> None:
    """Look, and hand back what is there."""
    module = AnsibleModule(
        argument_spec={
            "playbook": {"type": "str", "default": "site.yml"},
            "watch": {"type": "list", "elements": "str", "default": []},
            "state_dir": {"type": "path", "default": "/var/lib/evenkeel"},
        },
        supports_check_mode=True,
    )

    def command(argv: Sequence[str]) -> tuple[int, str, str]:
        # An ordinary user's PATH may lack the administrator's directories.
        program = module.get_bin_path(argv[0], opt_dirs=["/usr/sbin", "/sbin"])
        if program is None:
            return 127, "", f"{argv[0]} is not installed"
        rc, out, err = module.run_command([program, *argv[1:]], environ_update={"LC_ALL": "C.UTF-8"})
        return rc, out, err

    look = Look(command, module.params["watch"], state_dir=module.params["state_dir"])
    module.exit_json(changed=False, **look.collect())


if __name__ == "__main__":
    main()
