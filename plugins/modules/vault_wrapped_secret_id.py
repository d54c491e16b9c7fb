#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vault_wrapped_secret_id
short_description: Log a host's Vault agent in with a wrapped secret-id that serves once
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Where the agent of the role P(evenkeel.ops.vault_agent#role) holds no token that the server accepts, the controller
    asks Vault for a secret-id of the host's AppRole. Vault answers with a wrapping token only, which can be used once
    and for O(wrap_ttl) seconds. The controller never sees the secret-id.
  - The wrapping token is looked up before it is handed over. One that was made for another path, or was used already,
    is refused, because somebody may have read it.
  - The host keeps the wrapping token in memory (C(/run)), where only the agent can read it. The agent unwraps it, logs
    in and forgets both.
  - Waits until the agent is logged in and every file is at its destination. Otherwise the unit is put back as it was,
    and the message tells the agent's last words.
  - The operator's token is read on the controller and never sent to the host.
options:
  wrap_ttl:
    description: Seconds in which the agent has to use the wrapped secret-id, from 10 to 3600.
    type: int
    default: 120
  wait:
    description: Seconds in which the agent has to be logged in and every file delivered, from 5 to 120.
    type: int
    default: 60
  wrapping_token:
    description:
      - A wrapped secret-id that somebody else asked for, in place of one that the controller asks for. Nothing is asked
        of Vault with the operator's token then but the role-id.
    type: str
  phase:
    description: Whether to look or to log in. Set by the action plugin.
    type: str
    choices: [look, log_in]
    default: log_in
  role_id:
    description: Set by the action plugin.
    type: str
extends_documentation_fragment: [evenkeel.ops.engine, evenkeel.ops.vault_server, evenkeel.ops.vault_approle]
attributes:
  check_mode:
    description: Says whether a secret-id would be asked for, and asks for none.
    support: full
  diff_mode:
    description: There is no difference that may be shown.
    support: none
notes:
  - The module's arguments travel to the host inside the connection and lie, until the module ends, in a file of
    Ansible's temporary directory that only the login user can read; with pipelining in no file at all.
seealso:
  - module: evenkeel.ops.vault_agent_info
"""

EXAMPLES = r"""
- name: Log the agent in
  evenkeel.ops.vault_wrapped_secret_id:
    address: https://vault.example.net:8200
    ca_file: files/vault-ca.pem
    role: shop
    wrap_ttl: 60
  become: true
"""

RETURN = r"""
issued:
  description: Whether a secret-id was asked for (would be, in check mode).
  type: bool
  returned: success
why:
  description: Why the agent had to be logged in or started; empty where nothing was done.
  type: str
  returned: success
run:
  description: The run that M(evenkeel.ops.undo) can take back.
  type: str
  returned: changed
record:
  description: The record in the journal.
  type: str
  returned: changed
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Step
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import (
    APPROLE_ARGS,
    ENGINE_ARGS,
    VAULT_ARGS,
    problems,
    transaction,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Refused
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import Vault, VaultError
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_login import LogIn, is_logged_in, is_running

SPEC: dict[str, dict[str, Any]] = {
    **ENGINE_ARGS,
    **VAULT_ARGS,
    **APPROLE_ARGS,
    "wrap_ttl": {"type": "int", "default": 120},
    "wait": {"type": "int", "default": 60},
    "wrapping_token": {"type": "str", "no_log": True},
    "phase": {"type": "str", "choices": ["look", "log_in"], "default": "log_in"},
    "role_id": {"type": "str", "no_log": True},
}


def look(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """What has to be done."""
    params = module.params
    vault = Vault(params["address"], params["ca"], namespace=params["namespace"])
    logged_in = is_logged_in(vault, params["mount"], params["role"], host)
    return {"logged_in": logged_in, "running": is_running(host)}


def log_in(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Do it, as a journalled transaction."""
    params = module.params
    change = LogIn(params["role_id"] or "", params["wrapping_token"] or "", params["wait"])
    step = Step("log the Vault agent in", [change], secret=True)
    outcome = transaction(params, "vault_wrapped_secret_id", False, host).run([step], atomic=True)
    if outcome.failed:
        module.fail_json(msg=f"Everything was put back: {outcome.steps[0].error}", run=outcome.run)
    return {"run": outcome.run, "record": outcome.record}


def main() -> None:
    """Look, or log in."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    if found := problems(module.params):
        module.fail_json(msg="\n".join(found))
    host = Host()
    try:
        if module.params["phase"] == "look" or module.check_mode:
            module.exit_json(changed=False, **look(module, host))
        module.exit_json(changed=True, **log_in(module, host))
    except VaultError as error:
        module.fail_json(msg=f"From this host, {error}.")
    except Refused as refusal:
        module.fail_json(msg=str(refusal))


if __name__ == "__main__":
    main()
