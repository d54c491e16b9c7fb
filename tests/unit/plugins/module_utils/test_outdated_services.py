# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""needrestart's batch output, and what becomes of the services that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import hold, outdated_services
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.outdated_services import (
    OutdatedUnknown,
    Restarts,
    parse,
    split,
)

BATCH = """\
NEEDRESTART-VER: 3.6
NEEDRESTART-KCUR: 6.1.0-40-amd64
NEEDRESTART-KEXP: 6.1.0-41-amd64
NEEDRESTART-KSTA: 3
NEEDRESTART-UCSTA: 2
NEEDRESTART-UCCUR: 0x1
NEEDRESTART-UCEXP: 0x2
NEEDRESTART-SVC: dbus.service
NEEDRESTART-SVC: ssh.service
NEEDRESTART-SVC: systemd-manager
NEEDRESTART-SVC: ssh.service
NEEDRESTART-CONT: LXC web1
NEEDRESTART-SESS: operator @ session #2
"""


def test_the_batch_output_is_read() -> None:
    found = parse(BATCH)
    assert found.services == ["dbus.service", "ssh.service", "systemd-manager"]
    assert found.containers == ["LXC web1"]
    assert found.sessions == ["operator @ session #2"]
    assert found.reboot == [
        "a newer kernel is installed: 6.1.0-41-amd64, 6.1.0-40-amd64 runs",
        "newer microcode is there: 0x2, 0x1 runs",
    ]


@pytest.mark.parametrize("status", ["0", "1", ""])
def test_a_current_or_unknown_kernel_is_no_reason(status: str) -> None:
    assert parse(f"NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1\nNEEDRESTART-KSTA: {status}\n").reboot == []


def test_an_abi_compatible_kernel_is_a_reason() -> None:
    output = "NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1\nNEEDRESTART-KEXP: 6.1-2\nNEEDRESTART-KSTA: 2\n"
    assert parse(output).reboot == ["an ABI compatible kernel is installed: 6.1-2, 6.1 runs"]


@pytest.mark.parametrize("output", ["", "NEEDRESTART-SVC: ssh.service\n", "Usage: needrestart\n"])
def test_something_else_than_batch_output_is_not_taken_for_no_services(output: str) -> None:
    with pytest.raises(OutdatedUnknown, match="gave no version line"):
        parse(output)


def test_process_one_comes_first_and_patterns_stay() -> None:
    services = ["dbus.service", "ssh.service", "systemd-manager", "user@1000.service"]
    assert split(services, ["dbus*", "user@*"]) == (
        ["systemd-manager", "ssh.service"],
        ["dbus.service", "user@1000.service"],
    )


class Machine(Runner):
    """Runs services in memory: those in `outdated` use old code until they are restarted."""

    def __init__(self, outdated: Sequence[str], broken: Mapping[str, str] | None = None) -> None:
        self.outdated = list(outdated)
        # What goes wrong, by argument vector.
        self.broken = dict(broken or {})
        self.asked: list[str] = []

    def run(
        self,
        argv: Sequence[str],
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300.0,
    ) -> Result:
        words = " ".join(argv)
        self.asked.append(words)
        if words in self.broken:
            return Result(tuple(argv), 1, "", self.broken[words])
        if argv[0] == "needrestart":
            lines = [f"NEEDRESTART-SVC: {name}\n" for name in self.outdated]
            return Result(tuple(argv), 0, "NEEDRESTART-VER: 3.6\n" + "".join(lines), "")
        name = "systemd-manager" if words.endswith("daemon-reexec") else argv[-1]
        if argv[:2] == ["systemctl", "restart"] or name == "systemd-manager":
            self.outdated = [each for each in self.outdated if each != name]
        return Result(tuple(argv), 0, "active\n", "")


class Installed(Host):
    def has(self, program: str) -> bool:
        return True


class Bare(Host):
    def has(self, program: str) -> bool:
        return False


