# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_plan
short_description: Turn the inputs of the role nginx into servers and what they share
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Says which servers there are and where each listens, which headers answers and requests carry, and which TLS profile
    holds on each port. The role's templates print it.
positional: server, cache_root
options:
  _input:
    description: The role's inputs, by name.
    type: dict
    required: true
  server:
    description: What M(evenkeel.ops.tls_server_info) says of NGINX; empty where no site has TLS.
    type: dict
    default: {}
  cache_root:
    description: Directory of the caches that name none themselves.
    type: path
    default: /var/lib/nginx
"""

EXAMPLES = r"""
- name: Show where NGINX will listen
  ansible.builtin.debug:
    msg: "{{ ({'nginx_sites': nginx_sites} | evenkeel.ops.nginx_plan).servers | map(attribute='listens') }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    http:
      description: What stands in the http context.
      type: dict
    servers:
      description: The servers in the order in which they are written.
      type: list
      elements: dict
    http3:
      description: The sites that speak HTTP/3.
      type: list
      elements: str
    profiles:
      description: The TLS profiles in use.
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.plugin_utils.nginx_plan import shared
from ansible_collections.evenkeel.ops.plugins.plugin_utils.nginx_plan.servers import Planner
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.checks import as_bool
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx_sites import present
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.nginx_values import mapping


def nginx_plan(
    inputs: Any,
    server: Mapping[str, Any] | None = None,
    cache_root: str = "/var/lib/nginx",
) -> dict[str, Any]:
    """Servers, and what they share."""
    if not isinstance(inputs, Mapping):
        raise AnsibleFilterError(f"nginx_plan: the inputs are {type(inputs).__name__}; allowed is a dict.")
    sites = present(inputs)
    planner = Planner(inputs, sites, server or {})
    return {
        "http": {**shared.plan(inputs, sites, cache_root), "hsts_maps": planner.hsts_maps()},
        "servers": planner.servers(),
        "http3": [str(site["name"]) for site in sites if as_bool(mapping(site.get("tls")).get("http3", False))],
        "profiles": planner.profiles(),
    }


class FilterModule:
    """Offers nginx_plan to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nginx_plan": nginx_plan}
