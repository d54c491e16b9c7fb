# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt and dpkg say, in their own words."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.packages.apt import Apt, parse_policy, parse_simulation
from ansible_collections.evenkeel.ops.plugins.module_utils.packages.manager import Request

SIMULATION = """\
NOTE: This is only a simulation!
Reading package lists...
The following packages will be REMOVED:
  cron* exim4-base
Remv exim4-base [4.96-15]
Purg cron [3.0pl1-162]
Inst libjq1 (1.6-2.1 Debian:12/stable [amd64])
Inst jq [1.5] (1.6-2.1 Debian:12/stable, Debian-Security:12/stable-security [amd64]) []
Inst libc6:i386 (2.36-9 Debian:12/stable [i386])
Conf libjq1 (1.6-2.1 Debian:12/stable [amd64])
Conf jq (1.6-2.1 Debian:12/stable [amd64])
"""
POLICY = """\
jq:
  Installed: (none)
  Candidate: 1.6-2.1
  Version table:
     1.6-2.1 500
        500 http://example.org/debian bookworm/main amd64 Packages
mail-transport-agent:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


class Said(Runner):
    """Answers one thing to everything."""

    def __init__(self, rc: int, out: str, err: str = "") -> None:
        self.rc, self.out, self.err = rc, out, err
        self.argv: tuple[str, ...] = ()

    def run(self, argv: Sequence[str], *_args: object, **_options: object) -> Result:
        self.argv = tuple(argv)
        return Result(self.argv, self.rc, self.out, self.err)


def apt(rc: int = 0, out: str = "", err: str = "") -> Apt:
    return Apt(Host(runner=Said(rc, out, err)))


def test_a_simulation() -> None:
    installed, removed = parse_simulation(SIMULATION)
    assert installed == {"libjq1": "1.6-2.1", "jq": "1.6-2.1", "libc6": "2.36-9"}
    assert removed == {"exim4-base", "cron"}


def test_candidates() -> None:
    assert parse_policy(POLICY) == {"jq": ("", "1.6-2.1"), "mail-transport-agent": ("", "")}


def test_states_of_packages_even_where_one_is_unknown() -> None:
    out = "jq\tinstalled\t1.6-2.1\ncron\tconfig-files\t3.0\nlibc6:amd64\tinstalled\t2.36\nold\tnot-installed\t\n"
    manager = apt(1, out, "dpkg-query: no packages found matching nosuch")
    assert manager.installed(["jq", "cron", "libc6", "nosuch"]) == {"jq": "1.6-2.1", "libc6": "2.36"}
    assert manager.configured(["cron"]) == {"cron"}


def test_the_words_of_a_refusal() -> None:
    said = apt(100, "", "W: something\nE: dpkg was interrupted, you must run 'dpkg --configure -a'\n")
    assert said.simulate(Request(install=("jq",))).error == "dpkg was interrupted, you must run 'dpkg --configure -a'"


def test_everything_comes_and_goes_in_one_transaction() -> None:
    request = Request(("jq", "g++"), ("cron",), ("cron",), lock_timeout=7, environment={"http_proxy": "http://p:1"})
    first, second = apt().commands(request)
    assert first.argv[-4:] == ("--", "jq", "g++", "cron-")
    assert "DPkg::Lock::Timeout=7" in first.argv
    assert "Dpkg::Options::=--force-confold" in first.argv
    assert "--no-remove" not in first.argv
    assert first.env["DEBIAN_FRONTEND"] == "noninteractive"
    assert first.env["http_proxy"] == "http://p:1"
    assert second.argv[:2] == ("apt-get", "purge")
    assert second.argv[-1] == "cron"


def test_what_only_installs_can_remove_nothing() -> None:
    (command,) = apt().commands(Request(("jq",)))
    assert "--no-remove" in command.argv
    assert "--no-install-recommends" in command.argv


def test_a_simulation_takes_no_lock() -> None:
    manager = apt()
    manager.simulate(Request(("jq",)))
    runner = manager.host.runner
    assert isinstance(runner, Said)
    assert runner.argv[:4] == ("apt-get", "--simulate", "-o", "Debug::NoLocking=1")


def test_configuration_files() -> None:
    out = " /etc/crontab 0123456789abcdef\n /etc/default/cron 0123 obsolete\n"
    assert apt(0, out).configuration_files("cron") == ["/etc/crontab", "/etc/default/cron"]
