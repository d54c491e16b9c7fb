#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: controls
short_description: Apply or audit a catalogue of typed settings in one call
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Brings a host to a list of controls, or says in check mode what would change. A control is one statement about the
    host, such as a kernel parameter, a key of a configuration file, a mode or a service, with an id.
  - All controls are one module call and one journalled transaction. A control that fails is put back by itself and
    does not keep the others from being applied.
  - The kinds of controls and their options are described in the collection's C(docs/controls.md), and for editors by
    the JSON Schema C(docs/controls.schema.json).
  - A control that is taken out of its catalogue lets go of its line or key. What was there before comes back, unless
    somebody else has changed it since.
options:
  controls:
    description:
      - The controls themselves, each with C(id), one state key such as C(sysctl) or C(setting), and perhaps C(title),
        C(why), C(refs), C(profiles), C(risk), C(needs), C(one_way), C(secret) and C(aliases).
      - Lists in variables are templated for every host. For more than a few controls use O(catalogue).
    type: list
    elements: dict
  catalogue:
    description:
      - Files with lists of controls, or directories of such files, on the controller; relative to the role's C(files)
        or to the playbook. The name of a file without C(.yml) is the area of its controls. They are not templated.
    type: list
    elements: path
  profile:
    description:
      - Take only controls of this profile, and those that name no profile. Without it all are taken.
    type: str
  areas:
    description:
      - Take only controls of these areas. What controls of other areas have set stays as it is.
    type: list
    elements: str
  overrides:
    description:
      - Other values by control id, for example C(sshd-max-auth-tries), as a mapping of options of its state key, or as
        the plain value where the kind has an option C(value).
    type: dict
    default: {}
  disabled:
    description:
      - Ids of controls that are left out as if they were not in the catalogue.
    type: list
    elements: str
    default: []
  waivers:
    description:
      - Controls that are knowingly not met. They are reported as V(waived) and do not count in the score.
      - A waiver that has expired fails the task before anything is changed.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Id of the control.
        type: str
        required: true
      reason:
        description: Why it is not met.
        type: str
        required: true
      owner:
        description: Who answers for it.
        type: str
        required: true
      expires:
        description: Last day of the waiver, as C(YYYY-MM-DD), in UTC.
        type: str
        required: true
  aliases:
    description:
      - Present ids of controls, by former id, for O(overrides), O(disabled) and O(waivers) that still use the former
        ones. Catalogues have aliases of their own.
    type: dict
    default: {}
  describe:
    description:
      - Statuses whose results get C(title), C(why), C(refs), C(area), C(profiles), C(risk) and
        C(remedy) from the catalogue.
    type: list
    elements: str
    choices: [compliant, changed, would_change, waived, not_applicable, unknown, failed]
    default: [failed, unknown, changed, would_change]
  on_failed:
    description:
      - V(fail) fails the task when a control failed; the others are applied and reported all the same. V(report) only
        reports.
    type: str
    choices: [fail, report]
    default: fail
  impact:
    description:
      - Put to each result that would change what it touches of what runs on the host at this moment, such as sessions,
        listeners, connections, users and processes. In check mode only.
    type: bool
    default: false
  keep:
    description: Ids of controls that are not part of this call and keep what they have set. Set by the action plugin.
    type: list
    elements: str
    default: []
  waived:
    description: Reasons by id of waived controls. Set by the action plugin.
    type: dict
    default: {}
  secrets:
    description: Values of secret controls, as JSON. Set by the action plugin.
    type: str
extends_documentation_fragment: [evenkeel.ops.engine, evenkeel.ops.engine.confirm]
attributes:
  check_mode:
    description:
      - Predicts the real run exactly. What rests on a package or kernel module that is only planned says C(assumed),
        and then predicts a change rather than none.
    support: full
  diff_mode:
    description: One difference per file or value; those of secret controls are shown as digests.
    support: full
notes:
  - Where O(confirm) is not given, controls with C(risk) V(access) are under the dead man's switch all the same wherever
    the host has systemd and the task runs as root; elsewhere the module warns.
  - Works on any path and without root where the paths allow it, so that a catalogue can be tried on a copy of C(/etc)
    with a O(state_dir) of your own.
  - A probe with C(command) runs its command in check mode, too; it is the catalogue's part that it only reads.
seealso:
  - module: evenkeel.ops.undo
  - module: evenkeel.ops.config_tree
"""

EXAMPLES = r"""
- name: Apply the baseline
  evenkeel.ops.controls:
    catalogue: [catalogue]
    profile: baseline
    overrides:
      sshd-max-auth-tries: 4
    waivers:
      - id: kernel-no-ip-forward
        reason: The host routes for its containers.
        owner: platform team
        expires: "2027-03-31"

- name: Set two things without a catalogue
  evenkeel.ops.controls:
    controls:
      - id: kernel-no-source-route
        sysctl: {key: net.ipv4.conf.all.accept_source_route, value: 0}
      - id: shadow-mode
        file: {path: /etc/shadow, owner: root, group: shadow, mode_max: "0640"}

