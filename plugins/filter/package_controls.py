# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: package_controls
short_description: Make controls that install packages
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - One control for each name, for M(evenkeel.ops.controls), which installs what is missing in one transaction of the
    package manager and journals it.
positional: options
options:
  _input:
    description: Names of the packages; one that is named twice is installed once.
    type: list
    elements: str
    required: true
  options:
    description: What all of them get beside C(name), such as C(offline) or C(environment).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Install what the host lacks of two packages
  evenkeel.ops.controls:
    controls: "{{ ['nginx', 'jq'] | evenkeel.ops.package_controls({'lists_max_age': 3600}) }}"
"""

RETURN = r"""
_value:
  description: The controls.
  type: list
  elements: dict
  sample:
    - id: package-jq
      package: {name: jq, lists_max_age: 3600}
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def package_controls(names: Iterable[str], options: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return one control for each package."""
    return [{"id": f"package-{name}", "package": {"name": name, **(options or {})}} for name in dict.fromkeys(names)]


class FilterModule:
    """Offers package_controls to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"package_controls": package_controls}
