"""Proofs want to see a new generation; the programs themselves are tried in molecule/config_tree."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_master, probes, proofs
from ansible_collections.evenkeel.ops.plugins.module_utils.execution import StepFailed
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host, Result, Runner
from ansible_collections.evenkeel.ops.plugins.module_utils.unit_log import UnitLog

BEFORE = """#<PID>          <type>          <reloads>       <uptime>        <version>
100             master          1               0d00h01m00s     2.6.12
# workers
101             worker          0               0d00h00m30s     2.6.12
# old workers
99              worker          1               0d00h01m00s     2.6.12
# programs

"""
AFTER = BEFORE.replace("101 ", "102 ")
FAILED = BEFORE.replace("master          1 ", "master          2 [failed: 1]")


class Master:
    """A master socket that answers `show proc` with what it is told."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.answer = BEFORE
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _peer = self.listener.accept()
            except OSError:
                return
            with connection:
                asked = connection.recv(1000).decode().strip()
                connection.sendall((self.answer if asked == "show proc" else "Unknown command").encode())


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    made = Master(str(tmp_path / "master.sock"))
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()
    made.thread.join()


def proof_of(master: Master, configuration: str = "/nowhere") -> proofs.HaproxyMaster:
    return proofs.HaproxyMaster(master.path, configuration, "haproxy.service", within=0.3)


def test_processes_of_haproxy() -> None:
    assert haproxy_master.parse_processes(BEFORE) == haproxy_master.Processes(
        frozenset({101}), frozenset({99, 100, 101}), 0
    )
    assert haproxy_master.parse_processes(FAILED).failed == 1


def test_new_worker_is_proof(master: Master) -> None:
    proof = proof_of(master)
    proof.before(Host())
    assert "shows no new worker within 0.3 s" in proof.failure(Host())
    master.answer = AFTER
    assert proof.failure(Host()) == ""


def test_failed_reload_is_said_at_once(master: Master) -> None:
    proof = proof_of(master)
    proof.within = 60
    proof.before(Host())
    master.answer = FAILED
    assert proof.failure(Host()) == "HAProxy's master says that the reload failed, the old workers go on"


def test_program_that_does_not_run_needs_no_proof(tmp_path: Path) -> None:
    proof = proofs.HaproxyMaster(str(tmp_path / "none"), "/nowhere", "no-such-unit.service", within=0.3)
    proof.before(Host())
    assert proof.failure(Host()) == ""


def test_port_of_another_is_refused_before_the_reload(master: Master, tmp_path: Path) -> None:
    configuration = tmp_path / "haproxy.cfg"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        configuration.write_text(f"frontend x\n    bind *:{port} ssl\n")
        with pytest.raises(StepFailed, match=f"127.0.0.1 port {port} is already in use by .*, pid {os.getpid()}"):
            proof_of(master, str(configuration)).before(Host())
        master.answer = BEFORE.replace("101 ", f"{os.getpid()} ")
        proof_of(master, str(configuration)).before(Host())
    proof_of(master, str(configuration)).before(Host())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("bind :80", [("", 80, 80)]),
        ("    bind *:80,[::]:443 ssl crt x", [("*", 80, 80), ("::", 443, 443)]),
        ("bind 192.0.2.1:1000-1010", [("192.0.2.1", 1000, 1010)]),
        ("bind ipv4@192.0.2.1:80", [("192.0.2.1", 80, 80)]),
        ("bind /run/x.sock\nbind unix@/run/y.sock\nbind ${ADDRESS}:${PORT}\n# bind :80\n", []),
    ],
)
def test_binds(line: str, found: list[tuple[str, int, int]]) -> None:
    assert list(haproxy_master.binds(line)) == found


def nginx(tmp_path: Path, pid: str = "") -> proofs.NginxWorkers:
    (tmp_path / "pid").write_text(pid)
    (tmp_path / "error.log").write_text("2026 [emerg] 1#1: an old one\n")
    return proofs.NginxWorkers(str(tmp_path / "pid"), str(tmp_path / "error.log"), "no-such-unit.service", within=0.3)


