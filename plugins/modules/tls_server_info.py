#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: say which version of a server is installed, and on which TLS library it runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tls_server_info
short_description: Say which HAProxy or NGINX is installed, and what TLS it can speak
version_added: 0.1.0
description:
  - Asks C(haproxy -vv) or C(nginx -V).
  - Tells the library that the program runs on, which may be newer than the one that it was built with.
  - Changes nothing and needs no root.
options:
  program:
    description: The program to ask.
    type: str
    choices: [haproxy, nginx]
    required: true
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
  - plugin: evenkeel.ops.tls_profile
    plugin_type: filter
author: [The evenkeel.ops maintainers (@evenkeel)]
"""

EXAMPLES = r"""
- name: Ask which HAProxy is installed
  evenkeel.ops.tls_server_info:
    program: haproxy
  register: balancer

- name: Show the ciphers for it
  ansible.builtin.debug:
    msg: "{{ 'modern' | evenkeel.ops.tls_profile('haproxy', balancer.version, balancer.openssl) }}"
"""

RETURN = r"""
installed:
  description: Whether the program is installed. Without it the versions are empty.
  type: bool
  returned: always
  sample: true
version:
  description: Its version, without what a distribution adds.
  type: str
  returned: always
  sample: 3.0.11
library:
  description: The TLS library that it runs on, in its own words; empty where it was built without.
  type: str
  returned: always
  sample: OpenSSL 3.5.9 29 Sep 2026
openssl:
  description: The version of that library where it is OpenSSL; else empty.
  type: str
  returned: always
  sample: 3.5.9
features:
  description:
    - What it was built to speak, of V(tls), V(http2), V(http3), V(quic) and V(quic_limited).
    - V(quic_limited) is HAProxy on an OpenSSL without functions for QUIC, which serves it only with the keyword
      C(limited-quic).
  type: list
  elements: str
  returned: always
  sample: [tls, http2, http3, quic]
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.host import CommandFailed, Host
from ansible_collections.evenkeel.ops.plugins.module_utils.tls_server import ASK, UnreadableServer, look


def main() -> None:
    """Ask, and hand the answer back."""
    module = AnsibleModule(
        argument_spec={"program": {"type": "str", "choices": sorted(ASK), "required": True}},
        supports_check_mode=True,
    )
    try:
        server = look(Host(), module.params["program"])
    except (CommandFailed, UnreadableServer) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **asdict(server))


if __name__ == "__main__":
    main()
