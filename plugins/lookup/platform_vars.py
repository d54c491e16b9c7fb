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


class LookupModule(LookupBase):
    """Offers platform_vars to Ansible."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """One path for each role directory."""
        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        host = str(known.get("inventory_hostname", "localhost"))
        return [self._find(Path(term), known.get("ansible_facts") or {}, host) for term in terms]

    def _find(self, role: Path, facts: dict[str, Any], host: str) -> str:
        distribution, family = str(facts["distribution"]), str(facts["os_family"]).lower()
        release = str(facts["distribution_major_version"])
        files = {path.stem: path for path in (role / "vars").glob("*.yml")}
        served = {
            name: releases
            for kind, distributions in self.get_option("releases").items()
            if kind in files
            for name, releases in distributions.items()
        }
        if release not in map(str, served.get(distribution, ())):
            raise AnsibleLookupError(
                f"Host {host} runs {distribution} {release}, which the role {role.name} does not support; supported are "
                f"{', '.join(f'{name} {each}' for name, releases in served.items() for each in releases) or 'none'}."
            )
        candidates = (f"{distribution.lower()}-{release}", distribution.lower(), family)
        return str(next(files[name] for name in candidates if name in files))
