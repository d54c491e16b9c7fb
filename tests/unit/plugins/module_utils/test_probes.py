"""Probes ask real sockets and programs, and say what came and what was expected."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import probes
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host


class Answers(BaseHTTPRequestHandler):
    """/<status> answers with that status; /soon answers 503 twice, then 200."""

    asked = 0

    def do_GET(self) -> None:
        """Answer."""
        type(self).asked += 1
        soon = 503 if type(self).asked < 3 else 200
        self.send_response(soon if self.path == "/soon" else int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(f"Host {self.headers['Host']}".encode())

    def log_message(self, *args: Any) -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    Answers.asked = 0
    httpd = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def ask(within: float = 1, **option: Any) -> str:
    return probes.probe({"within": within, **option}).failure(Host())


def test_http_status_body_and_headers(server: str) -> None:
    assert ask(http={"url": f"{server}/200"}) == ""
    assert ask(http={"url": f"{server}/404", "status": [200, 404]}) == ""
    assert ask(http={"url": f"{server}/200", "contains": "Host shop", "headers": {"Host": "shop"}}) == ""
    assert ask(http={"url": f"{server}/500"}) == f"GET {server}/500 answered 500; expected 200"
    assert "the body does not contain 'no'" in ask(http={"url": f"{server}/200", "contains": "no"})


def test_redirect_is_an_answer(server: str) -> None:
    assert ask(http={"url": f"{server}/301"}) == f"GET {server}/301 answered 301; expected 200"


def test_answer_may_come_within_the_time(server: str) -> None:
    assert ask(within=5, http={"url": f"{server}/soon"}) == ""
    assert Answers.asked == 3


def test_nobody_answers(closed_port: int) -> None:
    assert "was not answered: " in ask(http={"url": f"http://127.0.0.1:{closed_port}/"})
    assert f"TCP 127.0.0.1 port {closed_port} takes no connection: " in ask(tcp={"port": closed_port})


def test_tcp_and_command(server: str) -> None:
    assert ask(tcp={"port": int(server.rpartition(":")[2])}) == ""
    assert ask(command=["true"]) == ""
    assert ask(command=["sh", "-c", "echo why; exit 3"]) == "sh -c echo why; exit 3 returned 3: why"
