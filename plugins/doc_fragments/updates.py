# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options by which updates are chosen."""

from __future__ import annotations


class ModuleDocFragment:
    """`evenkeel.ops.updates`."""

    DOCUMENTATION = r"""
options:
  select:
    description:
      - V(all) takes every pending update, V(security) those whose version comes from a security pocket, with what they
        need.
    type: str
    choices: [all, security]
    default: all
  exclude:
    description:
      - Shell patterns of package names that keep their version, such as V(postgresql-*). apt keeps back what depends
        on their updates. Packages on hold (C(apt-mark hold)) stay too.
    type: list
    elements: str
    default: []
"""
