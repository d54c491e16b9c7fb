# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role hardening: what is refused, with which sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs.hardening import problems, wanted_controls

WAIVER = {"id": "su-wheel-only", "reason": "later", "owner": "ops", "expires": "2999-12-31"}


def waived(**change: Any) -> dict[str, Any]:
    """One waiver, changed."""
    return {"hardening_profile": "strict", "hardening_waivers": [{**WAIVER, **change}]}


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"hardening_profile": "strict"},
        {"hardening_areas": ["ssh", "sudo"], "hardening_confirm_deadline": 900},
        {"hardening_overrides": {"sshd-max-auth-tries": 3, "mount-tmp": {"options": ["nodev"]}}},
        waived(),
        {"__hardening_login": "operator"},
        {"__hardening_login": "root", "hardening_overrides": {"sshd-no-root-login": "prohibit-password"}},
        {"__hardening_login": "root", "hardening_controls_disabled": ["sshd-no-root-login"]},
        {"__hardening_login": "root", "hardening_areas": ["sysctl"]},
        {"__hardening_login": "root", **waived(id="sshd-no-root-login")},
        {
            "hardening_firewall_allow": [{"ports": [80, "8000-8010"], "sources": ["@web", "2001:db8::/48"]}],
            "hardening_firewall_allow_host": [{"protocol": "vrrp"}],
            "hardening_firewall_sets": {"web": ["192.0.2.0/24"]},
            "hardening_firewall_ssh_sources": ["@web"],
        },
        {"hardening_catalogue_extra": ["beside/the/playbook"]},
        {"hardening_ssh_allow_groups": ["sudo", "ops-*", "domain.users"]},
        {"__hardening_behind": ["db1"]},
        {"hardening_profile": "strict", "__hardening_behind": []},
        {
            "hardening_profile": "strict",
            "__hardening_behind": ["db1"],
            "hardening_overrides": {"sshd-no-forwarding": "no", "sshd-no-tcp-forwarding": "yes"},
        },
    ],
)
def test_good_inputs_have_no_problem(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"hardening_profile": "strickt"},
            "hardening_profile is 'strickt': allowed are baseline, strict; did you mean",
        ),
        ({"hardening_areas": ["sshd"]}, "hardening_areas names 'sshd': allowed are accounts,"),
        (
            {"hardening_controls_disabled": ["x"]},
            "hardening_controls_disabled names 'x': allowed are ids of the catalogue's controls",
        ),
        (
            {"hardening_overrides": {"sshd-max-auth": 3}},
            "hardening_overrides names 'sshd-max-auth': allowed are ids of the catalogue's controls; did you mean 's",
        ),
        ({"hardening_overrides": {"mount-tmp": {"options": "nodev"}}}, "control mount-tmp: mount.options is 'nodev'"),
        (
            {"hardening_overrides": {"mount-tmp": {"option": []}}},
            "mount.option is no option: allowed are path, options",
        ),
        (
            waived(expires="2020-01-31"),
            "hardening_waivers[0] (su-wheel-only, owner ops) expired on 2020-01-31: allowed",
        ),
        (waived(expires="soon"), "hardening_waivers[0].expires is 'soon': allowed is a date such as"),
        (waived(owner=""), "hardening_waivers[0] (su-wheel-only) has no owner: needed are id, reason, owner, expires"),
        (waived(id="x"), "hardening_waivers[0].id names 'x': allowed are ids of the catalogue's controls"),
        ({"hardening_confirm_deadline": 5}, "hardening_confirm_deadline is 5; allowed is an integer from 30 to 900."),
        ({"hardening_state_dir": "x"}, "hardening_state_dir is 'x'; allowed is an absolute path without blanks."),
        (
            {"hardening_firewall_allow_group": [{"ports": [22]}, {"ports": ["http"]}]},
            "hardening_firewall_allow_group[1].ports has 'http': allowed are 1 to 65535, or a range",
        ),
        (
            {"hardening_firewall_allow": [{"service": "nginx", "ports": [80]}]},
            "hardening_firewall_allow[0] has service and ports; allowed is one of them.",
        ),
        (
            {"hardening_firewall_allow": [{"service": "apache"}]},
            "hardening_firewall_allow[0].service is 'apache'; allowed are alertmanager, alertmanager_cluster,",
        ),
        (
            {"hardening_firewall_allow": [{"ports": [70000]}]},
            "hardening_firewall_allow[0].ports has 70000: allowed are",
        ),
        (
            {"hardening_firewall_allow_host": [{"sources": ["home"]}]},
            "hardening_firewall_allow_host[0].sources has 'home'",
        ),
        (
            {"hardening_firewall_allow": [{"sources": ["@web"]}]},
            "sources of the firewall name the set 'web'; allowed are",
        ),
        ({"hardening_firewall_sets": {"Web": []}}, "hardening_firewall_sets has the name 'Web': allowed are 1 to 13"),
        ({"hardening_firewall_sets": {"web": ["x"]}}, "hardening_firewall_sets.web has 'x': allowed are addresses"),
        (
            {"hardening_firewall_ssh_sources": ["10.0.0.0/33"]},
            "hardening_firewall_ssh_sources has '10.0.0.0/33': allowed",
        ),
        (
            {"hardening_catalogue_extra": ["/nowhere/x.yml"]},
            "hardening_catalogue_extra: catalogue /nowhere/x.yml: No such file or directory.",
        ),
        (
            {"hardening_ssh_allow_groups": ["sudo", "two words"]},
            "hardening_ssh_allow_groups[1] is 'two words'; allowed is the name of a group, or a pattern with * and ?.",
        ),
        (
            {"hardening_profile": "strict", "__hardening_behind": ["db1", "db2", "db3", "db4", "db5"]},
            "has the control sshd-no-forwarding, but this host is the way to db1, db2, db3 and 2 more, as",
        ),
        (
            {"__hardening_login": "root"},
            "ansible_user is 'root', whom it shuts out; allowed is another ansible_user, or hardening_overrides",
        ),
    ],
)
def test_bad_inputs_are_named(bad: dict[str, Any], sentence: str) -> None:
    assert [problem for problem in problems(bad) if sentence in problem], problems(bad)


