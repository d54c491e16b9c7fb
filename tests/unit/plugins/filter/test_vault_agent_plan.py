# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a template lies, is rendered and delivered; another text is rendered somewhere else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.evenkeel.ops.plugins.filter.vault_agent_plan import vault_agent_plan

TEMPLATE = {"name": "db", "content": "{{ secret }}", "destination": "/etc/shop/env"}


def delivery(**other: Any) -> dict[str, str]:
    return vault_agent_plan([{**TEMPLATE, **other}])["deliveries"][0]


def test_a_delivery_has_everything_that_the_host_needs() -> None:
    found = delivery(owner="shop")
    source = found.pop("source")
    assert source.startswith("/run/vault-agent/rendered/db.")
    assert found == {
        "name": "db",
        "destination": "/etc/shop/env",
        "template": "/etc/vault-agent/templates/db.ctmpl",
        "owner": "shop",
        "group": "root",
        "mode": "0400",
        "unit": "",
        "action": "reload",
    }


def test_another_text_is_rendered_somewhere_else() -> None:
    assert delivery()["source"] == delivery(mode="0440")["source"]
    assert delivery()["source"] != delivery(content="{{ other }}")["source"]


def test_files_are_the_templates() -> None:
    path = "/etc/vault-agent/templates/db.ctmpl"
    assert vault_agent_plan([TEMPLATE])["files"] == [{"path": path, "content": "{{ secret }}"}]


@pytest.mark.parametrize("bad", ["text", 1, ["text"]])
def test_nonsense_is_refused(bad: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="vault_agent_templates is no list of mappings"):
        vault_agent_plan(bad)
