#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: audit_report
short_description: Write the evidence of an audit on the controller
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Takes what M(evenkeel.ops.controls) found in check mode on all hosts of the play, and writes C(audit.json),
    C(audit.xml) (JUnit), C(audit.prom) (metrics of Prometheus) and C(audit.html) (a page that needs no network).
  - Runs on the controller; no connection is made. Say C(run_once) with it.
  - The JSON is described in the collection's C(docs/audit.md).
options:
  directory:
    description:
      - Directory on the controller, made where it is missing; relative to the current directory. Files of an earlier
        audit in it are replaced. Without it nothing is written, and the scores are returned.
    type: path
  previous:
    description: The C(audit.json) of an earlier audit, to tell what got worse and better since.
    type: path
  threshold:
    description: Score in per cent, 1 to 100, that every host should reach. Those that miss it are in RV(below).
    type: float
  outcome:
    description: Name of the variable in which the task of M(evenkeel.ops.controls) is registered on each host.
    type: str
    default: __hardening_outcome
  summary:
    description: Name of the variable in which M(evenkeel.ops.host_summary_info) is registered, for what hosts are.
    type: str
    default: __audit_summary
  title:
    description: The heading of the page.
    type: str
    default: Hardening audit
attributes:
  check_mode:
    description: Writes nothing, and returns the same scores.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: No host is changed.
notes:
  - A host without a result is listed as not compared; it has no score.
  - Say all statuses in C(describe) of M(evenkeel.ops.controls), so that the report knows the areas.
seealso:
  - module: evenkeel.ops.controls
"""

EXAMPLES = r"""
- name: Compare with a catalogue of one's own
  evenkeel.ops.controls:
    catalogue: [catalogue]
    on_failed: report
    describe: [compliant, would_change, waived, not_applicable, unknown, failed]
  check_mode: true
  register: audit

- name: Write the evidence
  evenkeel.ops.audit_report:
    directory: reports
    outcome: audit
    threshold: 90
  run_once: true
  register: report

- name: Fail where the score is too low
  ansible.builtin.assert:
    that: inventory_hostname not in report.below
"""

RETURN = r"""
score:
  description: Score of all hosts together in per cent; null where no control counts.
  type: float
  returned: always
  sample: 93.5
scores:
  description: Score in per cent by host.
  type: dict
  returned: always
  sample: {web1: 93.5}
below:
  description: Hosts that miss O(threshold).
  type: list
  elements: str
  returned: always
not_compared:
  description: Hosts of the play of which there is no result.
  type: list
  elements: str
  returned: always
worse:
  description: Number of controls of hosts that are open now and were not; null without O(previous).
  type: int
  returned: always
better:
  description: Number of controls of hosts that were open and are no more; null without O(previous).
  type: int
  returned: always
files:
  description: What was written, by form (json, junit, metrics, html).
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Only reached where the action plugin is bypassed."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path"},
            "previous": {"type": "path"},
            "threshold": {"type": "float"},
            "outcome": {"type": "str", "default": "__hardening_outcome"},
            "summary": {"type": "str", "default": "__audit_summary"},
            "title": {"type": "str", "default": "Hardening audit"},
        },
        supports_check_mode=True,
    )
    module.fail_json(msg="audit_report runs on the controller; call it as evenkeel.ops.audit_report.")


if __name__ == "__main__":
    main()
