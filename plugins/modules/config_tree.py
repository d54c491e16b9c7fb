#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: config_tree
short_description: Deploy a set of files as one transaction, or leave everything as it was
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Renders all files on the controller and sends them as one archive. On the host they are journalled, validated in
    place (in a private mount namespace, before anybody else sees them), put in force, reloaded, proven and probed.
  - When any of these fails, everything is put back, programs are told, and the message holds the validator's or the
    log's own words. A call that was killed is put back by the next call, or at boot.
  - Remembers which files it put there, by O(roots) and O(scope), so that O(prune) can remove those that are no longer
    wanted. Files that it did not put there stay.
  - Every run can be taken back with M(evenkeel.ops.undo).
options:
  roots:
    description:
      - Absolute directories below which all files lie. Missing ones are made. Symbolic links, and anything outside of
        them, are refused.
    type: list
    elements: str
    required: true
  files:
    description:
      - The files that shall be there. Missing directories are made.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path on the host, below one of O(roots).
        type: str
        required: true
      src:
        description:
          - Template on the controller, looked up like that of M(ansible.builtin.template), in the role's C(templates/).
          - Exactly one of O(files[].src) and O(files[].content) is given.
        type: str
      content:
        description: The content itself.
        type: str
      raw:
        description: Take O(files[].src) as it is, from C(files/), instead of rendering it.
        type: bool
        default: false
      mode:
        description:
          - Octal mode, like V("0644").
          - Without it an existing file keeps its mode; a new one gets V("0644"), or V("0600") where it is secret.
        type: raw
      owner:
        description: User, by name or number. Without it an existing file keeps its owner; a new one is the caller's.
        type: str
      group:
        description: Group, by name or number. Without it an existing file keeps its group; a new one is the caller's.
        type: str
      secret:
        description: Show digests in place of this file's content in diffs, and hide its words in messages.
        type: bool
        default: false
      once:
        description: Leave a file that is there as it is. For files that others change, like the state of a program.
        type: bool
        default: false
      secret_words:
        description:
          - What alone is hidden in messages, where O(files[].secret) is set and not every word of the file is a secret.
          - A validator's message stays readable that way. An empty list hides every word of the file.
        type: list
        elements: str
        default: []
  absent:
    description: Files or symbolic links below O(roots) that shall not be there, like a distribution's default site.
    type: list
    elements: str
    default: []
  directory_mode:
    description: Octal mode of directories that have to be made.
    type: raw
    default: "0755"
  prune:
    description:
      - Remove files that earlier calls with the same O(roots) and O(scope) put there and that O(files) no longer has.
    type: bool
    default: false
  trim_blocks:
    description: Remove the first newline after a block in templates.
    type: bool
    default: true
  lstrip_blocks:
    description: Remove blanks before a block in templates.
    type: bool
    default: false
  validate:
    description:
      - Argument vectors of programs that have to return 0 before the files are in force. They see the new files at
        their final paths, so absolute includes work. No shell is involved.
    type: list
    elements: raw
    default: []
  reload:
    description: What is done, in order, when any file changed.
    type: list
    elements: dict
    default: []
    suboptions:
      argv:
        description: Argument vector of a program. Exactly one of O(reload[].argv) and O(reload[].unit) is given.
        type: list
        elements: str
      unit:
        description: systemd unit with suffix; left alone where it is not active.
        type: str
      action:
        description: What to do with O(reload[].unit).
        type: str
        choices: [reload, restart, reload-or-restart, try-restart]
        default: reload
  proof:
    description:
      - Programs of which a new generation has to be seen after the reload; a reload that returns 0 proves nothing.
      - Where a program did not run before and does not run afterwards, there is nothing to prove.
    type: list
    elements: dict
    default: []
    suboptions:
      haproxy_master:
        description: A new worker stands under HAProxy's master.
        type: dict
        suboptions:
          socket:
            description: Path of the master's socket (C(haproxy -W -S)).
            type: path
            default: /run/haproxy-master.sock
          configuration:
            description:
              - The file whose C(bind) lines are looked at before the reload. A port that another process has is refused
                then, because HAProxy would stop answering for seconds while it tries to get it.
            type: path
            default: /etc/haproxy/haproxy.cfg
          unit:
            description: The unit whose log is quoted.
            type: str
            default: haproxy.service
      nginx:
        description: New NGINX workers serve under the same master, and nothing new is logged at level emerg.
        type: dict
        suboptions:
          pid_file:
            description: The file with the master's pid.
            type: path
            default: /run/nginx.pid
          error_log:
            description: NGINX's main error log.
            type: path
            default: /var/log/nginx/error.log
          unit:
            description: The unit whose log is quoted.
            type: str
            default: nginx.service
      reloaded:
        description: Prometheus or Alertmanager tells in its own metrics that it took its configuration over.
        type: dict
        suboptions:
          url:
            description: Where its metrics are, with C(http://) or C(https://).
            type: str
            required: true
          metrics:
            description: What the names of these metrics begin with, C(prometheus_config) or C(alertmanager_config).
            type: str
            required: true
          configuration:
            description: The file whose hash has to be the one that the program tells, where it tells one.
            type: path
          unit:
            description: The unit whose log is quoted.
            type: str
            required: true
      restarted:
        description: A systemd unit of which a new invocation is active.
        type: str
      within:
        description: Seconds to wait for the new generation, from 1 to 120.
        type: int
        default: 10
  probe:
    description: Questions that have to be answered well after the reload. They only read.
    type: list
    elements: dict
    default: []
    suboptions:
      http:
        description: A GET request from the host itself, without proxies; redirects are answers.
        type: dict
        suboptions:
          url:
            description: What to get, with C(http://) or C(https://).
            type: str
            required: true
          status:
            description: Status codes that are right.
            type: list
            elements: int
            default: [200]
          contains:
            description: Text that the body has to contain.
            type: str
          headers:
            description: Request headers, for example C(Host).
            type: dict
            default: {}
          verify:
            description: Whether the certificate has to be valid for the name.
            type: bool
            default: true
      tcp:
        description: Whether a port takes connections.
        type: dict
        suboptions:
          host:
            description: Address to connect to.
            type: str
            default: 127.0.0.1
          port:
            description: Port, from 1 to 65535.
            type: int
            required: true
      unit:
        description: A systemd unit that has to be active.
        type: str
      command:
        description: Argument vector of a program that has to return 0.
        type: list
        elements: str
      within:
        description: Seconds until the answer has to be right, from 1 to 120.
        type: int
        default: 5
  archive:
    description: The contents of O(files). Set by the action plugin.
    type: str
extends_documentation_fragment: [evenkeel.ops.engine, evenkeel.ops.engine.confirm]
attributes:
  check_mode:
    description:
      - Predicts the real run, and validates the new files in place without putting them in force.
      - What rests on a package that is not installed yet is listed in RV(assumed).
    support: full
  diff_mode:
    description: One difference per file; secret contents are shown as digests.
    support: full
seealso:
  - module: evenkeel.ops.undo
  - module: ansible.builtin.template
"""

EXAMPLES = r"""
- name: Put HAProxy's configuration in force
  evenkeel.ops.config_tree:
    roots: [/etc/haproxy, /etc/systemd/system/haproxy.service.d]
    files:
      - {path: /etc/haproxy/haproxy.cfg, src: haproxy.cfg.j2, mode: "0640", group: haproxy}
      - {path: /etc/haproxy/certs/site.pem, content: "{{ site_pem }}", mode: "0600", secret: true}
      - {path: /etc/systemd/system/haproxy.service.d/10-evenkeel.conf, src: limits.conf.j2}
    prune: true
    validate:
      - [haproxy, -c, -f, /etc/haproxy/haproxy.cfg]
    reload:
      - argv: [systemctl, daemon-reload]
      - unit: haproxy.service
    proof:
      - haproxy_master: {socket: /run/haproxy-master.sock}
    probe:
      - http: {url: "http://127.0.0.1/", status: [200, 302]}

- name: Try a tree without root on a copy
  evenkeel.ops.config_tree:
    roots: ["{{ lookup('env', 'HOME') }}/copy/etc"]
    files:
      - {path: "{{ lookup('env', 'HOME') }}/copy/etc/motd", content: "Welcome\n"}
    state_dir: "{{ lookup('env', 'HOME') }}/copy/state"
"""

RETURN = r"""
changed_files:
  description: Files that were written, or would be; empty where everything was put back.
  type: list
  elements: str
  returned: always
removed:
  description: What O(absent) removed.
  type: list
  elements: str
  returned: always
pruned:
  description: Files that O(prune) removed.
  type: list
  elements: str
  returned: always
adopted:
  description: Files that were there already as wanted and are owned by this tree from now on.
  type: list
  elements: str
  returned: always
run:
  description: The run that M(evenkeel.ops.undo) can take back.
  type: str
  returned: always
  sample: 20261124T020154Z-cli-1a2b3c4d
record:
  description: The record in the journal, where something changed.
  type: str
  returned: changed
reloaded:
  description: Commands that were run to reload.
  type: list
  elements: str
  returned: always
recovered:
  description: Records of killed calls that were put back first.
  type: list
  elements: str
  returned: always
assumed:
  description: What a prediction takes for granted, because a planned package will bring it.
  type: list
  elements: str
  returned: always
confirmed:
  description: Whether a fresh login confirmed the change.
  type: bool
  returned: O(confirm) is given and something changed
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.config_tree import ACTIONS, ConfigTree
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import CONFIRM_ARGS, ENGINE_ARGS
from ansible_collections.evenkeel.ops.plugins.module_utils.probes import PROBE_ARGS

FILES = {
    "path": {"type": "str", "required": True},
    "src": {"type": "str"},
    "content": {"type": "str", "no_log": True},
    "raw": {"type": "bool", "default": False},
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "secret": {"type": "bool", "default": False},
    "once": {"type": "bool", "default": False},
    "secret_words": {"type": "list", "elements": "str", "default": [], "no_log": True},
}
RELOAD = {
    "argv": {"type": "list", "elements": "str"},
    "unit": {"type": "str"},
    "action": {"type": "str", "choices": list(ACTIONS), "default": "reload"},
}
PROOF = {
    "haproxy_master": {
        "type": "dict",
        "options": {
            "socket": {"type": "path", "default": "/run/haproxy-master.sock"},
            "configuration": {"type": "path", "default": "/etc/haproxy/haproxy.cfg"},
            "unit": {"type": "str", "default": "haproxy.service"},
        },
    },
    "nginx": {
        "type": "dict",
        "options": {
            "pid_file": {"type": "path", "default": "/run/nginx.pid"},
            "error_log": {"type": "path", "default": "/var/log/nginx/error.log"},
            "unit": {"type": "str", "default": "nginx.service"},
        },
    },
    "reloaded": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "metrics": {"type": "str", "required": True},
            "configuration": {"type": "path"},
            "unit": {"type": "str", "required": True},
        },
    },
    "restarted": {"type": "str"},
    "within": {"type": "int", "default": 10},
}


