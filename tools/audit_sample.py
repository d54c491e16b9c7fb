"""Write the evidence of an audit of an invented fleet, for tests and for the picture in the documentation.

Usage: python -m tools.audit_sample DIRECTORY [--picture FILE]
The picture is taken by Chromium. The hosts and their states are invented; the controls are those of the catalogue.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".venv/collections"))

from ansible_collections.evenkeel.ops.plugins.plugin_utils import audit_diff, audit_files  # noqa: E402 - needs the path above
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_report import (  # noqa: E402 - as above
    STATUSES,
    About,
    Audited,
    build,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import (  # noqa: E402 - as above
    Selection,
    Wishes,
    join,
    load,
    select,
)

CATALOGUE = ROOT / "roles/hardening/files/catalogue"
TODAY = datetime.date(2026, 11, 25)
# Host, profile, what it reaches of the catalogue now and reached before; none where it was not there.
FLEET: tuple[tuple[str, str, float, float | None], ...] = (
    ("lb1", "strict", 0.97, 0.90),
    ("lb2", "strict", 0.97, 0.90),
    ("web1", "strict", 0.99, 0.93),
    ("web2", "strict", 0.99, 0.93),
    ("web3", "baseline", 0.90, 0.94),
    ("db1", "strict", 0.94, 0.94),
    ("vault1", "strict", 1.0, 0.97),
    ("backup1", "baseline", 0.72, None),
)
WAIVED = {"sudo-password-required": "The robot has no password. (platform team, until 2027-03-31)"}
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def chance(*words: str) -> float:
    """A number from 0 to 1 that is always the same for the same words."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:6], "big") / 2**48


def status_of(host: str, control: Mapping[str, Any], reached: float) -> str:
    """How an invented host meets a control."""
    if control["id"] in WAIVED:
        return "waived"
    if chance(control["id"]) < 0.08 and {"sysctl", "kernel_module", "audit_rule", "cmdline"} & set(control):
        return "not_applicable"
    if chance(host, control["id"]) < reached - 0.25 * (1 - reached) * chance(control["area"]) * 4:
        return "compliant"
    return "failed" if "probe" in control else "would_change"


@cache
def chosen_controls(profile: str) -> tuple[list[dict[str, Any]], Selection]:
    """The controls of a profile, and what is said of them."""
    catalogue = load([str(CATALOGUE)])
    selection = select(catalogue, Wishes(profile), TODAY)
    return [control for control in catalogue if control["id"] in selection.prose], selection


def results(host: str, profile: str, reached: float) -> list[dict[str, Any]]:
    """What `controls` would return of it."""
    chosen, selection = chosen_controls(profile)
    found = [{"id": control["id"], "status": status_of(host, control, reached)} for control in chosen]
    words = {"failed": "grep returned 0, not 1: /etc/sudoers.d/10-robot", "not_applicable": "a container has no kernel"}
    for line in found:
        line["reason"] = WAIVED.get(line["id"], words.get(line["status"], ""))
        line["before"], line["after"] = ("yes", "no") if line["status"] == "would_change" else (None, None)
    join(found, selection.prose, STATUSES)
    return found


def fleet(now: bool = True) -> dict[str, Audited]:
    """What the run would know of every host."""
    hosts = {}
    for name, profile, reached, before in FLEET:
        share = reached if now else before
        if share is not None:
            release = "13 (trixie)" if chance(name) < 0.5 else "12 (bookworm)"
            about = {"distribution": f"Debian GNU/Linux {release}", "kernel": "6.12.57", "architecture": "x86_64"}
            hosts[name] = Audited({"results": results(name, profile, share), "profile": profile}, {"host": about})
    return hosts


def report(hosts: Mapping[str, Audited] | None = None) -> dict[str, Any]:
    """An audit with an earlier one to compare with."""
    earlier = build(fleet(now=False), About("2026-11-18T06:30:00Z", "20261118T063000Z-cli-11aa22bb", "ops@control"))
    about = About("2026-11-25T06:30:00Z", "20261125T063000Z-cli-5e1f00aa", "ops@control", "0.1.0", threshold=90.0)
    made = build(hosts or fleet(), about)
    made["previous"] = audit_diff.compare(earlier, made)
    return made


def picture(page: Path, target: Path) -> None:
    """The upper part of the page, in few colours."""
    with tempfile.TemporaryDirectory() as profile:
        shot = Path(profile, "shot.png")
        size = ["--hide-scrollbars", "--window-size=1200,1640", f"--user-data-dir={profile}", f"--screenshot={shot}"]
        subprocess.run([*CHROMIUM, *size, page.absolute().as_uri()], check=True, capture_output=True, timeout=120)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shot, target)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--strip", "--output", target, "64", target], check=True)


def main(arguments: list[str] | None = None) -> int:
    """Write the files, and the picture where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args(arguments)
    written = audit_files.write(report(), options.directory)
    if options.picture:
        picture(Path(written["html"]), options.picture)
    print("\n".join(written.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
