#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: awx_objects
short_description: Load job templates, workflows and schedules into AWX
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Brings AWX to what the data says, over its REST API, version 2. Objects are known by their names; what the data does
    not name is not touched, and nothing is removed but a link between two nodes that the data no longer has.
  - The organization, project, inventory, execution environment and credentials have to be there.
  - Meant for C(localhost). Needs no collection of AWX and no library beside Python's own.
options:
  url:
    description: Address of AWX, with https. Its certificate is verified, and no redirect is followed.
    type: str
    required: true
  token:
    description: OAuth 2 token. The environment variable E(CONTROLLER_OAUTH_TOKEN) is used when not given.
    type: str
    required: true
  ca_path:
    description: File of the certificate authority, in PEM form, where the system's own do not vouch for AWX.
    type: path
  organization:
    description: Name of the organization.
    type: str
    required: true
  project:
    description: Name of the project that has the playbooks.
    type: str
    required: true
  inventory:
    description: Name of the inventory.
    type: str
    required: true
  execution_environment:
    description: Name of the execution environment; the organization's own when not given.
    type: str
  credentials:
    description: Names of the credentials that each job template gets.
    type: list
    elements: str
    default: []
  job_templates:
    description:
      - Job templates, with C(name), C(playbook), C(extra_vars), C(survey) and AWX's own names for the rest, such as
        C(ask_limit_on_launch). Their form is told by C(awx/schema.json) of this collection.
    type: list
    elements: dict
    default: []
  workflows:
    description:
      - Workflows, with C(name) and C(nodes). A node has a C(name), either C(job_template) or C(approval), and the names
        of the nodes that follow in C(success), C(failure) and C(always).
    type: list
    elements: dict
    default: []
  schedules:
    description: Schedules, with C(name), C(rrule) and either C(workflow) or C(job_template).
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    description: Asks AWX, and names what would be changed.
    support: full
  diff_mode:
    description: The list of changes says which properties differ.
    support: none
seealso:
  - plugin: evenkeel.ops.window_awx_schedule
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Load one job template
  evenkeel.ops.awx_objects:
    url: https://awx.example.net
    organization: Operations
    project: fleet
    inventory: prod
    job_templates:
      - name: audit
        playbook: audit.yml
"""

RETURN = r"""
changes:
  description: What was changed, or would be, in check mode.
  type: list
  elements: str
  returned: always
  sample: ["new: job_templates audit"]
"""

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible_collections.evenkeel.ops.plugins.module_utils.awx_client import AwxClient, AwxError
from ansible_collections.evenkeel.ops.plugins.module_utils.awx_objects import Loader

PLACES = ("organization", "project", "inventory", "execution_environment", "credentials")
DATA = ("job_templates", "workflows", "schedules")


def main() -> None:
    """Load, and say what was changed."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "token": {
                "type": "str",
                "required": True,
                "no_log": True,
                "fallback": (env_fallback, ["CONTROLLER_OAUTH_TOKEN"]),
            },
            "ca_path": {"type": "path"},
            "organization": {"type": "str", "required": True},
            "project": {"type": "str", "required": True},
            "inventory": {"type": "str", "required": True},
            "execution_environment": {"type": "str"},
            "credentials": {"type": "list", "elements": "str", "default": []},
            **{name: {"type": "list", "elements": "dict", "default": []} for name in DATA},
        },
        supports_check_mode=True,
    )
    params = module.params
    changes: list[str] = []
    try:
        client = AwxClient(params["url"], params["token"], params["ca_path"] or "")
        loader = Loader(client, {name: params[name] for name in PLACES}, module.check_mode, changes)
        loader.load(*(params[name] for name in DATA))
    except AwxError as error:
        module.fail_json(msg=str(error), changed=bool(changes) and not module.check_mode, changes=changes)
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
