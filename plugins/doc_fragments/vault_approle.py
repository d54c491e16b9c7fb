# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that name an AppRole and who may ask for its secret-ids."""

from __future__ import annotations


class ModuleDocFragment:
    """`evenkeel.ops.vault_approle`."""

    DOCUMENTATION = r"""
options:
  mount:
    description:
      - Path at which the AppRole authentication is mounted, without C(auth/).
      - "Example: V(approle-servers)."
    type: str
    default: approle
  role:
    description:
      - Name of the AppRole.
      - "Example: V(shop)."
    type: str
    required: true
  token_file:
    description:
      - File on the controller with the operator's token. Empty means the environment's E(VAULT_TOKEN), else
        C(~/.vault-token).
      - "Example: V(/run/user/1000/vault-token)."
    type: str
    default: ""
"""
