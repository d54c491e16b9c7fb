#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vault_agent_program
short_description: Put the program of a Vault agent on a host, and make the user that it runs as
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Copies C(vault) or C(bao) to O(path) - from a file of the controller or from a URL, each the program itself or the
    C(.zip) or C(.tar.gz) in which it is published. What is got is compared with O(sha256) before anything changes.
  - Makes the system user O(user) where the host does not have it.
  - Both are journalled. M(evenkeel.ops.undo) removes the program and the user that the run brought; the program itself,
    which can be got again, is not kept in the journal.
options:
  path:
    description:
      - Absolute path of the program. What is there is taken for the right one, so let the name hold a version.
      - Needed with O(src) and O(url).
      - "Example: V(/usr/local/lib/vault-agent-1.19.0)."
    type: path
  src:
    description:
      - File on the controller. Neither this nor O(url) means that only the user is made.
      - "Example: V(/srv/software/vault_1.19.0_linux_amd64.zip)."
    type: str
  url:
    description:
      - URL with C(https) that the host gets the file from. Proxies of the task's environment are used.
      - "Example: V(https://software.example.net/vault_1.19.0_linux_amd64.zip)."
    type: str
  sha256:
    description:
      - SHA-256 of O(src) or of what O(url) gives, 64 hex digits. Needed with each of them.
    type: str
  user:
    description:
      - User and group to make.
      - "Example: V(vault-agent)."
    type: str
    required: true
  home:
    description: Home directory of a new user. It is not made.
    type: path
    default: /nonexistent
  phase:
    description: Whether to look or to change. Set by the action plugin.
    type: str
    choices: [look, change]
    default: change
  staged:
    description: Where the file lies on the host. Set by the action plugin.
    type: path
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description: Says what would be done; a URL is not asked.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
seealso:
  - module: evenkeel.ops.vault_wrapped_secret_id
"""

EXAMPLES = r"""
- name: Put the program in place
  evenkeel.ops.vault_agent_program:
    src: /srv/software/vault_1.19.0_linux_amd64.zip
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    path: /usr/local/lib/vault-agent-1.19.0
    user: vault-agent
  become: true
"""

RETURN = r"""
missing:
  description: What was not there - C(program), C(user).
  type: list
  elements: str
  returned: success
  sample: [program, user]
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
from ansible.module_utils.urls import fetch_file
from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Change, Step
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import SetState
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.kinds.system_user import USERS, is_listed
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS, problems, transaction
from ansible_collections.evenkeel.ops.plugins.module_utils.transaction import Refused
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_program import PutProgram, is_installed, sha256_of

SPEC: dict[str, dict[str, Any]] = {
    **ENGINE_ARGS,
    "path": {"type": "path"},
    "src": {"type": "str"},
    "url": {"type": "str"},
    "sha256": {"type": "str"},
    "user": {"type": "str", "required": True},
    "home": {"type": "path", "default": "/nonexistent"},
    "phase": {"type": "str", "choices": ["look", "change"], "default": "change"},
    "staged": {"type": "path"},
}
TOGETHER = {
    "mutually_exclusive": [("src", "url")],
    "required_by": {"src": ("path", "sha256"), "url": ("path", "sha256")},
}


def missing(params: dict[str, Any], host: Host) -> list[str]:
    """What has to be done."""
    found = []
    if (params["src"] or params["url"]) and not is_installed(params["path"], host):
        found.append("program")
    if not is_listed(host, USERS, params["user"]):
        found.append("user")
    return found


def fetched(module: AnsibleModule) -> str:
    """The file on this host, compared with its digest."""
    params = module.params
    path = params["staged"] or fetch_file(module, params["url"])
    found = sha256_of(path)
    if found != params["sha256"].lower():
        where = params["src"] or params["url"]
        module.fail_json(msg=f"{where} has SHA-256 {found}; allowed is {params['sha256']}. Nothing was changed.")
    return str(path)


def change(module: AnsibleModule, host: Host, wanted: list[str]) -> dict[str, Any]:
    """Do it, as one journalled transaction."""
    params = module.params
    changes: list[Change] = []
    if "user" in wanted:
        state = {"present": True, "home": params["home"]}
        changes.append(SetState("system_user", params["user"], state))
    if "program" in wanted:
        changes.append(PutProgram(fetched(module), params["path"]))
    outcome = transaction(params, "vault_agent_program", False, host).run(
        [Step("put the Vault agent's program in place", changes)], atomic=True
    )
    if outcome.failed:
        module.fail_json(msg=f"Everything was put back: {outcome.steps[0].error}", run=outcome.run)
    return {"run": outcome.run, "record": outcome.record}


def main() -> None:
    """Look, or change."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True, **TOGETHER)
    found = problems(module.params)
    if module.params["path"] and not module.params["path"].startswith("/"):
        found.append(f"path is {module.params['path']!r}; allowed is an absolute path.")
    if found:
        module.fail_json(msg="\n".join(found))
    host = Host()
    wanted = missing(module.params, host)
    if module.params["phase"] == "look" or module.check_mode or not wanted:
        module.exit_json(changed=bool(wanted), missing=wanted)
    try:
        module.exit_json(changed=True, missing=wanted, **change(module, host, wanted))
    except Refused as refusal:
        module.fail_json(msg=str(refusal))


if __name__ == "__main__":
    main()
