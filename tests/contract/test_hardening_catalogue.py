"""The hardening catalogue keeps the promises of docs/hardening.md."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tree

sys.path.insert(0, str(tree.ROOT / ".venv/collections"))

from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_formats import SOURCES
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import Wishes, load, select
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import kernel

CATALOGUE = tree.ROOT / "roles/hardening/files/catalogue"
PROFILES = ("baseline", "strict")
CIS = r"[1-7](\.[1-9]\d?){2,4}"
REFERENCES = {
    "cis_debian12": CIS,
    "cis_debian13": CIS,
    "nist_800_53": r"[A-Z]{2}-[1-9]\d?(\([1-9]\d?\))?",
    "pci_dss_4": r"([1-9]|1[0-2])(\.[1-9]\d?){2,4}",
    "iso_27001": r"A\.(5\.([1-9]|[12]\d|3[0-7])|6\.[1-8]|7\.([1-9]|1[0-4])|8\.([1-9]|[12]\d|3[0-4]))",
    "anssi_bp_028": r"R([1-9]|[1-7]\d|80)",
}
# Withdrawn by revision 5: the number of revision 4 does not stand in it any more.
NOT_IN_REVISION_5 = {"AU-8(1)", "AU-8(2)"}
# Of a mount point or of all system accounts there is one control per profile.
IN_STRICT_BY_ANOTHER_NAME = {
    *("account-system-locked", "mount-tmp", "sshd-ciphers", "sshd-client-alive-count", "sshd-client-alive-interval"),
    *("kernel-no-user-bpf", "sshd-key-exchange", "sshd-macs", "sshd-max-auth-tries", "sshd-max-sessions"),
}


@pytest.fixture(scope="module")
def controls() -> list[dict[str, Any]]:
    """The whole catalogue."""
    return load([str(CATALOGUE)])


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_can_be_carried_out(controls: list[dict[str, Any]], profile: str) -> None:
    """No control is wrong in itself, and no two contradict each other."""
    chosen = select(controls, Wishes(profile), datetime.date(2026, 1, 1)).controls
    assert len(chosen) >= {"baseline": 150, "strict": 230}[profile]


def test_every_control_explains_itself(controls: list[dict[str, Any]]) -> None:
    """A title and a reason as sentences of their own, and profiles."""
    faults = []
    for control in controls:
        if not all(control.get(key) for key in ("title", "why", "refs", "profiles")):
            faults.append(f"{control['id']}: needs title, why, refs and profiles")
        if control.get("title", "").endswith(".") or not control.get("why", "").endswith("."):
            faults.append(f"{control['id']}: a title has no full stop, a reason has one")
        if set(control.get("profiles", ())) - set(PROFILES):
            faults.append(f"{control['id']}: profiles are {control['profiles']}")
    assert not faults, "\n".join(faults)


def test_every_control_is_asked_for_by_two_sources(controls: list[dict[str, Any]]) -> None:
    """NIST's and one more, all of them known to the reports."""
    assert set(REFERENCES) == set(SOURCES)
    faults = [c["id"] for c in controls if "nist_800_53" not in c["refs"] or len(c["refs"]) < 2]
    faults += [f"{c['id']}: {source}" for c in controls for source in c["refs"] if source not in REFERENCES]
    assert not faults, "\n".join(faults)


def test_references_have_the_form_of_their_source(controls: list[dict[str, Any]]) -> None:
    """Texts, since 5.10 is no number; each once, and none that is no part of the source."""
    faults = []
    for control in controls:
        for source, numbers in control["refs"].items():
            pattern = REFERENCES.get(source, "")
            wrong = [n for n in numbers if not isinstance(n, str) or not re.fullmatch(pattern, n)]
            if wrong or not numbers or len(numbers) != len(set(numbers)) or NOT_IN_REVISION_5 & set(numbers):
                faults.append(f"{control['id']}: {source} {numbers}")
    assert not faults, "\n".join(faults)


def test_strict_contains_baseline(controls: list[dict[str, Any]]) -> None:
    """Who moves from baseline to strict loses nothing."""
    only = {c["id"] for c in controls if c["profiles"] == ["baseline"]}
    assert only == IN_STRICT_BY_ANOTHER_NAME


def test_what_can_cut_off_the_operator_is_under_the_switch(controls: list[dict[str, Any]]) -> None:
    """sshd's settings, sudo's, PAM's and the network's carry risk: access."""
    named = [c["id"] for c in controls if c.get("risk") != "access" and can_cut_off(c)]
    assert not named


