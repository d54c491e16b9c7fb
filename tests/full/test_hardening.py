"""The profile strict on a machine with a kernel of its own: judged by others, there after a reboot, undone.

The boot loader's part is played by the test, which starts the machine with the words that update-grub wrote. The disk
has aide-common installed already, because configuring it takes ten minutes in an emulated machine.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.registry import PROVIDERS
from guest import HERE, boot_again, play, root

from tools.lab.progress import say
from tools.lab.settings import CHECKOUT
from tools.vm.machine import Machine, timed

BY_HAND = CHECKOUT / "molecule/hardening/files/by_hand.sh"
CATALOGUES = [*(CHECKOUT / "roles/hardening/files/catalogue").glob("*.yml"), HERE / "files/apparmor.yml"]
POLICIES = {"debian12": "Hardened Debian 12 (version 2)", "debian13": "Hardened Debian 13 (version 1)"}
# Controls of each kind that at least change on a fresh machine: a kind that hides behind `not applicable` fails.
LEAST_CHANGED = {
    "account": 1,
    "apparmor": 1,
    "audit_rule": 15,
    "cmdline": 3,
    "file": 12,
    "firewall": 2,
    "kernel_module": 15,
    "mount": 1,
    "package": 6,
    "pam_profile": 3,
    "service": 1,
    "setting": 90,
    "ssh_host_key": 1,
    "ssh_moduli": 1,
    "sysctl": 20,
}
LEAST_SCORE = 97
LEAST_LYNIS = 90
MANIFEST = (
    "cd / && { find etc home root boot srv opt usr -xdev -printf '%y %m %U:%G %p %l\\n' "
    "| grep -v '__pycache__\\|/.ansible'; "
    "find etc home root boot srv opt -xdev -type f ! -path '*/.ansible/*' "
    "! -regex 'etc/\\(passwd\\|shadow\\|group\\|gshadow\\)-?' -exec sha256sum {} +; "
    "grep -v '^_chrony:' etc/passwd etc/shadow etc/group etc/gshadow; "
    "systemctl list-unit-files --no-legend --no-pager | grep -v ' transient '; } | sort"
)
# The journal's own boot unit and console command stay: they are what undo is done with.
OWN = re.compile(r"evenkeel-revert\.service|usr/local/sbin/evenkeel")
# What auditd and rsyslog make when they are installed, and the purge of Debian's packages leaves.
OF_PACKAGES = re.compile(r" etc/(audit(/audit\.rules(\.prev)?)?|apparmor\.d/disable) *$")


@pytest.fixture(scope="module")
def before(machine: Machine) -> dict[str, str]:
    """The machine as it is, with a menu of its boot loader."""
    # What others judge is the hardening: a machine with pending security updates has a finding of its own.
    root(machine, "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y upgrade", 1800)
    root(machine, "update-grub")
    # Debian's own system accounts have no shell: one that has makes work for the controls of accounts.
    root(machine, "useradd --system --no-create-home --shell /bin/bash robot")
    boot_again(machine, "before")
    return {"manifest": root(machine, MANIFEST, 600), "sysctl": parameters(machine)}


@pytest.fixture(scope="module")
def hardened(machine: Machine, before: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The machine after the first run; the results of that run."""
    yield harden(machine, tmp_path_factory.mktemp("results") / "first.json", "first run")


def harden(machine: Machine, results: Path, what: str) -> Path:
    """Run the role."""
    start = time.monotonic()
    play(machine, "harden.yml", {"results": results})
    timed(what, start)
    return results


def parameters(machine: Machine) -> str:
    """Kernel parameters that do not move by themselves and that a control sets."""
    keys = [c["sysctl"]["key"] for file in CATALOGUES for c in yaml.safe_load(file.read_bytes()) if "sysctl" in c]
    one_way = {"kernel.kexec_load_disabled", "kernel.unprivileged_bpf_disabled"}
    return root(machine, f"sysctl --ignore {' '.join(sorted(set(keys) - one_way))} || true")


def kinds() -> dict[str, str]:
    """The kind of each control."""
    return {c["id"]: next(k for k in c if k in PROVIDERS) for f in CATALOGUES for c in yaml.safe_load(f.read_bytes())}


def unmet(outcome: dict[str, Any]) -> dict[str, str]:
    """What is not met and counts, with the reasons."""
    fine = ("compliant", "changed", "not_applicable", "waived")
    return {r["id"]: r["reason"] for r in outcome["results"] if r["status"] not in fine}


def percentage(outcome: dict[str, Any]) -> float:
    """The share of what is met after a run, of what counts."""
    found = Counter(result["status"] for result in outcome["results"])
    met = found["compliant"] + found["changed"]
    return 100 * met / (sum(found.values()) - found["waived"] - found["not_applicable"])