def test_only_new_lines_of_the_error_log_count(tmp_path: Path) -> None:
    proof = nginx(tmp_path)
    proof.before(Host())
    assert proof.failure(Host()) == ""
    with (tmp_path / "error.log").open("a") as log:
        log.write('2026 [emerg] 1#1: unknown directive "servr"\n')
    assert proof.failure(Host()) == (
        'NGINX did not take the configuration over: 2026 [emerg] 1#1: unknown directive "servr"'
    )


def test_rotated_error_log_is_read_from_its_start(tmp_path: Path) -> None:
    proof = nginx(tmp_path)
    proof.before(Host())
    (tmp_path / "error.log").rename(tmp_path / "error.log.1")
    (tmp_path / "error.log").write_text("2026 [emerg] 1#1: new\n")
    assert "[emerg] 1#1: new" in proof.failure(Host())


def test_nginx_that_tries_to_bind_is_waited_for(tmp_path: Path) -> None:
    proof = nginx(tmp_path)
    proof.before(Host())
    with (tmp_path / "error.log").open("a") as log:
        log.write("2026 [emerg] 1#1: bind() to 0.0.0.0:80 failed\n")
    assert not proof.ask(Host()).startswith(proofs.REJECTED)
    with (tmp_path / "error.log").open("a") as log:
        log.write("2026 [emerg] 1#1: still could not bind()\n")
    assert proof.ask(Host()).startswith(proofs.REJECTED)


def test_master_without_new_workers_is_no_proof(tmp_path: Path) -> None:
    proof = nginx(tmp_path, str(os.getpid()))
    proof.before(Host())
    assert "shows no new workers within 0.3 s" in proof.failure(Host())


class Recorded(Runner):
    """Answers commands from a function."""

    def __init__(self, answer: Callable[[Sequence[str]], str]) -> None:
        self.answer = answer

    def run(self, argv, stdin=None, env=None, timeout=300.0):  # type: ignore[no-untyped-def]  # as Runner.run
        return Result(tuple(argv), 0, self.answer(argv), "")


class Systemd(Host):
    """A host that has systemd."""

    has_systemd = True


def test_restarted_unit_needs_a_new_invocation() -> None:
    shown = {"state": "active", "id": "a"}
    host = Systemd(runner=Recorded(lambda argv: f"ActiveState={shown['state']}\nInvocationID={shown['id']}\n"))
    proof = proofs.Restarted("x.service", within=0.3)
    proof.before(host)
    assert "still the old invocation" in proof.failure(host)
    shown["id"] = "b"
    assert proof.failure(host) == ""
    shown.update(state="failed", id="c")
    assert proof.failure(host).startswith("unit x.service is failed; expected a new, active one")


class Metrics:
    """A program that tells of its configuration like Alertmanager; None means that it does not answer."""

    def __init__(self) -> None:
        self.told: dict[str, float] | None = {
            "last_reload_successful": 1,
            "last_reload_success_timestamp_seconds": 10.5,
        }
        shown = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if shown.told is not None else 503)
                self.end_headers()
                told = (shown.told or {}).items()
                self.wfile.write("".join(f"alertmanager_config_{name} {value!r}\n" for name, value in told).encode())

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/metrics"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def tell(self, **values: float) -> None:
        """Change what it tells."""
        self.told = {**(self.told or {}), **values}


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    made = Metrics()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def reloaded(metrics: Metrics, configuration: str = "") -> proofs.Reloaded:
    return proofs.Reloaded(metrics.url, "alertmanager_config", configuration, "alertmanager.service", within=0.3)


def test_a_configuration_that_was_taken_over_since_is_proof(metrics: Metrics) -> None:
    proof = reloaded(metrics)
    proof.before(Host())
    assert "has not taken the configuration over within 0.3 s" in proof.failure(Host())
    metrics.tell(last_reload_success_timestamp_seconds=10.6)
    assert proof.failure(Host()) == ""