def can_cut_off(control: dict[str, Any]) -> bool:
    """Whether a control changes how one gets in or becomes root."""
    file = str((control.get("setting") or {}).get("file", ""))
    network = str((control.get("sysctl") or {}).get("key", "")).startswith(("net.ipv4.", "net.ipv6."))
    login = file.startswith(("/etc/ssh/", "/etc/sudoers", "/etc/pam.d/"))
    return network or login or bool({"pam_profile", "firewall"} & set(control))


def test_nobody_is_limited_to_groups_by_default(controls: list[dict[str, Any]]) -> None:
    """Access lists and ageing are the operator's decisions; the firewall is for strict, and lets SSH in."""
    by_default = [c for c in controls if not c.get("on_request")]
    keys = {str((c.get("setting") or {}).get("key", "")).lower() for c in by_default}
    assert not keys & {"allowgroups", "allowusers", "denygroups", "denyusers", "hostkey"}
    assert not [c["id"] for c in controls if "firewall" in c and "baseline" in c["profiles"]]
    assert [c["firewall"].get("ssh") for c in controls if "input" in c.get("firewall", {}).get("policy", {})] == [True]
    ageing = {"min_days", "max_days", "warn_days", "inactive_days", "expires"}
    assert not [c["id"] for c in controls if ageing & set(c.get("account") or {})]


def test_a_file_has_one_format(controls: list[dict[str, Any]]) -> None:
    """Two formats for one file fail all of its controls on the host."""
    formats: dict[str, set[str]] = {}
    for setting in (c["setting"] for c in controls if "setting" in c):
        formats.setdefault(setting["file"], set()).add(setting["format"])
    assert {file: names for file, names in formats.items() if len(names) > 1} == {}


def test_an_input_gives_each_control_on_request_its_value(controls: list[dict[str, Any]]) -> None:
    """A control that nobody can ask for would never apply."""
    given = str(tree.load(Path("roles/hardening/vars/main.yml"))["__hardening_access_overrides"])
    assert [c["id"] for c in controls if c.get("on_request") and f"'{c['id']}'" not in given] == []


def test_one_way_controls_say_so(controls: list[dict[str, Any]]) -> None:
    """What only a reboot takes back is in strict only."""
    assert [c["id"] for c in controls if c.get("one_way")] == [
        "audit-immutable",
        "kernel-no-user-bpf-strict",
        "kernel-no-kexec",
    ]
    assert all(c["profiles"] == ["strict"] for c in controls if c.get("one_way"))


def test_packages_come_through_the_proxy(controls: list[dict[str, Any]]) -> None:
    """The role gives the proxy to every control that installs something."""
    installing = [c["id"] for c in controls if "package" in c and c["package"].get("state", "present") == "present"]
    assert sorted(tree.load(Path("roles/hardening/vars/debian.yml"))["__hardening_installing"]) == sorted(installing)


def test_no_kernel_parameter_has_two_masters() -> None:
    """The roles hardening and kernel would undo each other's values: only a node of a cluster has to be told which."""
    settings = [s for path in tree.matching("roles/kernel/files/settings/*.yml") for s in tree.load(path)]
    profiles = {profile for setting in settings for profile in setting["profiles"]}
    found = {
        (profile, hardening): len(
            kernel.conflicts({"kernel_profile": profile}, {"hardening": {"hardening_profile": hardening}})
        )
        for profile in profiles
        for hardening in ("baseline", "strict")
    }
    assert {which: number for which, number in found.items() if number} == {("kubernetes_node", "strict"): 4}


def test_areas_are_in_the_guide(controls: list[dict[str, Any]]) -> None:
    """docs/hardening.md names each area with the number of its controls."""
    guide = tree.text(Path("docs/hardening.md"))
    counted = {area: sum(c["area"] == area for c in controls) for area in sorted({c["area"] for c in controls})}
    missing = [
        f"| `{area}` | {number} |" for area, number in counted.items() if f"| `{area}` | {number} |" not in guide
    ]
    assert not missing


def test_catalogue_page_is_fresh() -> None:
    """docs/hardening_catalogue.md is as the generator writes it: `python -m tools.hardening_catalogue --write`."""
    command = [sys.executable, "-m", "tools.hardening_catalogue", "--check"]
    done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
