"""`evenkeel.ops.site` configures real hosts from the installed copy, and a second run changes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import ROOT, Place, succeeded

RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
SITE_TAKES = 900


def lab(command: str, inventory: Path) -> subprocess.CompletedProcess[str]:
    """Ask the lab's own tool."""
    words = [sys.executable, "-m", "tools.lab", command, "--inventory", str(inventory)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SITE_TAKES, check=False)


@pytest.fixture(scope="module")
def inventory() -> Iterator[Path]:
    """The inventory of a lab that is up; one that was down before is down afterwards."""
    path = Path(os.environ.get("EVENKEEL_LAB_INVENTORY", ROOT / "inventories/lab"))
    was_up = lab("status", path).returncode == 0
    try:
        succeeded(lab("up", path))
        yield path
    finally:
        if not was_up:
            succeeded(lab("down", path))


def recap(printed: str) -> dict[str, tuple[int, int, int]]:
    """Changed, unreachable and failed of each host."""
    return {host: (int(changed), int(lost), int(failed)) for host, changed, lost, failed in RECAP.findall(printed)}


def test_site_runs_from_the_installed_copy(place: Place, inventory: Path) -> None:
    """Every host is configured; run again, none is changed."""
    printed = place.playbook("evenkeel.ops.site", "-i", inventory, timeout=SITE_TAKES)
    hosts = recap(printed)
    assert hosts, printed
    assert all((lost, failed) == (0, 0) for _changed, lost, failed in hosts.values()), printed
    again = place.playbook("evenkeel.ops.site", "-i", inventory, timeout=SITE_TAKES)
    assert recap(again) == dict.fromkeys(hosts, (0, 0, 0)), again