def argument_spec() -> dict[str, Any]:
    """The options, with the engine's common ones."""
    return {
        **ENGINE_ARGS,
        **CONFIRM_ARGS,
        "roots": {"type": "list", "elements": "str", "required": True},
        "files": {"type": "list", "elements": "dict", "default": [], "options": FILES},
        "absent": {"type": "list", "elements": "str", "default": []},
        "directory_mode": {"type": "raw", "default": "0755"},
        "prune": {"type": "bool", "default": False},
        "trim_blocks": {"type": "bool", "default": True},
        "lstrip_blocks": {"type": "bool", "default": False},
        "validate": {"type": "list", "elements": "raw", "default": []},
        "reload": {"type": "list", "elements": "dict", "default": [], "options": RELOAD},
        "proof": {"type": "list", "elements": "dict", "default": [], "options": PROOF},
        "probe": {"type": "list", "elements": "dict", "default": [], "options": PROBE_ARGS},
        "archive": {"type": "str", "no_log": True},
    }


def main() -> None:
    """Read the options, deploy, answer."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    answer = ConfigTree(module.params, module.check_mode).serve()
    for warning in answer.warnings:
        module.warn(warning)
    if answer.error:
        module.fail_json(msg=answer.error, **{**answer.values, "changed": answer.changed})
    module.exit_json(changed=answer.changed, **answer.values)


if __name__ == "__main__":
    main()
