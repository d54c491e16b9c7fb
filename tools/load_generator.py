"""Asks both programs for their site, one connection per request, until the stop file is there; counts per event.

load.py DIRECTORY: DIRECTORY/event names the present event, DIRECTORY/stop ends it, DIRECTORY/report.json is the result.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path

PORTS = {"nginx": 80, "haproxy": 8080}
# Nothing waits for this; it bounds a run that nobody stops.
LONGEST = 900
MOST_ERRORS = 3


class Load:
    """Counts of answers and failures, by program and event."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ends = time.monotonic() + LONGEST
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.errors: list[str] = []

    def event(self) -> str:
        """The event that is going on."""
        return (self.directory / "event").read_text().strip()

    def ask(self, program: str) -> None:
        """Ask until stopped."""
        while not (self.directory / "stop").exists() and time.monotonic() < self.ends:
            name = f"{program} {self.event()}"
            try:
                connection = http.client.HTTPConnection("127.0.0.1", PORTS[program], timeout=10)
                connection.request("GET", "/", headers={"Connection": "close"})
                answer = connection.getresponse()
                answer.read()
                connection.close()
                wrong = "" if answer.status == 200 else f"status {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                wrong = repr(error)
            if wrong:
                self.failed[name] += 1
                self.errors = [*self.errors, f"{name}: {wrong}"][:MOST_ERRORS]
            else:
                self.answered[name] += 1
            time.sleep(0.002)

    def run(self) -> None:
        """Two clients for each program."""
        clients = [threading.Thread(target=self.ask, args=(program,)) for program in PORTS for _ in range(2)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        report = {"answered": self.answered, "failed": self.failed, "errors": self.errors}
        (self.directory / "report.json").write_text(json.dumps(report, sort_keys=True))


if __name__ == "__main__":
    Load(Path(sys.argv[1])).run()
