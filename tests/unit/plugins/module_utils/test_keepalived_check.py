"""What is asked of keepalived and of what it watches."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import keepalived_check


def stand_in(tmp_path: Path, script: str) -> str:
    """A program in keepalived's place."""
    program = tmp_path / "keepalived"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def asked(*arguments: str) -> tuple[int, str]:
    argv = [sys.executable, "-I", "-S", keepalived_check.__file__, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("exit 0", 0, ""),
        # Version 2.2.7 ends so where a script has a user, whatever it has read.
        ("kill -TERM 0", 0, ""),
        ("echo '(Line 3) Unknown keyword'; kill -TERM 0", 1, "(Line 3) Unknown keyword"),
        ("echo '(Line 3) Unknown keyword' >&2; exit 5", 1, "(Line 3) Unknown keyword"),
        ("exit 5", 1, "--config-test ended with 5 and without a word"),
        ("kill -SEGV $$", 1, "--config-test ended with -11 and without a word"),
    ],
)
def test_configurations(script: str, status: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("vrrp_instance web {\n}\n")
    code, words = asked("configuration", stand_in(tmp_path, script), str(tmp_path / "conf"))
    assert (code, said in words) == (status, True), words


def test_processes_that_nobody_tells_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf").write_text("vrrp_track_process haproxy {\n    process haproxy\n}\n")
    program = stand_in(tmp_path, "exit 0")
    monkeypatch.setattr(keepalived_check, "process_events", lambda: "")
    assert keepalived_check.configuration(program, str(tmp_path / "conf")) == 0
    monkeypatch.setattr(keepalived_check, "process_events", lambda: "Connection refused")
    assert keepalived_check.configuration(program, str(tmp_path / "conf")) == 1
    assert "(Connection refused)" in capsys.readouterr().out


@pytest.fixture
def server() -> Iterator[str]:
    """Answers with the status that the path says."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.rpartition("/")[2] or 200))
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Silent."""

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize(("path", "status"), [("", 0), ("/", 0), ("/a/204", 0), ("/302", 0), ("/404", 1), ("/503", 1)])
def test_urls(path: str, status: int, server: str) -> None:
    assert asked("url", "5", server + path)[0] == status


def test_a_server_that_does_not_answer(server: str) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        assert asked("url", "5", f"http://127.0.0.1:{port}/")[0] == 1
        silent.listen()
        code, said = asked("url", "0.2", f"http://127.0.0.1:{port}/")
        assert (code, "was not answered: timed out" in said) == (1, True)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("http://127.0.0.1", ("127.0.0.1", 80, "/")),
        ("http://localhost:8080/a/b?c=d", ("localhost", 8080, "/a/b?c=d")),
        ("http://[::1]/x", ("::1", 80, "/x")),
        ("http://[::1]:81", ("::1", 81, "/")),
    ],
)
def test_parts_of_a_url(address: str, parts: tuple[str, int, str]) -> None:
    assert keepalived_check.split_url(address) == parts


@pytest.mark.parametrize("address", ["https://x/", "http:///", "x", ""])
def test_what_is_no_url(address: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        keepalived_check.split_url(address)


@pytest.mark.parametrize(
    ("shown", "has_child", "status"),
    [
        ("ActiveState=inactive\nSubState=dead\nMainPID=0\n", False, 0),
        ("ActiveState=active\nSubState=running\nMainPID=7\n", True, 0),
        ("ActiveState=active\nSubState=running\nMainPID=7\n", False, 1),
        ("ActiveState=activating\nSubState=auto-restart\nMainPID=0\n", False, 1),
        ("ActiveState=failed\nSubState=failed\nMainPID=0\n", False, 1),
    ],
)
def test_units(shown: str, has_child: bool, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(argv, 0, shown.encode())

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(keepalived_check, "children", lambda _pid: ["8"] if has_child else [])
    assert keepalived_check.unit("keepalived.service") == status


def test_unknown_questions() -> None:
    assert asked("who", "knows")[0] == 2
