"""The load counts every request once, finds the failed ones, and tells what was in flight during an event."""

from __future__ import annotations

import csv
import json
import os
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import load_generator
from tools.load_generator import Load, Request, during, report


def test_in_flight_is_what_overlaps_with_the_event() -> None:
    requests = [
        Request("new", "a", 0.0, 1.0, ""),  # over before it
        Request("slow", "a", 0.5, 2.5, "cut"),  # in flight at its start
        Request("new", "b", 2.0, 2.1, ""),  # inside
        Request("new", "b", 3.0, 4.0, ""),  # begins as it ends
    ]
    assert during(requests, "b", 2.0, 3.0) == {
        "name": "b",
        "seconds": 1.0,
        "in_flight": 2,
        "in_flight_at_start": 1,
        "failed": 1,
    }


def test_the_report_counts_by_client_and_event() -> None:
    requests = [Request("new", "a", 0, 1, ""), Request("new", "a", 1, 2, "status 503"), Request("slow", "b", 2, 3, "")]
    found = report(requests, [("a", 0.0), ("b", 2.0)], 3.0)
    assert (found["total"], found["total_failed"]) == (3, 1)
    assert (found["answered"], found["failed"]) == ({"new a": 1, "slow b": 1}, {"new a": 1})
    assert found["errors"] == ["new a: status 503"]
    assert [(each["name"], each["in_flight"]) for each in found["events"]] == [("a", 2), ("b", 1)]


class Site(socketserver.StreamRequestHandler):
    """/ answers and keeps the connection; /broken answers 500; /cut ends in the middle of the answer."""

    def handle(self) -> None:
        """Answer until the client is gone."""
        while line := self.rfile.readline():
            path, header, closing = line.split()[1], b"-", False
            while header.strip():
                header = self.rfile.readline()
                closing = closing or header.lower().startswith(b"connection: close")
            status, length = (b"500 No", 2) if path == b"/broken" else (b"200 OK", 200 if path == b"/cut" else 2)
            self.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\nok" % (status, length))
            if closing or path == b"/cut":
                return


class Server(socketserver.ThreadingTCPServer):
    """Leaves no thread behind."""

    daemon_threads = True
    connections = 0

    def get_request(self) -> tuple[object, object]:
        """Count the connections."""
        self.connections += 1
        return super().get_request()


@pytest.fixture
def site() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def run(directory: Path, clients: list[dict[str, object]], event: str = "") -> dict[str, object]:
    """Run a load that ends when each of its clients has asked a few times."""
    (directory / "load.json").write_text(json.dumps({"clients": clients, "timeout": 5, "longest": 20}))
    (directory / "event").write_text("quiet")
    load = Load(directory)
    thread = threading.Thread(target=load.run)
    thread.start()
    deadline = time.monotonic() + 15
    while len(load.requests) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    if event:
        (directory / "event").write_text(event)
        while load.event != event and time.monotonic() < deadline:
            time.sleep(0.005)
        before = len(load.requests)
        while len(load.requests) < before + 20 and time.monotonic() < deadline:
            time.sleep(0.005)
    (directory / "stop").touch()
    thread.join()
    found: dict[str, object] = json.loads((directory / "report.json").read_text())
    return found


def client(site: Server, path: str, **more: object) -> dict[str, object]:
    """Return the plan of one client."""
    return {"name": path, "urls": [f"http://127.0.0.1:{site.server_address[1]}{path}"], "pause": 0.002, **more}


def test_failures_are_counted_and_named(site: Server, tmp_path: Path) -> None:
    found = run(tmp_path, [client(site, "/"), client(site, "/broken"), client(site, "/cut")])
    assert set(found["answered"]) == {"/ quiet"}
    assert set(found["failed"]) == {"/broken quiet", "/cut quiet"}
    assert any("status 500" in words for words in found["errors"])
    rows = list(csv.DictReader((tmp_path / "requests.csv").open()))
    assert len(rows) == found["total"]


def test_kept_connections_are_kept(site: Server, tmp_path: Path) -> None:
    found = run(tmp_path, [client(site, "/", keep_alive=True, count=2)], event="deploy")
    assert (found["total_failed"], site.connections) == (0, 2)
    assert [each["name"] for each in found["events"]] == ["quiet", "deploy"]
    assert all(each["in_flight"] > 0 for each in found["events"])


def test_it_ends_by_itself(site: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_generator, "WATCH_SECONDS", 0.001)
    (tmp_path / "load.json").write_text(json.dumps({"clients": [client(site, "/")], "longest": 0.05}))
    (tmp_path / "event").write_text("quiet")
    Load(tmp_path).run()
    assert (tmp_path / "report.json").exists()


@pytest.fixture
def curl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in curl's place, for there may be none here: two answers, one failure, an old version."""
    program = tmp_path / "bin/curl"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\nsleep 0.05\nfor line in '200 2 0.010 0 ' '503 2 0.020 0 '"
        " '000 0 0.030 56 Recv failure: reset by peer' '200 1.1 0.001 0 ' 'curl: (2) no' '';"
        ' do echo "$line" >&2; done\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("curl")
def test_http2_counts_what_curl_says(tmp_path: Path) -> None:
    plan = {"name": "HTTP/2", "urls": ["https://192.0.2.1/"], "http2": True}
    run(tmp_path, [plan], event="deploy")
    rows = list(csv.DictReader((tmp_path / "requests.csv").open()))
    wrong = {row["wrong"] for row in rows}
    assert wrong == {
        "",
        "status 503",
        "curl 56: Recv failure: reset by peer",
        "HTTP/1.1",
        "curl: (2) no",
        "curl said nothing",
    }
    assert {row["event"] for row in rows} == {"quiet", "deploy"}
    assert all(float(row["start"]) <= float(row["end"]) for row in rows)


def test_http2_asks_all_its_urls_in_one_burst(tmp_path: Path) -> None:
    (tmp_path / "load.json").write_text(
        json.dumps({"clients": [{"name": "a", "urls": ["https://a/", "https://b/"], "http2": True}]})
    )
    (tmp_path / "event").write_text("quiet")
    command = Load(tmp_path).clients[0].command()
    assert "--http2" in command
    assert [word for word in command if word.startswith("https")] == ["https://a/?[1-200]", "https://b/?[1-200]"]
