"""The chapter about the way back: one host as it was before the first run."""

from __future__ import annotations

import re
import shlex

from tools.demo.fleet import Fleet
from tools.demo.story import Story
from tools.lab.settings import CHECKOUT
from tools.runs import Result, run_playbook

HOST = "vault1"
MANIFEST = CHECKOUT / "molecule/hardening/files/manifest.sh"
BEFORE, AFTER = "/run/demo-before", "/run/demo-after"
KEPT = re.compile(r"kept: package ([a-z0-9][a-z0-9+.-]+)")
# What undo is done with stays: the boot unit and the command of the console. So does an account that Debian keeps.
OWN = re.compile(r"evenkeel-revert\.service|/usr/local/sbin/evenkeel|/etc/(passwd|g?shadow|group):prometheus:")


def note_before(fleet: Fleet) -> None:
    """Write down what the host is made of."""
    note(fleet, BEFORE)


def note(fleet: Fleet, path: str) -> None:
    """Run the manifest script on the host, from standard input."""
    fleet.must(HOST, ["sudo", "sh", "-s", path], stdin=MANIFEST.read_text(encoding="utf-8"))


def undo_run(story: Story, fleet: Fleet, first: Result) -> None:
    """Undo what the first run did to one host; compare it file by file with what it was."""
    host = {"evenkeel_hosts": HOST, "evenkeel_run": first.run}
    undone = run_playbook("evenkeel.ops.undo", "demo-undo", variables=host, tell=lambda line: None)
    story.tell(f"evenkeel.ops.undo -e evenkeel_hosts={HOST} -e evenkeel_run={first.run}: {undone.seconds:.0f} s")
    packages = KEPT.findall(undone.output)
    story.tell(f"{len(packages)} packages that it had installed stay unless one asks; they are purged to compare")
    purge_packages(fleet, packages)
    note(fleet, AFTER)
    lines = fleet.run(HOST, ["sudo", "diff", BEFORE, AFTER]).stdout.splitlines()
    foreign = [line for line in lines if line[:1] in "<>" and not OWN.search(line)]
    compared = fleet.must(HOST, ["sudo", "wc", "-l", BEFORE]).split()[0]
    story.prove(
        not foreign,
        f"{HOST} is as it was before: {len(foreign)} differences in {int(compared):,} lines of type, mode, owner and "
        "content, but for the undo program itself and an account that Debian keeps",
    )
    for line in foreign[:5]:
        story.tell(line)


def purge_packages(fleet: Fleet, names: list[str]) -> None:
    """Purge what undo keeps of packages on purpose: those that were installed, and the configuration of others."""
    if names:
        fleet.must(HOST, ["sudo", "apt-get", "purge", "-qq", "--yes", *map(shlex.quote, names)])
    ask = "dpkg-query --show --showformat='${db:Status-Abbrev}${Package}\\n'"
    words = fleet.must(HOST, [ask]).splitlines()
    left = [line.removeprefix("rc ") for line in words if line.startswith("rc ")]
    if left:
        fleet.must(HOST, ["sudo", "dpkg", "--purge", *map(shlex.quote, left)])
