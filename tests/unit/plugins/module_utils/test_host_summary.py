"""A look at a host tells what there is, and names what it could not see."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.host_summary import (
    HostSummary,
    parse_failed_units,
    parse_meminfo,
    parse_os_release,
)

NOW = 1_800_000_000.0
FILES = {
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n# a comment\nID=debian\n',
    "proc/meminfo": "MemTotal:        2048 kB\nMemAvailable:    1024 kB\nSwapTotal:          0 kB\n",
    "proc/uptime": "90061.20 1000.00\n",
    "proc/loadavg": "0.10 0.20 0.30 1/100 4242\n",
}


def look(root: Path, rc: int = 0, out: str = "", **settings: Any) -> HostSummary:
    """A summary of the files below `root`, where every command answers the same."""

    def command(argv: Sequence[str]) -> tuple[int, str, str]:
        return rc, out, "the tool's own words" if rc else ""

    return HostSummary(command, NOW, root=str(root), **{"find": lambda name: f"/usr/bin/{name}", **settings})


@pytest.fixture()
def root(tmp_path: Path) -> Path:
    """A host as a directory."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_host_is_read_from_its_files(root: Path) -> None:
    """Each figure comes from the file that holds it."""
    host = look(root).collect(["host"])["host"]
    assert host["distribution"] == "Debian GNU/Linux 13 (trixie)"
    assert (host["memory_total_bytes"], host["memory_available_bytes"], host["swap_total_bytes"]) == (
        2097152,
        1048576,
        0,
    )
    assert (host["uptime_seconds"], host["load_average"]) == (90061, [0.1, 0.2, 0.3])
    assert host["kernel"] == os.uname().release


def test_absent_files_are_no_error(tmp_path: Path) -> None:
    """A host that hides /proc still answers."""
    assert look(tmp_path).collect(["host"])["host"]["memory_total_bytes"] is None


def test_wanted_sections_only(root: Path) -> None:
    """Nothing else is read, and `unknown` is always there."""
    assert set(look(root).collect(["updates"])) == {"updates", "unknown"}


def test_updates_and_the_age_of_their_lists(root: Path) -> None:
    """The age is told, because old lists hide updates; one from the future has age 0."""
    lists = root / "var/lib/apt/lists"
    lists.mkdir(parents=True)
    (lists / "Packages").write_text("", encoding="utf-8")
    os.utime(lists / "Packages", (NOW - 7200, NOW - 7200))
    out = "Inst bash [1] (2 Debian:13/stable [amd64])\n"
    updates = look(root, out=out).collect(["updates"])["updates"]
    assert (updates["count"], updates["security_count"], updates["lists_age_seconds"]) == (1, 0, 7200)
    os.utime(lists / "Packages", (NOW + 5, NOW + 5))
    assert look(root).collect(["updates"])["updates"]["lists_age_seconds"] == 0


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"rc": 100, "find": lambda name: name if name == "apt-get" else None}, "apt-get: the tool's own words"),
        ({"rc": 1, "find": lambda name: name if name == "dnf" else None}, "dnf: the tool's own words"),
        ({"find": lambda name: None}, "neither apt-get nor dnf is installed"),
    ],
    ids=["apt fails", "dnf fails", "no package manager"],
)
def test_unknown_updates_are_not_zero(root: Path, settings: dict[str, Any], reason: str) -> None:
    """Where the package manager gives no answer the count is unknown and the reason is given."""
    found = look(root, **settings).collect(["updates"])
    assert found["updates"]["count"] is None
    assert found["unknown"] == [{"what": "pending updates", "reason": reason}]


def test_reboot_mark_of_the_distribution(root: Path) -> None:
    """The packages that asked are named once each."""
    (root / "run").mkdir()
    (root / "run/reboot-required").write_text("*** System restart required ***\n", encoding="utf-8")
    (root / "run/reboot-required.pkgs").write_text("libc6\ndbus\nlibc6\n", encoding="utf-8")
    updates = look(root).collect(["updates"])["updates"]
    assert (updates["reboot_required"], updates["reboot_reasons"]) == (True, ["asked for by dbus, libc6"])


def test_failed_units(root: Path) -> None:
    """They are asked from systemd where it runs; elsewhere they are unknown."""
    assert look(root).collect(["failed_units"])["failed_units"] is None
    (root / "run/systemd/system").mkdir(parents=True)
    assert look(root, out="b.service loaded failed failed B\na.timer loaded failed failed A\n").collect(
        ["failed_units"]
    )["failed_units"] == ["a.timer", "b.service"]
    found = look(root, rc=1).collect(["failed_units"])
    assert found["failed_units"] is None
    assert found["unknown"] == [{"what": "failed units", "reason": "the tool's own words"}]


@pytest.mark.parametrize(("privileged", "reason"), [(False, "needs root"), (True, "held by the kernel")])
def test_hidden_owners_are_counted(root: Path, privileged: bool, reason: str) -> None:
    """Ports whose process cannot be seen are listed without it, and the summary says how many and why."""
    (root / "proc/net").mkdir()
    line = "   0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n"
    (root / "proc/net/tcp").write_text("header\n" + line, encoding="ascii")
    found = look(root, privileged=privileged).collect(["listening_ports"])
    assert [(port["port"], port["process"]) for port in found["listening_ports"]] == [(22, None)]
    assert found["unknown"][0]["what"] == "process of 1 listening ports"
    assert reason in found["unknown"][0]["reason"]


def test_parsers_take_odd_lines() -> None:
    """Quotes, comments, empty lines and empty values do no harm."""
    assert parse_os_release("# x=y\n\nNAME='A B'\nID=z\n") == {"NAME": "A B", "ID": "z"}
    assert parse_meminfo("\nMemTotal: 1 kB\nOdd:\n") == {"MemTotal": 1024}
    assert parse_failed_units("\n") == []