- name: Audit the ssh area only
  evenkeel.ops.controls:
    catalogue: [catalogue]
    areas: [ssh]
    on_failed: report
  check_mode: true
  register: audit

- name: Try a setting on a copy of /etc, without root
  evenkeel.ops.controls:
    state_dir: "{{ ansible_user_dir }}/evenkeel-trial"
    controls:
      - id: trial-umask
        setting: {file: /home/me/etc/login.defs, format: login_defs, key: UMASK, value: "027"}
"""

RETURN = r"""
results:
  description: One entry per control, in the catalogue's order; waived ones come last.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: The control's id.
      type: str
    status:
      description: One of compliant, changed, would_change, waived, not_applicable, unknown and failed.
      type: str
    before:
      description: What was found; a digest where the control is secret.
      type: raw
    after:
      description: What is there now, or would be in check mode; a digest where the control is secret.
      type: raw
    reason:
      description: Why the status is what it is, where that needs saying.
      type: str
    assumed:
      description: The prediction rests on a package or kernel module that is only planned.
      type: bool
    touches:
      description:
        - With O(impact), what the control would touch. Each has C(what) it is (listener, connection, session, user,
          process, unit, module, mount or interface), its C(name), and the C(effect) on it.
      type: list
    remedy:
      description: What brings the control about, in a sentence; of the statuses in O(describe).
      type: str
  sample:
    - {id: sshd-no-root-login, status: changed, before: "yes", after: "no", reason: "", assumed: false}
unseen:
  description: What O(impact) could not see, each with C(what) and C(reason).
  type: list
  elements: dict
  returned: when O(impact) is true
profile:
  description: The profile that was taken.
  type: str
  returned: when O(profile) is given
  sample: baseline
summary:
  description: Number of controls by status.
  type: dict
  returned: always
  sample: {compliant: 41, changed: 2, would_change: 0, waived: 1, not_applicable: 3, unknown: 0, failed: 0}
score:
  description: Share of compliant controls among all but the waived and not applicable ones; null where none counts.
  type: float
  returned: always
  sample: 0.9535
released:
  description: Settings whose control has been taken out, and what became of them (removed, restored or left).
  type: list
  elements: dict
  returned: always
reloaded:
  description: Reloads that were done.
  type: list
  elements: str
  returned: always
reboot_required:
  description: Why a reboot is needed, a reason per entry; empty where none is.
  type: list
  elements: str
  returned: always
recovered:
  description: Records of killed calls that were put back first.
  type: list
  elements: str
  returned: always
run:
  description: Id of the run, for M(evenkeel.ops.undo).
  type: str
  returned: always
records:
  description: Journal records that this call wrote.
  type: list
  elements: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.controls_call import serve
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import CONFIRM_ARGS, ENGINE_ARGS

STATUSES = ["compliant", "changed", "would_change", "waived", "not_applicable", "unknown", "failed"]
# Served by the action plugin; here they say that it was passed by.
CONTROLLER_ONLY = ("catalogue", "profile", "areas", "overrides", "disabled", "waivers", "aliases")


def argument_spec() -> dict[str, Any]:
    """The options, with the engine's common ones."""
    waiver = {name: {"type": "str", "required": True} for name in ("id", "reason", "owner", "expires")}
    return {
        **ENGINE_ARGS,
        **CONFIRM_ARGS,
        "controls": {"type": "list", "elements": "dict"},
        "catalogue": {"type": "list", "elements": "path"},
        "profile": {"type": "str"},
        "areas": {"type": "list", "elements": "str"},
        "overrides": {"type": "dict", "default": {}},
        "disabled": {"type": "list", "elements": "str", "default": []},
        "waivers": {"type": "list", "elements": "dict", "default": [], "options": waiver},
        "aliases": {"type": "dict", "default": {}},
        "describe": {
            "type": "list",
            "elements": "str",
            "choices": STATUSES,
            "default": ["failed", "unknown", "changed", "would_change"],
        },
        "on_failed": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
        "impact": {"type": "bool", "default": False},
        "keep": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "waived": {"type": "dict", "default": {}},
        "secrets": {"type": "str", "no_log": True},
    }


def main() -> None:
    """Read the options, serve them, answer."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    passed = [name for name in CONTROLLER_ONLY if module.params[name]]
    if passed:
        module.fail_json(msg=f"{passed[0]} is served by the action plugin evenkeel.ops.controls: call it by that name.")
    answer = serve(module.params, module.check_mode)
    for warning in answer.warnings:
        module.warn(warning)
    if module._diff:
        answer.values["diff"] = answer.diff
    if answer.error:
        module.fail_json(msg=answer.error, changed=answer.changed, **answer.values)
    module.exit_json(changed=answer.changed, **answer.values)


if __name__ == "__main__":
    main()
