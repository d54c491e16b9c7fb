# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role vault_agent: what is refused, with which sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.vault_agent import problems

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TEMPLATE = {"name": "database", "content": "PASSWORD={{ . }}", "destination": "/etc/shop/database.env"}
GOOD = {
    "vault_agent_address": "https://vault.example.net:8200",
    "vault_agent_approle": "shop",
    "vault_agent_program_package": "vault",
    "vault_agent_program_path": "/usr/bin/vault",
    "vault_agent_templates": [TEMPLATE],
}
FETCHED = {"vault_agent_program_package": "", "vault_agent_program_sha256": SHA256}


def template(**other: Any) -> dict[str, Any]:
    """Return inputs with one template."""
    return {"vault_agent_templates": [{**TEMPLATE, **other}]}


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"vault_agent_address": "http://127.0.0.1:8200", "vault_agent_allow_http": "yes"},
        {"vault_agent_ca_file": __file__, "vault_agent_namespace": "shops/north/"},
        {"vault_agent_approle_mount": "servers/approle"},
        {**FETCHED, "vault_agent_program_file": __file__},
        {**FETCHED, "vault_agent_program_url": "https://software.example.net/vault.zip"},
        template(owner="shop", group="shop", mode="440", unit="shop@1.service"),
        {"vault_agent_templates": [TEMPLATE, {**TEMPLATE, "name": "b", "destination": "/etc/shop/b"}]},
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems({**GOOD, **good}) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"vault_agent_address": ""}, "vault_agent_address is ''; allowed is an address like https://"),
        ({"vault_agent_address": "http://v:8200"}, "vault_agent_address is 'http://v:8200'; allowed is https"),
        ({"vault_agent_ca_file": "/no"}, "vault_agent_ca_file is '/no'; allowed is a file on the controller"),
        ({"vault_agent_approle": ""}, "vault_agent_approle is ''; allowed is the name of an AppRole, like shop."),
        ({"vault_agent_approle_mount": "a//"}, "vault_agent_approle_mount is 'a//'; allowed is a mount, like approle."),
        ({"vault_agent_namespace": "/a"}, "vault_agent_namespace is '/a'; allowed is a path like shops/north."),
        ({"vault_agent_wrap_ttl": 9}, "vault_agent_wrap_ttl is 9; allowed is an integer from 10 to 3600."),
        ({"vault_agent_wait": 121}, "vault_agent_wait is 121; allowed is an integer from 5 to 120."),
        ({"vault_agent_refresh": "5"}, "vault_agent_refresh is '5'; allowed is a time like 30s, 5m or 1h."),
        (
            {"vault_agent_program_package": ""},
            "none of vault_agent_program_file, vault_agent_program_url, vault_agent_",
        ),
        ({"vault_agent_program_url": "https://x"}, "vault_agent_program_url and vault_agent_program_package of"),
        ({"vault_agent_program_path": "vault"}, "vault_agent_program_path is 'vault'; allowed is an absolute path"),
        (
            {**FETCHED, "vault_agent_program_url": "https://x", "vault_agent_program_sha256": "ab"},
            "vault_agent_program_sha256 is 'ab'; allowed is the SHA-256 of the file, 64 hex digits.",
        ),
        ({**FETCHED, "vault_agent_program_file": "/no"}, "vault_agent_program_file is '/no'; allowed is a file on"),
        ({**FETCHED, "vault_agent_program_url": "http://x"}, "vault_agent_program_url is 'http://x'; allowed is a URL"),
        ({"vault_agent_templates": []}, "vault_agent_templates is []; allowed is a list with at least one template."),
        ({"vault_agent_templates": [TEMPLATE] * 2}, "vault_agent_templates: name has 'database' 2 times; allowed is"),
        (template(name="a b"), "vault_agent_templates: name is 'a b'; allowed is letters, digits, '_' and '-'"),
        (
            template(content=" "),
            "vault_agent_templates: database: content is empty; allowed is a template of the agent.",
        ),
        (template(destination="etc/x"), "database: destination is 'etc/x'; allowed is an absolute path without"),
        (
            template(destination="/etc/../x"),
            "database: destination is '/etc/../x'; allowed is an absolute path without",
        ),
        (template(destination="/etc/x y"), "database: destination is '/etc/x y'; allowed is an absolute path without"),
        (template(destination="/tmp/x"), "database: destination is '/tmp/x'; allowed is a path outside of /etc/vault-"),
        (template(mode="0644"), "database: mode is '0644'; allowed is a quoted octal mode that gives others nothing"),
        (template(mode=416), "database: mode is 416; allowed is a quoted octal mode"),
        (template(owner="Shop"), "database: owner is 'Shop'; allowed is a name."),
        (template(group="0 0"), "database: group is '0 0'; allowed is a name."),
        (template(unit="shop"), "database: unit is 'shop'; allowed is a unit with suffix, like shop.service."),
    ],
)
def test_bad_inputs_are_refused_by_name_value_and_what_is_allowed(bad: dict[str, Any], sentence: str) -> None:
    found = problems({**GOOD, **bad})
    assert len(found) == 1 + (bad.get("vault_agent_templates") == [TEMPLATE] * 2)
    assert sentence in found[0]


def test_the_files_that_are_named_are_on_the_controller(tmp_path: Path) -> None:
    assert problems({**GOOD, "vault_agent_ca_file": str(tmp_path)}) != []
