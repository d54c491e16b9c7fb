"""One control for each package, whatever how often it is named."""

from __future__ import annotations

from ansible_collections.evenkeel.ops.plugins.filter.package_controls import package_controls


def test_one_control_for_each_package() -> None:
    assert package_controls(["jq", "nginx", "jq"], {"offline": True}) == [
        {"id": "package-jq", "package": {"name": "jq", "offline": True}},
        {"id": "package-nginx", "package": {"name": "nginx", "offline": True}},
    ]
    assert package_controls([]) == []