def ask_by_hand(machine: Machine, *arguments: str) -> None:
    """The questions that never read the catalogue."""
    machine.send("cat > by_hand.sh", BY_HAND.read_bytes())
    done = machine.ssh(f"sudo sh by_hand.sh {' '.join(arguments)}; s=$?; rm by_hand.sh; exit $s", 900)
    say(done.stdout)
    assert done.returncode == 0, done.stdout


def test_every_kind_of_control_changes_the_machine(hardened: Path) -> None:
    """Applied and not applicable by kind; what is not met is told."""
    outcome, kind = json.loads(hardened.read_text()), kinds()
    applied = Counter(kind[r["id"]] for r in outcome["results"] if r["status"] == "changed")
    left_out = Counter(kind[r["id"]] for r in outcome["results"] if r["status"] == "not_applicable")
    for name in sorted({*applied, *left_out, *LEAST_CHANGED}):
        say(f"{name:<14} applied {applied[name]:>3}, not applicable {left_out[name]:>3}")
    say(f"{percentage(outcome):.1f} % met; not met: {unmet(outcome)}")
    assert {name: applied[name] for name in LEAST_CHANGED if applied[name] < LEAST_CHANGED[name]} == {}


def test_it_answers_by_hand_and_after_a_reboot(machine: Machine, hardened: Path) -> None:
    """Asked of the running kernel, too."""
    ask_by_hand(machine)
    boot_again(machine, "hardened")
    ask_by_hand(machine, "booted")


def test_a_second_run_changes_nothing_after_the_reboot(machine: Machine, hardened: Path) -> None:
    """Each control that had changed something is compliant now: it survived."""
    outcome = json.loads(harden(machine, hardened.with_name("second.json"), "second run").read_text())
    assert [r["id"] for r in outcome["results"] if r["status"] == "changed"] == []
    first = {r["id"] for r in json.loads(hardened.read_text())["results"] if r["status"] == "changed"}
    assert {r["id"] for r in outcome["results"] if r["status"] != "compliant"} & first == set()
    say(f"{percentage(outcome):.1f} % of {len(outcome['results'])} controls met; not met: {unmet(outcome)}")
    assert percentage(outcome) >= LEAST_SCORE


def test_others_find_little(machine: Machine, hardened: Path) -> None:
    """Lynis of Debian 13, and the hardened policy of ssh-audit for the machine's OpenSSH."""
    distribution = next(name for name in POLICIES if name in machine.base.directory.name)
    audit = [str(Path(sys.executable).with_name("ssh-audit")), "--no-colors", "--policy", POLICIES[distribution]]
    held = subprocess.run(
        [*audit, "--port", str(machine.port), "127.0.0.1"], capture_output=True, text=True, check=False
    )
    assert held.returncode == 0, held.stdout
    start = time.monotonic()
    # The reference of AIDE is made in the background of the first run.
    root(machine, "while systemctl is-active -q evenkeel-aide-reference.service; do sleep 5; done", 1800)
    root(machine, "cd /root && lynis audit system --quick --quiet --no-colors > /dev/null 2>&1 || true", 3600)
    timed("Lynis", start)
    report = root(machine, "cat /var/log/lynis-report.dat")
    warnings = re.findall(r"^warning\[\]=(.*)$", report, re.MULTILINE)
    index = int(re.findall(r"^hardening_index=(\d+)$", report, re.MULTILINE)[0])
    say(f"Lynis: index {index}, warnings: {warnings or 'none'}")
    say(f"Lynis, points not given: {'; '.join(points_not_given(root(machine, 'cat /var/log/lynis.log')))}")
    root(machine, "rm -f /var/log/lynis*")
    assert warnings == []
    assert index >= LEAST_LYNIS


def points_not_given(log: str) -> list[str]:
    """Which tests of Lynis gave less than all of their points, for who looks after the next one."""
    found, test = [], ""
    for line in log.splitlines():
        test = line.partition("Performing test ID ")[2].partition(" ")[0] or test
        points = re.search(r"assigned partial number of hardening points \((\d+ of \d+)\)", line)
        found += [f"{test} {points[1]}"] if points else []
    return found


def test_undo_leaves_nothing(machine: Machine, hardened: Path, before: dict[str, str]) -> None:
    """Files, modes, owners, units at once; one-way kernel state with the reboot that undo asks for."""
    start = time.monotonic()
    said = play(machine, "undo.yml")
    timed("undo of all runs", start)
    assert "failed=0" in said
    left = root(
        machine, "dpkg-query --show --showformat='${db:Status-Abbrev}${Package}\\n' | sed -n 's/^rc //p'"
    ).split()
    if left:
        root(machine, f"dpkg --purge {' '.join(left)}", 600)
    boot_again(machine, "undone")
    old, new = ({*manifest.splitlines()} for manifest in (before["manifest"], root(machine, MANIFEST, 600)))
    differing = sorted(line for line in old ^ new if not OWN.search(line) and not OF_PACKAGES.search(line))
    say(f"{len(old & new)} lines of the manifest as before, {len(old ^ new)} differ")
    assert not differing, "\n".join(differing)
    assert parameters(machine) == before["sysctl"]
