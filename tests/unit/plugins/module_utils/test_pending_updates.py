"""What package managers print becomes a list of updates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import pending_updates as pending

APT_OUTPUT = """\
NOTE: This is only a simulation!
Reading package lists...
Inst openssl [3.0.19-1~deb12u2] (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.15/oldstable [amd64])
Inst libc6 [2.36-9] (2.36-10 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst linux-image-6.1.0-40-amd64 (6.1.192-2 Ubuntu:24.04/noble-security [amd64])
Conf openssl (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
Remv old-package [1.0]
"""
DNF_OUTPUT = """

kernel.x86_64                     5.14.0-503.15.1.el9_5        baseos
openssl-libs.x86_64               1:3.2.2-6.el9_5              baseos
Obsoleting Packages
old-tool.noarch                   1-2                          appstream
"""
DNF_SECURITY = """\
RLSA-2026:1234 Important/Sec. openssl-libs-1:3.2.2-6.el9_5.x86_64
"""


def answers(*results: tuple[int, str, str]) -> pending.Command:
    """A command that gives these answers, one after the other."""
    queue = list(results)
    return lambda argv: queue.pop(0)


def test_apt_simulation_is_read() -> None:
    """Upgraded and new packages are listed; removals and configuration are not."""
    updates = pending.parse_apt(APT_OUTPUT)
    assert [(update.name, update.installed, update.candidate, update.security) for update in updates] == [
        ("openssl", "3.0.19-1~deb12u2", "3.0.22-1~deb12u2", True),
        ("bash", "5.2.15-2+b8", "5.2.15-2+b13", False),
        ("libc6", "2.36-9", "2.36-10", True),
        ("linux-image-6.1.0-40-amd64", None, "6.1.192-2", True),
    ]


def test_dnf_answer_is_read() -> None:
    """Updates are listed, obsoleting packages are not; a security advice marks its package."""
    updates = pending.parse_dnf(DNF_OUTPUT, DNF_SECURITY)
    assert [(update.name, update.security) for update in updates] == [("kernel", False), ("openssl-libs", True)]


def test_unknown_security_is_not_no_security() -> None:
    """Where dnf has no advisories the number of security updates is unknown, not zero."""
    updates = pending.ask_dnf(answers((100, DNF_OUTPUT, ""), (1, "", "no advisories")))
    assert pending.summarize(updates)["security_count"] is None
    assert pending.summarize(updates)["count"] == 2


def test_summary_counts_and_sorts() -> None:
    """Counts are those of the list, which is in the order of names."""
    summary = pending.summarize(pending.ask_apt(answers((0, APT_OUTPUT, ""))))
    assert (summary["count"], summary["security_count"]) == (4, 3)
    assert [package["name"] for package in summary["packages"]][0] == "bash"  # type: ignore[attr-defined]  # plain data


@pytest.mark.parametrize("ask", [pending.ask_apt, pending.ask_dnf])
def test_refusal_is_the_tools_own_word(ask: object) -> None:
    """A package manager that fails is quoted."""
    with pytest.raises(pending.UpdatesUnknown, match="lists are broken"):
        ask(answers((1, "", "E: lists are broken\n")))  # type: ignore[operator]  # one of two functions


def test_nothing_is_locked_refreshed_or_written() -> None:
    """The commands are the reading ones."""
    asked: list[Sequence[str]] = []

    def command(argv: Sequence[str]) -> tuple[int, str, str]:
        asked.append(argv)
        return 0, "", ""

    pending.ask_apt(command)
    pending.ask_dnf(command)
    assert {"--simulate", "--option=Debug::NoLocking=true", "--option=Dir::Cache::pkgcache="} <= set(asked[0])
    assert all("--cacheonly" in argv for argv in asked[1:])


@pytest.mark.parametrize(
    ("running", "kernels", "marked", "packages", "words"),
    [
        ("6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-10-amd64"], False, [], ["6.1.0-10-amd64 is installed"]),
        ("6.1.0-10-amd64", ["6.1.0-9-amd64", "6.1.0-10-amd64"], False, [], []),
        ("6.18.1-host", [], False, [], []),
        ("6.18.1-host", ["6.1.0-10-amd64"], False, [], []),
        ("6.1.0-9-amd64", [], True, ["dbus", "libc6"], ["asked for by dbus, libc6"]),
        ("6.1.0-9-amd64", [], True, [], ["asked for by the package manager"]),
    ],
    ids=["newer kernel", "newest kernel", "no kernels", "container", "marked", "marked without packages"],
)
def test_reboot_has_its_reasons(
    running: str, kernels: list[str], marked: bool, packages: list[str], words: list[str]
) -> None:
    """A mark of the distribution or a newer kernel asks for a reboot; a container's kernel is not its own."""
    reasons = pending.reboot_reasons(running, kernels, marked, packages)
    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True))


def test_age_of_the_lists_is_that_of_the_newest(tmp_path: Path) -> None:
    """An absent or empty directory has no age."""
    assert pending.newest_mtime(str(tmp_path / "absent")) is None
    assert pending.newest_mtime(str(tmp_path)) is None
    (tmp_path / "lists").write_text("", encoding="utf-8")
    assert pending.newest_mtime(str(tmp_path)) == (tmp_path / "lists").stat().st_mtime
