# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: platform_vars
short_description: Find the variables of the distribution that a host runs
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Names the most specific of C(<distribution>-<release>.yml), C(<distribution>.yml) and C(<family>.yml) in a role's
    directory C(vars).
  - Refuses a distribution or release that the role is not written for.
  - Needs the facts C(distribution), C(distribution_major_version) and C(os_family).
options:
  _terms:
    description: Directory of the role.
    type: list
    elements: path
    required: true
  releases:
    description:
      - Major releases that roles are written for, by family and distribution. A role serves the families that it has a
        file for.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Load what differs between distributions
  ansible.builtin.include_vars:
    file: "{{ lookup('evenkeel.ops.platform_vars', role_path, releases={'debian': {'Debian': ['12', '13']}}) }}"
"""

RETURN = r"""
_raw:
  description: Paths of the files.
  type: list
  elements: path
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.evenkeel.ops.plugins.plugin_utils.platforms import platform_file


class LookupModule(LookupBase):
    """Offers platform_vars to Ansible."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """One path for each role directory."""
        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        facts, host = known.get("ansible_facts") or {}, str(known.get("inventory_hostname", "localhost"))
        try:
            return [str(platform_file(Path(term), self.get_option("releases"), facts, host)) for term in terms]
        except ValueError as error:
            raise AnsibleLookupError(str(error)) from error