def restarts(tmp_path: Path, machine: Machine, check_mode: bool = False, bare: bool = False) -> Restarts:
    options = {"never": ["dbus*"], "state_dir": str(tmp_path / "state"), "run": "run-1"}
    (tmp_path / "state").mkdir(exist_ok=True)
    host = (Bare if bare else Installed)(root=str(tmp_path), runner=machine)
    call = Restarts(options, check_mode, host)
    call.serve()
    return call


def test_services_are_restarted_one_by_one_and_asked_about_again(tmp_path: Path) -> None:
    machine = Machine(["dbus.service", "app.service", "systemd-manager"])
    call = restarts(tmp_path, machine)
    assert (call.error, call.changed) == ("", True)
    assert call.values["restarted"] == ["systemd-manager", "app.service"]
    assert call.values["kept"] == ["dbus.service"]
    assert machine.outdated == ["dbus.service"]


def test_haproxy_is_reloaded_and_its_last_sessions_are_not_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outdated_services, "LAST_REQUESTS", 0.0)
    machine = Machine(["haproxy.service"])
    call = restarts(tmp_path, machine)
    assert "systemctl reload -- haproxy.service" in machine.asked
    assert not any("restart" in words for words in machine.asked if words.startswith("systemctl"))
    assert (call.error, call.values["restarted"]) == ("", ["haproxy.service"])
    assert (call.values["kept"], call.values["outdated"]) == (["haproxy.service"], [])


def test_check_mode_restarts_nothing(tmp_path: Path) -> None:
    machine = Machine(["app.service", "dbus.service"])
    call = restarts(tmp_path, machine, check_mode=True)
    assert (call.changed, call.values["restarted"]) == (True, ["app.service"])
    assert machine.asked == ["needrestart -b"]


def test_nothing_outdated_is_no_change(tmp_path: Path) -> None:
    call = restarts(tmp_path, Machine(["dbus.service"]))
    assert (call.error, call.changed, call.values["restarted"]) == ("", False, [])


def test_a_service_that_would_not_start_again_is_left_running(tmp_path: Path) -> None:
    machine = Machine(["ssh.service", "app.service"], {"sshd -t": "line 3: Bad configuration option"})
    call = restarts(tmp_path, machine)
    assert "ssh.service is not restarted, because its configuration would not start it: line 3" in call.error
    assert "systemctl restart -- ssh.service" not in machine.asked
    # The others are restarted all the same.
    assert (call.values["restarted"], call.values["outdated"]) == (["app.service"], ["ssh.service"])


def test_a_service_that_does_not_come_back_is_reported(tmp_path: Path) -> None:
    machine = Machine(["app.service"], {"systemctl restart -- app.service": "Job for app.service failed"})
    call = restarts(tmp_path, machine)
    assert "app.service did not come back: Job for app.service failed" in call.error
    assert (call.changed, call.values["restarted"]) == (False, [])


def test_a_service_that_uses_old_code_after_its_restart_is_reported(tmp_path: Path) -> None:
    machine = Machine(["app.service"])
    original = machine.run

    def run(argv: Sequence[str], *args: object, **options: object) -> Result:
        answer = original(argv)
        machine.outdated = ["app.service"]
        return answer

    machine.run = run  # type: ignore[assignment]  # a machine on which restarting does not help
    assert restarts(tmp_path, machine).error == "Restarted, and still running replaced code: app.service."


def test_a_host_on_hold_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    hold.put(str(tmp_path / "state"), hold.Hold("incident 7", "anna", ""))
    machine = Machine(["app.service"])
    call = restarts(tmp_path, machine)
    assert "This host is on hold (anna: incident 7)" in call.error
    assert not any("restart" in words for words in machine.asked if words.startswith("systemctl"))


def test_without_needrestart_a_real_run_fails_and_check_mode_says_that_it_is_not_known(tmp_path: Path) -> None:
    assert restarts(tmp_path, Machine([]), bare=True).error.startswith("needrestart is not installed")
    predicted = restarts(tmp_path, Machine([]), check_mode=True, bare=True)
    assert (predicted.error, predicted.values["known"]) == ("", False)
