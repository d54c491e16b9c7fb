# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: tls_profile
short_description: Tell what a server has to be told about TLS, by a named profile
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Turns the name of a profile into versions, ciphers, groups, sessions and the age of HSTS, for the server and the
    OpenSSL that are installed, as M(evenkeel.ops.tls_server_info) tells them.
  - The numbers are those of Mozilla's Server Side TLS guideline 6.0,
    U(https://ssl-config.mozilla.org/guidelines/6.0.json). TLS before 1.2 is in none of its profiles.
  - Sessions and tickets follow what Mozilla's generator of that guideline writes. HAProxy gets no tickets, as it keeps
    one key for its lifetime; NGINX gets them from 1.23.2 on, which changes the key by itself.
  - OpenSSL before 3.5 has no X25519MLKEM768, so it is left out there.
positional: server, version, openssl
options:
  _input:
    description:
      - V(modern) is TLS 1.3 alone; V(intermediate) is TLS 1.2 and 1.3.
    type: str
    choices: [modern, intermediate]
    required: true
  server:
    description: The program that serves.
    type: str
    choices: [haproxy, nginx]
    required: true
  version:
    description:
      - Its version; HAProxy from 2.6 on, NGINX from 1.22 on.
      - Empty, as on a host where it is not installed yet, gives what each of these takes.
    type: str
    default: ""
  openssl:
    description:
      - The version of the OpenSSL library that it runs on, from 3.0 on.
      - Empty gives what each of these takes.
    type: str
    default: ""
seealso:
  - module: evenkeel.ops.tls_server_info
"""

EXAMPLES = r"""
- name: Ask what is installed
  evenkeel.ops.tls_server_info:
    program: haproxy
  register: balancer

- name: Show the groups that it may offer
  ansible.builtin.debug:
    msg: "{{ ('intermediate' | evenkeel.ops.tls_profile('haproxy', balancer.version, balancer.openssl)).groups }}"
"""

RETURN = r"""
_value:
  description: The settings. What is null or empty is left to the program's default.
  type: dict
  contains:
    min_version:
      description: The oldest version of the protocol.
      type: str
      sample: TLSv1.2
    max_version:
      description: The newest one; null, the newest that is known.
      type: str
      sample: null
    ciphers:
      description: Ciphers of TLS 1.2, by OpenSSL's names; empty where TLS 1.2 is not spoken.
      type: str
      sample: ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256
    ciphersuites:
      description: Ciphers of TLS 1.3.
      type: str
      sample: TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384
    groups:
      description: Groups for the exchange of keys, also called curves.
      type: str
      sample: X25519MLKEM768:X25519:prime256v1:secp384r1
    server_preference:
      description: Whether the server's order of ciphers counts and not the client's.
      type: bool
      sample: false
    session_tickets:
      description: Whether the server hands out tickets.
      type: bool
      sample: false
    session_timeout:
      description: How long a session can be taken up again; empty where nothing is asked.
      type: str
      sample: 1d
    hsts_seconds:
      description: The max-age of Strict-Transport-Security.
      type: int
      sample: 63072000
    certificate_types:
      description: Kinds of keys that a certificate may have.
      type: list
      elements: str
      sample: [ecdsa, rsa]
    certificate_days:
      description: The longest time that a certificate may be valid.
      type: int
      sample: 366
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils import tls_profiles


def tls_profile(profile: str, server: str, version: str = "", openssl: str = "") -> dict[str, Any]:
    """Return the profile's settings."""
    try:
        return tls_profiles.settings(profile, server, version, openssl)
    except tls_profiles.UnknownProfile as error:
        raise AnsibleFilterError(f"tls_profile: {error}") from error


class FilterModule:
    """Offers tls_profile to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"tls_profile": tls_profile}