def test_groups_make_the_control_apply() -> None:
    """Nobody is limited to groups unless the input says so; an override by hand says it too."""
    for inputs, value in (
        ({}, None),
        ({"hardening_ssh_allow_groups": []}, None),
        ({"hardening_ssh_allow_groups": ["sudo"]}, ["sudo"]),
        ({"hardening_overrides": {"sshd-allow-groups": ["adm"]}}, ["adm"]),
    ):
        found = {c["id"]: c["setting"]["value"] for c in wanted_controls(inputs) if c["id"] == "sshd-allow-groups"}
        assert found.get("sshd-allow-groups") == value


def test_a_catalogue_of_ones_own_does_not_cut_off_hosts_either(tmp_path: Path) -> None:
    own = tmp_path / "site.yml"
    setting = "{file: /etc/ssh/sshd_config.d/10-evenkeel.conf, format: sshd, key: AllowTcpForwarding, value: remote}"
    own.write_text(f"- {{id: site-no-tunnels, risk: access, setting: {setting}}}\n")
    (problem,) = problems({"hardening_catalogue_extra": [str(own)], "__hardening_behind": ["db1"]})
    assert (
        "has the control site-no-tunnels, but this host is the way to db1, as" in problem
        and "site-no-tunnels: 'yes'" in problem
    )


def test_further_catalogues_bring_controls_and_profiles(tmp_path: Path) -> None:
    own = tmp_path / "site.yml"
    own.write_text("- {id: site-hostname, profiles: [site], file: {path: /etc/hostname, mode: '0644'}}\n")
    extra = {"hardening_catalogue_extra": [str(own)]}
    assert problems({**extra, "hardening_profile": "site", "hardening_areas": ["site"]}) == []
    own.write_text("- {id: sshd-no-root-login, file: {path: /etc/hostname, mode: '0644'}}\n")
    assert "control sshd-no-root-login is given twice, in ssh and site: allowed is one per id." in problems(extra)
