# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options by which a Vault server is reached."""

from __future__ import annotations


class ModuleDocFragment:
    """`evenkeel.ops.vault_server`."""

    DOCUMENTATION = r"""
options:
  address:
    description:
      - Address of the server, as the controller and the host reach it. Proxies of the environment are not used.
      - "Example: V(https://vault.example.net:8200)."
    type: str
    required: true
  ca_file:
    description:
      - File on the controller with the certificates (PEM) of the authorities that the server's certificate may be
        signed by. Empty means those of the system.
      - "Example: V(/etc/ssl/company-ca.pem)."
    type: str
    default: ""
  namespace:
    description:
      - Namespace of the server. Empty means the root namespace.
      - "Example: V(shops/north)."
    type: str
    default: ""
  ca:
    description: The contents of O(ca_file). Set by the action plugin.
    type: str
    default: ""
"""
