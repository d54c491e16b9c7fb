"""Asks URLs again and again until it is stopped, and counts what came back, by event. Runs on a host of the lab.

load_generator.py DIRECTORY, with the standard library of Python 3.9. The directory holds

load.json     {"clients": [{"name", "urls", "count", "keep_alive", "http2", "pause"}],
               "timeout": seconds, "longest": seconds}
event         the name of what is going on now; whoever makes it happen writes it
stop          ends the load when it appears
report.json   the result, written at the end
requests.csv  client, event, start, end and failure of every request

A request counts as failed when it is answered with an error, or not answered as a whole. Nothing is tried again, except
that a kept connection is opened anew after the server has said that it closes it.

HTTP/2 is spoken by curl, which has many requests in flight on each connection: Python's library has no HTTP/2.
"""

from __future__ import annotations

import csv
import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

MOST_ERRORS = 5
WATCH_SECONDS = 0.01
# Requests of one call of curl, all over one connection to each server, and how many of them are in flight at a time.
BURST = 400
STREAMS = 10


class Request(NamedTuple):
    """One request, and what was wrong with its answer; times are seconds since the start of the load."""

    client: str
    event: str
    start: float
    end: float
    wrong: str


class Client:
    """One client that asks its URLs in turn, over one connection or over a new one each time."""

    def __init__(self, load: Load, plan: dict[str, Any], number: int) -> None:
        self.load, self.name, self.number = load, plan["name"], number
        self.urls = [urllib.parse.urlsplit(url) for url in plan["urls"]]
        self.keep_alive = bool(plan.get("keep_alive"))
        self.pause = float(plan.get("pause", 0))
        self.open: dict[str, http.client.HTTPConnection] = {}

    def run(self) -> None:
        """Ask until stopped."""
        turn = self.number
        while not self.load.stopped.is_set():
            url = self.urls[turn % len(self.urls)]
            turn += 1
            event, start = self.load.event, self.load.now()
            wrong = self.ask(url)
            self.load.requests.append(Request(self.name, event, start, self.load.now(), wrong))
            self.load.stopped.wait(self.pause)

    def ask(self, url: urllib.parse.SplitResult) -> str:
        """Ask once; returns what was wrong."""
        connection = self.open.pop(url.netloc, None) or http.client.HTTPConnection(
            url.netloc, timeout=self.load.timeout
        )
        try:
            headers = {} if self.keep_alive else {"Connection": "close"}
            connection.request("GET", url.path or "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return repr(error)
        if self.keep_alive and not answer.will_close:
            self.open[url.netloc] = connection
        else:
            connection.close()
        return "" if answer.status == 200 else f"status {answer.status}"


class Http2Client:
    """One client that asks its URLs over HTTP/2, several requests at a time on one connection for each server.

    The certificate is not checked. Where the server says that it closes a connection (GOAWAY), curl sends what comes
    after that over a new one. That is no second attempt: the server took none of it (RFC 9113, section 6.8).
    """

    def __init__(self, load: Load, plan: dict[str, Any], number: int) -> None:
        self.load, self.name = load, plan["name"]
        urls = list(plan["urls"])
        turn = number % len(urls)
        self.urls = urls[turn:] + urls[:turn]

    def run(self) -> None:
        """Ask until stopped; what is in flight at that moment is not counted."""
        while not self.load.stopped.is_set():
            self.burst()

    def command(self) -> list[str]:
        """Curl with the requests of one burst."""
        answers = "%{stderr}%{http_code} %{http_version} %{time_total} %{exitcode} %{errormsg}\\n"
        limits = ["--parallel", "--parallel-max", str(STREAMS), "--max-time", f"{self.load.timeout:g}"]
        each = BURST // len(self.urls)
        targets = [word for url in self.urls for word in ("--output", "/dev/null", f"{url}?[1-{each}]")]
        return ["curl", "--silent", "--http2", "--insecure", *limits, "--write-out", answers, *targets]

    def burst(self) -> None:
        """Ask as often as one call of curl does, and note each answer as it comes."""
        with subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as curl:
            for line in curl.stderr or ():
                self.load.requests.append(self.request(line, self.load.now()))
                if self.load.stopped.is_set():
                    curl.terminate()
                    break

    def request(self, line: str, end: float) -> Request:
        """One answer of curl's."""
        status, version, took, code, words = [*line.rstrip("\n").split(" ", 4), "", "", "", ""][:5]
        if not took.replace(".", "").isdigit():
            return Request(self.name, self.load.event, end, end, line.strip() or "curl said nothing")
        start = max(0.0, end - float(took))
        wrong = ""
        if code != "0":
            wrong = f"curl {code}: {words}"
        elif status != "200":
            wrong = f"status {status}"
        elif version != "2":
            wrong = f"HTTP/{version}"
        return Request(self.name, self.load.event_at(start), start, end, wrong)


class Load:
    """All clients, the events, and the report."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        plan = json.loads((directory / "load.json").read_text())
        self.timeout, self.longest = float(plan.get("timeout", 10)), float(plan.get("longest", 900))
        self.began = time.monotonic()
        self.stopped = threading.Event()
        self.requests: list[Request] = []
        self.event = self.read_event()
        self.events = [(self.event, 0.0)]
        self.clients = [
            (Http2Client if each.get("http2") else Client)(self, each, number)
            for each in plan["clients"]
            for number in range(int(each.get("count", 1)))
        ]

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def read_event(self) -> str:
        """The event that is going on; nothing while its file is just being written anew."""
        try:
            return (self.directory / "event").read_text().strip()
        except FileNotFoundError:
            return ""

    def event_at(self, moment: float) -> str:
        """The event that was going on then."""
        return [name for name, start in self.events if start <= moment][-1]

    def run(self) -> None:
        """Load until stopped, and at most for so long as the plan says."""
        threads = [threading.Thread(target=client.run) for client in self.clients]
        for thread in threads:
            thread.start()
        while not (self.directory / "stop").exists() and self.now() < self.longest:
            event = self.read_event()
            if event and event != self.event:
                self.event = event
                self.events.append((event, self.now()))
            time.sleep(WATCH_SECONDS)
        self.stopped.set()
        for thread in threads:
            thread.join()
        self.write()

    def write(self) -> None:
        """Write every request, then the report, which appears as a whole."""
        with (self.directory / "requests.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([Request._fields, *self.requests])
        fresh = self.directory / "report.new"
        fresh.write_text(json.dumps(report(self.requests, self.events, self.now()), sort_keys=True))
        fresh.replace(self.directory / "report.json")


def report(requests: list[Request], events: list[tuple[str, float]], end: float) -> dict[str, Any]:
    """Totals, counts by client and event at the start of a request, and what was in flight during each event."""
    wrong = [each for each in requests if each.wrong]
    return {
        "total": len(requests),
        "total_failed": len(wrong),
        "seconds": round(end, 1),
        "answered": Counter(f"{each.client} {each.event}" for each in requests if not each.wrong),
        "failed": Counter(f"{each.client} {each.event}" for each in wrong),
        "errors": [f"{each.client} {each.event}: {each.wrong}" for each in wrong[:MOST_ERRORS]],
        "events": [
            during(requests, name, start, finish)
            for (name, start), (_next, finish) in zip(events, [*events[1:], ("", end)])  # noqa: B905 - Python 3.9 has no strict
        ],
    }


def during(requests: list[Request], name: str, start: float, end: float) -> dict[str, Any]:
    """What overlapped with one event, and how much of that had begun before it."""
    inside = [each for each in requests if each.start < end and each.end > start]
    return {
        "name": name,
        "seconds": round(end - start, 1),
        "in_flight": len(inside),
        "in_flight_at_start": sum(each.start < start for each in inside),
        "failed": sum(bool(each.wrong) for each in inside),
    }


if __name__ == "__main__":
    Load(Path(sys.argv[1])).run()
