"""What was set at run time is kept, and nothing else of HAProxy's dump."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import haproxy_states

# As HAProxy 3.0 writes it: web1 is drained, web2 has another weight, api/web1 is in maint, api/web2 is untouched.
DUMP = f"""1
# {" ".join(haproxy_states.COLUMNS)} srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 web 1 web1 192.0.2.1 2 8 1 1 20 15 3 4 6 0 0 0 - 9001 - 0 0 - - 0
3 web 2 web2 192.0.2.2 2 0 5 10 20 15 3 4 6 0 0 0 - 9002 - 1 0 - - 0
4 api 1 web1 192.0.2.1 0 1 1 1 20 1 0 0 14 0 0 0 - 9001 - 0 0 - - 0
4 api 2 web2 192.0.2.2 2 0 1 1 20 1 0 0 14 0 0 0 - 9002 - 0 0 - - 0

"""
CONFIGURATION = """
global
    stats socket /run/haproxy/admin.sock
backend web
    server web1 192.0.2.1:9101 check
    server web2 [2001:db8::2]:9102 check
frontend http
    server web3 192.0.2.3:80
listen api
    server web1 app.sock@/run/app
    server web2 192.0.2.2:http
"""


def rows(content: str) -> dict[str, list[str]]:
    """The fields of each server in a state file, by its place."""
    lines = [line.split() for line in content.splitlines()[2:]]
    return {f"{fields[1]}/{fields[3]}": fields for fields in lines}


def test_only_what_somebody_touched_is_kept() -> None:
    assert sorted(rows(haproxy_states.render(DUMP, ""))) == ["api/web1", "web/web1", "web/web2"]


def test_the_configuration_wins_over_the_dump() -> None:
    kept = rows(haproxy_states.render(DUMP, CONFIGURATION))
    # No address, no TLS; the configuration's port, and the running one where the configuration writes out none.
    assert {place: (fields[4], fields[18], len(fields)) for place, fields in kept.items()} == {
        "web/web1": ("-", "9101", 20),
        "web/web2": ("-", "9102", 20),
        "api/web1": ("-", "9001", 20),
    }
    assert kept["web/web1"][6] == "8"
    assert kept["web/web2"][7:9] == ["5", "10"]


def test_ports_are_read_from_pools_only() -> None:
    assert haproxy_states.configured_ports(CONFIGURATION) == {("web", "web1"): "9101", ("web", "web2"): "9102"}


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[str]:
    """A socket that answers every command with the dump."""
    path = str(tmp_path / "admin.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(DUMP.encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_the_program_saves_what_haproxy_says(haproxy: str, tmp_path: Path) -> None:
    configuration, state_file = tmp_path / "haproxy.cfg", tmp_path / "states"
    configuration.write_text(CONFIGURATION)
    argv = [sys.executable, "-I", haproxy_states.__file__, haproxy, str(configuration), str(state_file)]
    subprocess.run(argv, check=True)
    assert state_file.read_text() == haproxy_states.render(DUMP, CONFIGURATION)
    assert state_file.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["admin.sock", "haproxy.cfg", "states"]


def test_a_stopped_haproxy_leaves_what_was_kept(tmp_path: Path) -> None:
    state_file = tmp_path / "states"
    haproxy_states.save(str(tmp_path / "no.sock"), "/nowhere", str(state_file))
    assert state_file.read_text() == haproxy_states.HEADER
    state_file.write_text(haproxy_states.render(DUMP, ""))
    haproxy_states.save(str(tmp_path / "no.sock"), "/nowhere", str(state_file))
    assert len(rows(state_file.read_text())) == 3


def test_the_program_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert haproxy_states.main(["only one"]) == 2
    assert "usage:" in capsys.readouterr().err


def test_a_failed_write_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_file = tmp_path / "states"
    state_file.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(haproxy_states.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        haproxy_states.write(str(state_file), "new")
    assert [path.name for path in tmp_path.iterdir()] == ["states"]
    assert state_file.read_text() == "old"


def test_who_saves_waits_for_who_saves_already(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = threading.Event()

    def query(_path: str, _command: str) -> str:
        asked.set()
        return DUMP

    monkeypatch.setattr(haproxy_states, "query", query)
    state_file = tmp_path / "server-states"
    saving = threading.Thread(target=haproxy_states.save, args=("socket", "/nowhere", str(state_file)))
    with haproxy_states.one_at_a_time(str(state_file)):
        saving.start()
        assert not asked.wait(0.2)
    saving.join(10)
    assert asked.is_set() and "web1" in state_file.read_text()