def test_a_refused_configuration_is_said_at_once(metrics: Metrics) -> None:
    proof = reloaded(metrics)
    proof.before(Host())
    metrics.tell(last_reload_successful=0)
    assert proof.ask(Host()).startswith(proofs.REJECTED)
    assert proof.failure(Host()) == "alertmanager.service refused the new configuration and goes on with the old one"


def test_what_was_refused_before_is_waited_for(metrics: Metrics) -> None:
    metrics.tell(last_reload_successful=0)
    proof = reloaded(metrics)
    proof.before(Host())
    assert not proof.ask(Host()).startswith(proofs.REJECTED)
    metrics.tell(last_reload_successful=1, last_reload_success_timestamp_seconds=11)
    assert proof.failure(Host()) == ""


def test_the_hash_is_that_of_the_file(metrics: Metrics, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text("route: {}\n")
    # As Alertmanager counts: the first six bytes of MD5, least first.
    hashed = float(int.from_bytes(hashlib.md5(file.read_bytes(), usedforsecurity=False).digest()[:6], "little"))
    proof = reloaded(metrics, str(file))
    proof.before(Host())
    metrics.tell(last_reload_success_timestamp_seconds=11, hash=hashed + 1)
    assert proof.failure(Host()) == f"alertmanager.service serves another configuration than {file}"
    metrics.tell(hash=hashed)
    assert proof.failure(Host()) == ""


def test_a_program_that_dies_at_the_reload_is_no_proof(metrics: Metrics) -> None:
    proof = reloaded(metrics)
    proof.before(Host())
    metrics.told = None
    assert "does not tell alertmanager_config_last_reload_success" in proof.failure(Host())


def test_a_program_that_did_not_run_needs_no_proof_of_its_reload(metrics: Metrics) -> None:
    metrics.told = None
    proof = reloaded(metrics)
    proof.before(Host())
    assert proof.failure(Host()) == ""
    running = Systemd(runner=Recorded(lambda argv: ""))
    assert "does not tell" in proof.failure(running)


def test_the_url_of_a_proof_is_one(metrics: Metrics) -> None:
    with pytest.raises(probes.BadProbe, match="url is 'file:///etc/passwd'; allowed is one that begins with http://"):
        proofs.proof({"reloaded": {"url": "file:///etc/passwd", "metrics": "x", "unit": "x.service"}})


def test_log_since_a_mark_is_asked_by_cursor() -> None:
    asked: list[Sequence[str]] = []

    def answer(argv: Sequence[str]) -> str:
        asked.append(argv)
        if "--show-cursor" in argv:
            return "a line\n-- cursor: s=1;i=2\n"
        entries = [
            {"MESSAGE": "Connect from 127.0.0.1", "PRIORITY": "6", "_TRANSPORT": "syslog"},
            {"MESSAGE": "[ALERT] printed", "PRIORITY": "6", "_TRANSPORT": "stdout"},
            {"MESSAGE": "Failed to reload", "PRIORITY": "3", "_TRANSPORT": "journal"},
        ]
        return "\n".join(map(json.dumps, entries))

    log, host = UnitLog("x.service"), Systemd(runner=Recorded(answer))
    assert log.since(host) == ""
    log.mark(host)
    assert log.since(host) == "[ALERT] printed\nFailed to reload"
    assert {"--unit=x.service", "--after-cursor=s=1;i=2"} <= set(asked[-1])


def test_after_a_failure_the_proofs_look_at_what_comes_next(master: Master) -> None:
    proof = proof_of(master)
    proof.before(Host())
    master.answer = AFTER
    failing = proofs.Rewinding(probes.probe({"command": ["false"], "within": 1}), [proof])
    assert failing.failure(Host())
    assert "no new worker" in proof.failure(Host()), "the refused generation was taken for the one put back"
