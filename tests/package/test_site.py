"""`evenkeel.ops.site` configures real hosts from the installed copy, and what only looks at them changes nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import ROOT, Place, succeeded

RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
INVENTORY = ROOT / "tests/package/inventory"
SITE_TAKES = 600
# That all areas work is shown elsewhere; here it is that their files are in the artifact.
LESS = {"hardening_areas": ["ssh", "sudo", "sysctl", "journald"]}


def lab(command: str) -> subprocess.CompletedProcess[str]:
    """Ask the lab's own tool."""
    words = [sys.executable, "-m", "tools.lab", command, "--inventory", str(INVENTORY)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SITE_TAKES, check=False)


@pytest.fixture(scope="module")
def inventory() -> Iterator[Path]:
    """Three hosts with the group_vars of the lab, which are gone afterwards."""
    try:
        succeeded(lab("up"))
        yield INVENTORY
    finally:
        succeeded(lab("down"))


def recap(printed: str) -> dict[str, tuple[int, int, int]]:
    """Changed, unreachable and failed of each host."""
    return {host: (int(changed), int(lost), int(failed)) for host, changed, lost, failed in RECAP.findall(printed)}


def test_site_runs_from_the_installed_copy(place: Place, inventory: Path) -> None:
    """Every host is configured. That a second run changes nothing is shown by molecule/site."""
    words = ("evenkeel.ops.site", "-i", inventory, "-e", json.dumps(LESS))
    printed = place.playbook(*words, timeout=SITE_TAKES)
    hosts = recap(printed)
    assert hosts, printed
    assert all((lost, failed) == (0, 0) for _changed, lost, failed in hosts.values()), printed


def test_hardening_is_previewed(place: Place, inventory: Path) -> None:
    """What the areas that site left out would touch of what runs, by risk; nothing is changed."""
    words = ("-i", inventory, "-e", "evenkeel_preview_hosts=package-web", "-e", "hardening_profile=strict")
    printed = place.playbook("evenkeel.ops.preview_hardening", *words)
    assert recap(printed) == {"package-web": (0, 0, 0)}, printed
    assert re.search(r"package-web: \d+ controls would change \(strict\), \d+ of them touch what runs now", printed), (
        printed
    )
    assert re.search(r"service +service-fail2ban +unit +fail2ban\.service +starts", printed), printed
    assert "risk access, nothing that runs is known to depend on it: faillock-deny" in printed, printed


def test_kernel_settings_are_told(place: Place, inventory: Path) -> None:
    """Of each setting: what is wanted, what runs, and who has the say after a reboot; nothing is changed."""
    printed = place.playbook(
        "evenkeel.ops.report_kernel", "-i", inventory, "-e", "evenkeel_hosts=package-lb", "--become"
    )
    assert recap(printed) == {"package-lb": (0, 0, 0)}, printed
    assert "web_proxy" in printed and "/etc/sysctl.d/98-evenkeel-kernel.conf" in printed, printed
