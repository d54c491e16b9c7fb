#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vault_agent_info
short_description: Say whether a Vault server and a host are ready for an agent
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Asks the server from the controller and from the host - is the certificate signed by the given authority, is it
    initialised and unsealed. Fails with the reason where it is not.
  - Looks whether every delivery has a directory, an owner and a group to go to, and a unit to tell. Fails where one has
    not.
  - Where the agent holds no valid token, asks the server whether the AppRole is there and whether the operator may ask
    for wrapped secret-ids of it. Fails where not.
  - Changes nothing. The operator's token is read on the controller and never sent to the host.
options:
  deliveries:
    description:
      - What shall be delivered, as the filter P(evenkeel.ops.vault_agent_plan#filter) gives it.
    type: list
    elements: dict
    default: []
extends_documentation_fragment: [evenkeel.ops.vault_server, evenkeel.ops.vault_approle]
attributes:
  check_mode:
    description:
      - Does the same, but a directory, owner or unit that is missing is only listed in RV(assumed), because a package
        that is planned may bring it.
    support: full
  diff_mode:
    description: There is no difference to show, as nothing changes.
    support: none
seealso:
  - module: evenkeel.ops.vault_wrapped_secret_id
"""

EXAMPLES = r"""
- name: Ask whether the server can be used from this host
  evenkeel.ops.vault_agent_info:
    address: https://vault.example.net:8200
    ca_file: files/vault-ca.pem
    role: shop
  become: true
  register: vault

- name: Show the version
  ansible.builtin.debug:
    msg: "{{ vault.version }}"
"""

RETURN = r"""
version:
  description: Version of the server.
  type: str
  returned: success
  sample: 1.19.0
logged_in:
  description: Whether the host's agent holds a token of the AppRole that the server accepts.
  type: bool
  returned: success
running:
  description: Whether the agent's unit runs and is enabled.
  type: bool
  returned: success
assumed:
  description: What is missing on the host, and may be brought by a package that is only planned.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils import vault_login
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import APPROLE_ARGS, VAULT_ARGS
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import Vault, VaultError


def main() -> None:
    """Look, and answer."""
    spec = {**VAULT_ARGS, **APPROLE_ARGS, "deliveries": {"type": "list", "elements": "dict", "default": []}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    host = Host()
    try:
        vault = Vault(module.params["address"], module.params["ca"], namespace=module.params["namespace"])
        version = vault.health()["version"]
        logged_in = vault_login.is_logged_in(vault, module.params["mount"], module.params["role"], host)
    except VaultError as error:
        module.fail_json(msg=f"From this host, {error}.")
    wrong, missing = vault_login.obstacles(module.params["deliveries"], host)
    if not module.check_mode:
        wrong += missing
    if wrong:
        module.fail_json(msg="\n".join(wrong))
    module.exit_json(
        changed=False,
        version=version,
        logged_in=logged_in,
        running=host.has_systemd and vault_login.is_running(host),
        assumed=missing,
    )


if __name__ == "__main__":
    main()
