# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_quote
short_description: Quote a text as one argument of an NGINX directive
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Puts the text in double quotes and escapes what would end them. NGINX variables such as C($hostname) stay variables.
options:
  _input:
    description: The text; it may have several lines.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show a quoted text
  ansible.builtin.debug:
    msg: "return 200 {{ 'served by $hostname' | evenkeel.ops.nginx_quote }};"
"""

RETURN = r"""
_value:
  description: The quoted text.
  type: str
  sample: '"served by $hostname"'
"""

from collections.abc import Callable
from typing import Any


def nginx_quote(text: Any) -> str:
    """Return the text in double quotes, on one line."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class FilterModule:
    """Offers nginx_quote to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nginx_quote": nginx_quote}
