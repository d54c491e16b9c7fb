#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: say how a host is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_summary_info
short_description: Say how a host is without changing it
version_added: 0.1.0
description:
  - Reads what an operator looks at first - system, pending updates, failed units and listening ports.
  - Changes nothing - it takes no lock, refreshes no package lists and writes no cache.
  - Needs no root. What it could not see is listed in RV(unknown) with the reason.
options:
  sections:
    description:
      - The parts of the summary to read.
      - "Example: V([updates]) for the pending updates only."
    type: list
    elements: str
    choices: [host, updates, failed_units, listening_ports]
    default: [host, updates, failed_units, listening_ports]
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
    details:
      - Proven on Debian 12 and 13. The pending updates of other distributions are read with C(dnf) from its cache.
notes:
  - Pending updates are those that the host's package lists know. How old these are is told by
    RV(updates.lists_age_seconds).
author: [The evenkeel.ops maintainers (@evenkeel)]
"""

EXAMPLES = r"""
- name: Look at the host
  evenkeel.ops.host_summary_info:
  register: summary

- name: Refuse to go on while security updates wait
  ansible.builtin.assert:
    that: summary.updates.security_count == 0
    fail_msg: "{{ summary.updates.security_count }} security updates wait on {{ inventory_hostname }}"

- name: Look at the ports only
  evenkeel.ops.host_summary_info:
    sections: [listening_ports]
"""

RETURN = r"""
host:
  description: The system.
  type: dict
  returned: when O(sections) has V(host)
  contains:
    hostname:
      description: Name of the host.
      type: str
      returned: always
      sample: web1
    distribution:
      description: Name and version of the distribution; null when it does not tell.
      type: str
      returned: always
      sample: Debian GNU/Linux 13 (trixie)
    kernel:
      description: Release of the running kernel.
      type: str
      returned: always
      sample: 6.12.57+deb13-amd64
    architecture:
      description: Machine type.
      type: str
      returned: always
      sample: x86_64
    uptime_seconds:
      description: Seconds since the start of the system.
      type: int
      returned: always
      sample: 86400
    load_average:
      description: Load averages of the last 1, 5 and 15 minutes.
      type: list
      elements: float
      returned: always
      sample: [0.21, 0.3, 0.28]
    cpus:
      description: Number of processors.
      type: int
      returned: always
      sample: 4
    memory_total_bytes:
      description: Memory.
      type: int
      returned: always
      sample: 8318087168
    memory_available_bytes:
      description: Memory that programs can still get.
      type: int
      returned: always
      sample: 6318087168
    swap_total_bytes:
      description: Swap space.
      type: int
      returned: always
      sample: 0
updates:
  description: Packages that an upgrade of the whole system would upgrade or add.
  type: dict
  returned: when O(sections) has V(updates)
  contains:
    count:
      description: How many; null when unknown.
      type: int
      returned: always
      sample: 3
    security_count:
      description: How many of them for security; null when unknown.
      type: int
      returned: always
      sample: 1
    packages:
      description: The packages.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: Name.
          type: str
          returned: always
          sample: openssl
        installed:
          description: Version that is installed; null when none or unknown.
          type: str
          returned: always
          sample: 3.5.1-1
        candidate:
          description: Version that would be installed.
          type: str
          returned: always
          sample: 3.5.1-1+deb13u1
        security:
          description: Whether it is for security; null when unknown.
          type: bool
          returned: always
          sample: true
    lists_age_seconds:
      description: Age of apt's package lists; null without apt.
      type: int
      returned: always
      sample: 3600
    reboot_required:
      description: Whether a reboot is due.
      type: bool
      returned: always
      sample: true
    reboot_reasons:
      description: Why a reboot is due.
      type: list
      elements: str
      returned: always
      sample: [asked for by libc6]
failed_units:
  description: Names of the units that systemd reports as failed; null when unknown.
  type: list
  elements: str
  returned: when O(sections) has V(failed_units)
  sample: [logrotate.service]
listening_ports:
  description: TCP sockets that listen, and UDP sockets that are bound and not connected.
  type: list
  elements: dict
  returned: when O(sections) has V(listening_ports)
  contains:
    protocol:
      description: V(tcp) or V(udp).
      type: str
      returned: always
      sample: tcp
    address:
      description: Local address.
      type: str
      returned: always
      sample: "::"
    port:
      description: Local port.
      type: int
      returned: always
      sample: 22
    process:
      description: Name of the process; null when unknown.
      type: str
      returned: always
      sample: sshd
    pid:
      description: Number of the process; null when unknown.
      type: int
      returned: always
      sample: 812
unknown:
  description: What could not be seen.
  type: list
  elements: dict
  returned: always
  contains:
    what:
      description: What is not known.
      type: str
      returned: always
      sample: process of 2 listening ports
    reason:
      description: Why not.
      type: str
      returned: always
      sample: needs root
"""

import time
from collections.abc import Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.host_summary import HostSummary

SECTIONS = ["host", "updates", "failed_units", "listening_ports"]


def main() -> None:
    """Read the wanted sections and hand them back."""
    module = AnsibleModule(
        argument_spec={"sections": {"type": "list", "elements": "str", "choices": SECTIONS, "default": SECTIONS}},
        supports_check_mode=True,
    )

    def command(argv: Sequence[str]) -> tuple[int, str, str]:
        rc, out, err = module.run_command(list(argv), environ_update={"LC_ALL": "C.UTF-8"})
        return rc, out, err

    module.exit_json(changed=False, **HostSummary(command, time.time()).collect(module.params["sections"]))


if __name__ == "__main__":
    main()
