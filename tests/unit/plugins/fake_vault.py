# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Vault server that answers what a test told it to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HEALTHY = {"initialized": True, "sealed": False, "version": "1.19.0"}


class FakeVault:
    """`answers` by "METHOD path": (status, body). `asked` by the same words, with token, wrap time and body."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {"GET sys/health": (200, dict(HEALTHY))}
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def answer(self, request: str, body: dict[str, Any], status: int = 200) -> None:
        self.answers[request] = (status, body)

    def requests(self) -> list[str]:
        return [request for request, _headers, _body in self.asked]


@contextmanager
def fake_vault() -> Iterator[FakeVault]:
    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            request = f"{self.command} {self.path.removeprefix('/v1/').partition('?')[0]}"
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            fake.asked.append((request, {name.lower(): value for name, value in self.headers.items()}, body))
            status, answer = fake.answers.get(request, (404, {"errors": []}))
            data = json.dumps(answer).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = serve  # noqa: N815 - http.server looks for these names

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeVault(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
